import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Balancer, TryEnd } from '../../../internal/balancers/balancer.ts'
import { createBalancer } from '../../../internal/balancers/balancers.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { FakePeer, fakePeers, testNode } from '../../support/peer.ts'
import { seededRandom } from '../../support/random.ts'

/** Tests of `least-request` and `peak-ewma`, which both choose between two peers. */

const NONE_TRIED = { tried: [] }

interface Shared {
  readonly balancer: Balancer
  readonly peers: readonly FakePeer[]
  readonly clock?: { now: number }
  readonly latencyMs: (peer: Peer) => number
  /** Requests in flight at all times. */
  readonly concurrency: number
  readonly requests: number
  /** How the try with this number ended. Default: it was answered. */
  readonly endOf?: (sent: number) => TryEnd
}

/** Simulates a closed loop on a clock of its own: each answer triggers the next request. */
function closedLoop({
  balancer,
  peers,
  clock = { now: 0 },
  latencyMs,
  concurrency,
  requests,
  endOf,
}: Shared) {
  const counts = new Map<string, number>()
  const open: { readonly peer: FakePeer; readonly begunAt: number; readonly endsAt: number }[] = []
  for (let sent = 0; sent < requests; sent++) {
    if (open.length === concurrency) {
      open.sort((a, b) => b.endsAt - a.endsAt)
      const { peer, begunAt, endsAt } = open.pop()!
      clock.now = endsAt
      peer.inFlight--
      balancer.observe?.(peer, endsAt - begunAt, endOf?.(sent) ?? 'answered')
    }
    const peer = balancer.pick(peers, NONE_TRIED) as FakePeer
    peer.inFlight++
    open.push({ peer, begunAt: clock.now, endsAt: clock.now + latencyMs(peer) })
    counts.set(peer.node.id, (counts.get(peer.node.id) ?? 0) + 1)
  }
  return (id: string) => (counts.get(id) ?? 0) / requests
}

function leastRequest(seed = 1): Balancer {
  return createBalancer('least-request', { random: seededRandom(seed) })
}

function peakEwma(clock = { now: 0 }, seed = 1): Balancer {
  return createBalancer('peak-ewma', { random: seededRandom(seed), now: () => clock.now })
}

test('the node with fewer requests in flight for its weight is picked', () => {
  for (const [weights, inFlight, expected] of [
    [{ a: 1, b: 1 }, [1, 0], 'b'],
    [{ a: 1, b: 1 }, [5, 6], 'a'],
    [{ a: 10, b: 1 }, [9, 1], 'a'],
    [{ a: 2, b: 3 }, [4, 3], 'b'],
  ] as const) {
    const peers = fakePeers(weights)
    for (const [i, count] of inFlight.entries()) peers[i]!.inFlight = count
    const balancer = leastRequest()
    for (let i = 0; i < 50; i++) assert.equal(balancer.pick(peers, NONE_TRIED)!.node.id, expected)
  }
})

for (const [name, make] of [
  ['least-request', leastRequest],
  ['peak-ewma', peakEwma],
] as const) {
  test(`${name}: a node that is ten times slower gets less than a fifth of its fair share`, () => {
    for (const [nodes, concurrency] of [
      [2, 2],
      [2, 10],
      [3, 20],
      [5, 40],
      [10, 80],
    ] as const) {
      const clock = { now: 0 }
      const shareOf = closedLoop({
        balancer: name === 'peak-ewma' ? peakEwma(clock) : make(),
        peers: Array.from({ length: nodes }, (_, i) => new FakePeer(testNode({ id: `n${i}` }))),
        clock,
        latencyMs: ({ node }) => (node.id === 'n0' ? 100 : 10),
        concurrency,
        requests: 20_000,
      })
      const part = shareOf('n0') * nodes
      assert.ok(part < 0.2, `${nodes} nodes, ${concurrency} at once: ${part} of its share`)
      assert.ok(part > 0, 'it still gets some requests')
    }
  })

  test(`${name}: equally fast nodes that are busy share requests roughly by weight`, () => {
    const clock = { now: 0 }
    const jitter = seededRandom(9)
    const shareOf = closedLoop({
      balancer: name === 'peak-ewma' ? peakEwma(clock) : make(),
      peers: fakePeers({ a: 1, b: 3 }),
      clock,
      latencyMs: () => 9 + 2 * jitter(),
      concurrency: 40,
      requests: 40_000,
    })
    assert.ok(Math.abs(shareOf('a') / 0.25 - 1) < 0.15, `${shareOf('a')}`)
  })
}

test('an idle light node does not get every second request beside a heavy one', () => {
  const shareOf = closedLoop({
    balancer: leastRequest(),
    peers: fakePeers({ heavy: 100, light: 1 }),
    latencyMs: () => 10,
    concurrency: 5,
    requests: 20_000,
  })
  assert.ok(shareOf('light') < 0.1 && shareOf('light') > 0, `${shareOf('light')}`)
})

test('one slow answer counts at once, and is forgotten over ten seconds', () => {
  const clock = { now: 0 }
  const balancer = peakEwma(clock)
  const peers = fakePeers({ a: 1, b: 1 })
  const [a, b] = peers as [FakePeer, FakePeer]
  const shareOfA = () => {
    let count = 0
    for (let i = 0; i < 100; i++) if (balancer.pick(peers, NONE_TRIED) === a) count++
    return count / 100
  }
  const answer = (ofA: number) => {
    balancer.observe!(a, ofA, 'answered')
    balancer.observe!(b, 5, 'answered')
  }
  for (let i = 0; i < 100; i++) answer(5)
  assert.ok(shareOfA() > 0.3, 'it is as good as the other')
  answer(50)
  assert.equal(shareOfA(), 0)
  clock.now = 5_000
  answer(5)
  assert.equal(shareOfA(), 0, 'it is still slower')
  for (clock.now = 6_000; clock.now < 40_000; clock.now += 1_000) answer(5)
  assert.ok(shareOfA() > 0.3, 'it is as good again')
})

test('a node that gets no more requests is tried again after a while', () => {
  const clock = { now: 0 }
  const balancer = peakEwma(clock)
  const peers = fakePeers({ a: 1, b: 1 })
  balancer.observe!(peers[0]!, 100, 'answered')
  for (; clock.now < 60_000; clock.now += 100) {
    const peer = balancer.pick(peers, NONE_TRIED)!
    if (peer === peers[0]) break
    balancer.observe!(peer, 10, 'answered')
  }
  assert.ok(clock.now > 10_000 && clock.now < 40_000, `after ${clock.now} ms`)
})

test('a node that fails fast does not attract requests', () => {
  const clock = { now: 0 }
  const balancer = peakEwma(clock)
  const peers = fakePeers({ good: 1, bad: 1 })
  let failed = 0
  for (let i = 0; i < 1_000; i++) {
    clock.now += 10
    const peer = balancer.pick(peers, NONE_TRIED)!
    const bad = peer === peers[1]
    if (bad) failed++
    balancer.observe!(peer, bad ? 0.2 : 10, bad ? 'failed' : 'answered')
  }
  assert.ok(failed < 50, `${failed} of 1,000`)
})

test('nodes share the requests also where few answers can be timed, and after a failure', () => {
  for (const timed of [0, 1_000]) {
    const clock = { now: 0 }
    const shareOf = closedLoop({
      balancer: peakEwma(clock),
      peers: fakePeers({ a: 1, b: 1, c: 1 }),
      clock,
      latencyMs: () => 10,
      concurrency: 30,
      requests: 100_000,
      endOf: sent => (sent === 100 ? 'failed' : sent % timed === 1 ? 'answered' : 'untimed'),
    })
    for (const id of ['a', 'b', 'c']) assert.ok(Math.abs(shareOf(id) - 1 / 3) < 0.05, `${shareOf(id)}`)
  }
})

test('an abandoned try counts with the time that it lasted, when that is long', () => {
  const balancer = peakEwma()
  const peers = fakePeers({ a: 1, b: 1 })
  for (const peer of peers) balancer.observe!(peer, 10, 'answered')
  balancer.observe!(peers[0]!, 1, 'abandoned')
  const picks = () => new Set(Array.from({ length: 100 }, () => balancer.pick(peers, NONE_TRIED)))
  assert.equal(picks().size, 2, 'a short one does not count')
  balancer.observe!(peers[0]!, 200, 'abandoned')
  assert.deepEqual([...picks()], [peers[1]])
})

test('a new node gets one request until its first answer', () => {
  const balancer = peakEwma()
  const peers = fakePeers({ a: 1, b: 1, fresh: 1 })
  for (const peer of peers.slice(0, 2)) balancer.observe!(peer, 10, 'answered')
  const fresh = peers[2]!
  let picks = 0
  for (let i = 0; i < 100; i++) {
    if (balancer.pick(peers, NONE_TRIED) !== fresh) continue
    picks++
    fresh.inFlight++
  }
  assert.equal(picks, 1)
})
