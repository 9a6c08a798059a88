import type { Peer } from '../nodes/peer.ts'
import { warmth } from '../nodes/slow-start.ts'
import type { Balancer, BalancerOptions, PickContext } from './balancer.ts'
import { createLeastRequest } from './least-request.ts'
import { RendezvousTable } from './rendezvous-table.ts'
import { hashText } from './text-hash.ts'

/** How far above its share of the requests in flight a peer may come. */
const BALANCE = 1.25
const HASH_RANGE = 2 ** 32

/** How welcome a request with a key is at a peer that is not the key's own. */
const RANK = { none: 0, full: 1, cold: 2, good: 3 } as const

/**
 * The same peer for the same key, as long as it may be chosen and has room: at most 1.25 times its share of the
 * requests in flight, rounded up. Else the key's next one, which is again the same for all requests with that key.
 * A peer that warms up has only part of its keys at first, and never gives one of them back.
 *
 * A request without a key goes where `least-request` sends it.
 *
 * 20 ns a pick with 3 nodes, 30 ns with 1,000. Where the key's peer is busy, all requests in flight are added up:
 * 40 ns and 3 µs (bench/balancers.ts).
 *
 * Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2016), over a
 * {@link RendezvousTable}.
 */
export function createConsistentHash(options: BalancerOptions = {}): Balancer {
  const withoutKey = createLeastRequest(options)
  let known: readonly Peer[] = []
  let table = new RendezvousTable([])

  function pickByKey(hash: number, context: PickContext): Peer | undefined {
    const own = known[table.ownerOf(hash)]
    if (own && mayServe(own, context) && isWarmFor(hash, own, context)) {
      if (own.inFlight === 0 || hasRoom(own, capacityPerWeight(known, context), context)) return own
    }
    const capacity = capacityPerWeight(known, context)
    return known[
      table.bestOf(hash, index => {
        const peer = known[index]!
        if (!mayServe(peer, context)) return RANK.none
        if (!hasRoom(peer, capacity, context)) return RANK.full
        return isWarmFor(hash, peer, context) ? RANK.good : RANK.cold
      })
    ]
  }

  return {
    pick(peers, context) {
      if (context.key === undefined) return withoutKey.pick(peers, context)
      // The table of nodes swaps the array when anything in it changes, so its identity is enough to look at.
      if (peers !== known) {
        known = peers
        if (!table.fits(peers)) table = new RendezvousTable(peers)
      }
      return pickByKey(hashText(context.key), context)
    },
  }
}

/** What a peer may have in flight for each unit of its weight, this request included. */
function capacityPerWeight(peers: readonly Peer[], context: PickContext): number {
  let requests = 1
  let weight = 0
  for (const peer of peers) {
    if (!mayServe(peer, context)) continue
    requests += peer.inFlight
    weight += weightOf(peer, context)
  }
  return (BALANCE * requests) / weight
}

function hasRoom(peer: Peer, capacity: number, context: PickContext): boolean {
  return peer.inFlight + 1 <= Math.ceil(capacity * weightOf(peer, context))
}

function weightOf(peer: Peer, { slowStart }: PickContext): number {
  return peer.node.weight * warmth(peer, slowStart)
}

/** Whether a key is among the part of its keys that a peer has already; a warmer one has those and more. */
function isWarmFor(hash: number, peer: Peer, { slowStart }: PickContext): boolean {
  const part = warmth(peer, slowStart)
  return part === 1 || hashText(peer.node.id, hash) < part * HASH_RANGE
}

function mayServe(peer: Peer, { tried }: PickContext): boolean {
  return peer.available() && (tried.length === 0 || !tried.includes(peer))
}
