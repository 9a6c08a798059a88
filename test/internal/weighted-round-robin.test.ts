import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BALANCERS, type Balancer, createBalancer } from '../../internal/balancer.ts'
import type { Peer } from '../../internal/peer.ts'
import { FakePeer, fakePeers, testNode } from '../support/peer.ts'

const NONE_TRIED = { tried: [] }

function pickIds(balancer: Balancer, peers: readonly Peer[], times: number): string {
  const picks = Array.from({ length: times }, () => balancer.pick(peers, NONE_TRIED)?.node.id ?? '-')
  return picks.join(' ')
}

function wrr(): Balancer {
  return createBalancer('weighted-round-robin')
}

test('weights 5, 1, 1 give the sequence that nginx gives, over and over', () => {
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
const fixture = new URL('../fixtures/balancing_expectations.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: readonly Expectation[] }

for (const { origin, weights, requests, warmup = 0, counts, ratios, tolerance = 0 } of cases) {
  // The cases in which nodes fail are about retries and breakers; they are tested where those are.
  if (!weights || !requests || origin.includes("'failures'")) continue
  test(`picks are shared out as other gateways' tests expect: ${origin}`, () => {
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

test('a node of weight 0 is never picked, and alone it is as good as none', () => {
  const balancer = wrr()
  assert.equal(pickIds(balancer, fakePeers({ a: 0, b: 2 }), 3), 'b b b')
  assert.equal(balancer.pick(fakePeers({ a: 0 }), NONE_TRIED), undefined)
  assert.equal(balancer.pick([], NONE_TRIED), undefined)
})

test('a node that is not available takes no part, and its share returns with it without a burst', () => {
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

test('a changed weight counts from the next pick on', () => {
  const peers = fakePeers({ a: 5, b: 1 })
  const balancer = wrr()
  pickIds(balancer, peers, 2)
  peers[0]!.node = testNode({ id: 'a', weight: 1 })
  assert.equal(pickIds(balancer, [...peers], 4), 'a b a b')
})

test('a node that comes or goes leaves the credit of the others alone', () => {
  const [a, b] = fakePeers({ a: 1, b: 1 })
  const balancer = wrr()
  assert.equal(pickIds(balancer, [a!, b!], 1), 'a')
  // Were everything forgotten at each change, a would have every pick of a service that keeps changing.
  const c = new FakePeer(testNode({ id: 'c' }))
  assert.equal(balancer.pick([a!, b!, c], NONE_TRIED)?.node.id, 'b')
  assert.equal(balancer.pick([a!, b!], NONE_TRIED)?.node.id, 'a')
  assert.equal(balancer.pick([a!, b!], NONE_TRIED)?.node.id, 'b')
})

test('the largest weights that a node may have stay exact', () => {
  const weights = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`n${i}`, 65_535]))
  const peers = fakePeers(weights)
  const balancer = wrr()
  const seen = new Set(Array.from({ length: 1_000 }, () => balancer.pick(peers, NONE_TRIED)))
  assert.equal(seen.size, 1_000)
})

test('a balancer is made by its name, and a name that is none is refused', () => {
  for (const name of Object.keys(BALANCERS)) assert.equal(typeof createBalancer(name).pick, 'function')
  for (const name of ['', 'random?', 'constructor', '__proto__', 'toString']) {
    assert.throws(() => createBalancer(name), RangeError, name)
  }
})
