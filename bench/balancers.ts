/**
 * Measures the cost of one pick of each balancer, with 3 and with 1,000 nodes, in nanoseconds; the least of many rounds.
 * Peers are either idle or busy, which means that each has requests in flight.
 *
 *   node bench/balancers.ts
 */
import type { PickContext } from '../internal/balancers/balancer.ts'
import { BALANCERS, type BalancerName, createBalancer } from '../internal/balancers/balancers.ts'
import { RendezvousTable } from '../internal/balancers/rendezvous-table.ts'
import type { Health } from '../internal/nodes/health.ts'
import { createNode, type Node } from '../internal/nodes/node.ts'
import type { Peer } from '../internal/nodes/peer.ts'

const ROUNDS = 30
const PICKS = 20_000
const KEYS = 1_024

class IdlePeer implements Peer {
  node: Node
  readonly address = ''
  inFlight: number
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false
  warmingSince: number | undefined = undefined
  readonly breaker = 'closed'
  readonly retryInMs = 0

  constructor(node: Node, inFlight: number) {
    this.node = node
    this.inFlight = inFlight
  }

  available(): boolean {
    return this.node.weight > 0 && this.node.protocol === undefined
  }

  recover(): void {}

  readmit(): boolean {
    return false
  }

  dispose(): void {}
}

function makePeers(count: number, inFlight: number): Peer[] {
  return Array.from({ length: count }, (_, i) => {
    const node = createNode({ id: `n${i}`, service: 's', host: '127.0.0.1', port: 3000, weight: 1 + (i % 3) })
    return new IdlePeer(node, inFlight * node.weight)
  })
}

function least(rounds: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    run()
    best = Math.min(best, performance.now() - begun)
  }
  return best
}

function pickNs(name: BalancerName, count: number, inFlight: number, warming: boolean): number {
  const peers = makePeers(count, inFlight)
  const balancer = createBalancer(name)
  const slowStart = warming ? { windowMs: 60_000, now: 30_000 } : undefined
  if (warming) peers[0]!.warmingSince = 0
  for (const peer of peers) balancer.observe?.(peer, 5, 'answered')
  const contexts: PickContext[] = Array.from({ length: KEYS }, (_, i) => ({
    tried: [],
    key: name === 'sticky-cookie' ? `n${i % count}` : `key ${i}`,
    slowStart,
  }))
  const ms = least(ROUNDS, () => {
    for (let i = 0; i < PICKS; i++) balancer.pick(peers, contexts[i % KEYS]!)
  })
  return Math.round((ms * 1e6) / PICKS)
}

const rows = (Object.keys(BALANCERS) as BalancerName[]).flatMap(name =>
  [3, 1_000].map(nodes => ({
    balancer: name,
    nodes,
    idle: pickNs(name, nodes, 0, false),
    busy: pickNs(name, nodes, 2, false),
    'one warming up': pickNs(name, nodes, 0, true),
  })),
)
console.table(rows)
const thousand = makePeers(1_000, 0)
const firstLookupsMs = least(ROUNDS, () => {
  const table = new RendezvousTable(thousand)
  for (let hash = 0; hash < KEYS; hash++) table.ownerOf(hash)
})
console.log(
  `first look-up of a key in the table of 1,000 nodes: ${Math.round((firstLookupsMs * 1_000) / KEYS)} µs`,
)
