import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Balancer } from '../../../internal/balancers/balancer.ts'
import { createBalancer } from '../../../internal/balancers/balancers.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { FakePeer, fakePeers, testNode } from '../../support/peer.ts'
import { seededRandom } from '../../support/random.ts'

const NONE_TRIED = { tried: [] }

function pickIds(balancer: Balancer, peers: readonly Peer[], times: number): string {
  const picks = Array.from({ length: times }, () => balancer.pick(peers, NONE_TRIED)?.node.id ?? '-')
  return picks.join(' ')
}

function wrr(): Balancer {
  return createBalancer('weighted-round-robin')
}

test('weights 5, 1, 1 give the sequence of nginx, repeatedly', () => {
  const peers = fakePeers({ a: 5, b: 1, c: 1 })
  const balancer = wrr()
  assert.equal(pickIds(balancer, peers, 14), 'a a b a c a a a a b a c a a')
})

interface Expectation {
  readonly origin: string
  readonly weights?: Readonly<Record<string, number>>
  readonly requests?: number
  readonly warmup?: number
  readonly counts?: Readonly<Record<string, number>>
  readonly ratios?: Readonly<Record<string, number>>
  readonly tolerance?: number
}
const fixture = new URL('../../fixtures/balancing_expectations.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly Expectation[] }

for (const { origin, weights, requests, warmup = 0, counts, ratios, tolerance = 0 } of cases) {
  // The cases with failing nodes concern retries and breakers, and are tested with those.
  if (!weights || !requests || origin.includes("'failures'")) continue
  test(`picks are distributed as the tests of other gateways expect: ${origin}`, () => {
    const peers = fakePeers(weights)
    const balancer = wrr()
    for (let i = 0; i < warmup; i++) balancer.pick(peers, NONE_TRIED)
    const seen = new Map<string, number>()
    for (let i = 0; i < requests; i++) {
      const id = balancer.pick(peers, NONE_TRIED)!.node.id
      seen.set(id, (seen.get(id) ?? 0) + 1)
    }
    if (counts) assert.deepEqual(Object.fromEntries([...seen].sort()), counts)
    for (const [id, ratio] of Object.entries(ratios ?? {})) {
      assert.ok(Math.abs((seen.get(id) ?? 0) / requests - ratio) <= tolerance, id)
    }
  })
}

test('a node of weight 0 is never picked, even when it is the only one', () => {
  const balancer = wrr()
  assert.equal(pickIds(balancer, fakePeers({ a: 0, b: 2 }), 3), 'b b b')
  assert.equal(balancer.pick(fakePeers({ a: 0 }), NONE_TRIED), undefined)
  assert.equal(balancer.pick([], NONE_TRIED), undefined)
})

test('an unavailable node takes no part, and comes back to its share without a burst', () => {
  const peers = fakePeers({ a: 1, b: 1 })
  const balancer = wrr()
  peers[0]!.up = false
  assert.equal(pickIds(balancer, peers, 100), Array(100).fill('b').join(' '))
  peers[0]!.up = true
  assert.equal(pickIds(balancer, peers, 4), 'a b a b')
})

test('a node that the request has tried is not picked again, whatever its weight', () => {
  const peers = fakePeers({ a: 1_000, b: 1 })
  const balancer = wrr()
  assert.equal(balancer.pick(peers, { tried: [peers[0]!] })?.node.id, 'b')
  assert.equal(balancer.pick(peers, { tried: peers }), undefined)
})

test('a changed weight applies from the next pick on', () => {
  const peers = fakePeers({ a: 5, b: 1 })
  const balancer = wrr()
  pickIds(balancer, peers, 2)
  peers[0]!.node = testNode({ id: 'a', weight: 1 })
  assert.equal(pickIds(balancer, [...peers], 4), 'a b a b')
})

test('a node that comes or goes does not affect the credit of others', () => {
  const [a, b] = fakePeers({ a: 1, b: 1 })
  const balancer = wrr()
  assert.equal(pickIds(balancer, [a!, b!], 1), 'a')
  // If each change reset all credit, a would get every pick of a service that keeps changing.
  const c = new FakePeer(testNode({ id: 'c' }))
  assert.equal(balancer.pick([a!, b!, c], NONE_TRIED)?.node.id, 'b')
  assert.equal(balancer.pick([a!, b!], NONE_TRIED)?.node.id, 'a')
  assert.equal(balancer.pick([a!, b!], NONE_TRIED)?.node.id, 'b')
})

test('the largest allowed weights stay exact', () => {
  const weights = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`n${i}`, 65_535]))
  const peers = fakePeers(weights)
  const balancer = wrr()
  const seen = new Set(Array.from({ length: 1_000 }, () => balancer.pick(peers, NONE_TRIED)))
  assert.equal(seen.size, 1_000)
})

/** The algorithm of nginx, which looks at every peer for every pick, to compare the balancer with. */
function referencePicks(
  weights: readonly number[],
  times: number,
  tried: (pick: number) => number[],
): number[] {
  const credits = weights.map(() => 0)
  return Array.from({ length: times }, (_, pick) => {
    const skipped = tried(pick)
    let total = 0
    let best = -1
    for (const [index, weight] of weights.entries()) {
      if (weight === 0 || skipped.includes(index)) continue
      credits[index]! += weight
      total += weight
      if (best === -1 || credits[index]! > credits[best]!) best = index
    }
    if (best !== -1) credits[best]! -= total
    return best
  })
}

test("the order is nginx's for any number of nodes, any weights, and requests that have tried some nodes", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed)
    const count = 1 + Math.floor(random() * 40)
    const largest = [2, 10, 100, 65_535][Math.floor(random() * 4)]!
    const weights = Array.from({ length: count }, () => Math.floor(random() * (largest + 1)))
    const retries = new Map<number, number[]>()
    for (let pick = 0; pick < 500; pick++) {
      if (random() < 0.1) retries.set(pick, [Math.floor(random() * count), Math.floor(random() * count)])
    }
    const peers = weights.map((weight, i) => new FakePeer(testNode({ id: `n${i}`, weight })))
    const balancer = wrr()
    const picks = Array.from({ length: 500 }, (_, pick) => {
      const tried = (retries.get(pick) ?? []).map(index => peers[index]!)
      const peer = balancer.pick(peers, { tried })
      return peer ? peers.indexOf(peer as FakePeer) : -1
    })
    const expected = referencePicks(weights, 500, pick => retries.get(pick) ?? [])
    assert.deepEqual(picks, expected, `seed ${seed}, weights ${weights}`)
  }
})

test('when all nodes are unavailable and one comes back, the next pick finds it', () => {
  const peers = Array.from({ length: 50 }, (_, i) => new FakePeer(testNode({ id: `n${i}` })))
  const balancer = wrr()
  for (const back of peers) {
    for (const peer of peers) peer.up = false
    assert.equal(balancer.pick(peers, NONE_TRIED), undefined)
    back.up = true
    assert.equal(balancer.pick(peers, { tried: [back] }), undefined)
    assert.equal(balancer.pick(peers, NONE_TRIED), back)
  }
})

test('a node gets no picks while it is unavailable, and its share afterwards', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed)
    const peers = Array.from(
      { length: 30 },
      (_, i) => new FakePeer(testNode({ id: `n${i}`, weight: 1 + Math.floor(random() * 9) })),
    )
    const balancer = wrr()
    for (let pick = 0; pick < 5_000; pick++) {
      if (random() < 0.05) {
        const peer = peers[Math.floor(random() * peers.length)]!
        peer.up = !peer.up
      }
      const picked = balancer.pick(peers, NONE_TRIED)
      assert.equal(
        picked !== undefined,
        peers.some(peer => peer.up),
        'never an empty choice while one is up',
      )
      assert.ok(picked === undefined || (picked as FakePeer).up, 'never an unavailable node')
    }
    for (const peer of peers) peer.up = true
    // All nodes take part again after a few picks. Then a whole round gives each exactly its weight.
    for (let pick = 0; pick < 200; pick++) balancer.pick(peers, NONE_TRIED)
    const round = peers.reduce((sum, { node }) => sum + node.weight, 0)
    const seen = new Map<Peer, number>()
    for (let pick = 0; pick < 10 * round; pick++) {
      const peer = balancer.pick(peers, NONE_TRIED)!
      seen.set(peer, (seen.get(peer) ?? 0) + 1)
    }
    for (const peer of peers) {
      const share = seen.get(peer) ?? 0
      assert.ok(Math.abs(share - 10 * peer.node.weight) <= peer.node.weight + 1, `seed ${seed}: ${share}`)
    }
  }
})
