import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBalancer } from '../../../internal/balancers/balancers.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { seededRandom } from '../../support/random.ts'

const KEYS = Array.from({ length: 100_000 }, (_, i) => `customer-${i}`)

function makePeers(count: number, weight: (i: number) => number = () => 1): FakePeer[] {
  return Array.from({ length: count }, (_, i) => new FakePeer(testNode({ id: `n${i}`, weight: weight(i) })))
}

/** Returns the id of the node for each key. */
function placesOf(peers: readonly Peer[], keys: readonly string[] = KEYS): string[] {
  const balancer = createBalancer('consistent-hash')
  return keys.map(key => balancer.pick(peers, { tried: [], key })!.node.id)
}

function moved(before: readonly string[], after: readonly string[]): number[] {
  return before.flatMap((place, i) => (place === after[i] ? [] : [i]))
}

test('an eleventh node takes at most 15% of the keys, and no other node takes any', () => {
  const peers = makePeers(11)
  const [before, after] = [placesOf(peers.slice(0, 10)), placesOf(peers)]
  const changed = moved(before, after)
  assert.ok(changed.length <= 15_000 && changed.length > 5_000, `${changed.length}`)
  assert.ok(changed.every(i => after[i] === 'n10'))
})

test('a removed node does not move the keys of others', () => {
  const peers = makePeers(10)
  const before = placesOf(peers)
  for (const change of ['gone', 'away', 'drained']) {
    const rest = change === 'gone' ? peers.filter((_, i) => i !== 3) : peers
    if (change === 'away') peers[3]!.up = false
    if (change === 'drained') peers[3]!.node = testNode({ id: 'n3', weight: 0 })
    const changed = moved(before, placesOf(rest))
    peers[3]!.up = true
    assert.ok(changed.length <= 15_000 && changed.length > 5_000, `${change}: ${changed.length}`)
    assert.ok(
      changed.every(i => before[i] === 'n3'),
      change,
    )
  }
})

test('with weights as well, a new node moves no more than its share', () => {
  const peers = makePeers(11, i => 1 + (i % 5) * 10)
  const total = peers.reduce((sum, { node }) => sum + node.weight, 0)
  const share = KEYS.length * (peers[10]!.node.weight / total)
  const changed = moved(placesOf(peers.slice(0, 10)), placesOf(peers))
  assert.ok(changed.length <= share * 1.2, `${changed.length} for a share of ${share}`)
})

test('a changed weight moves only the difference', () => {
  const peers = makePeers(10, i => 10 + i)
  const before = placesOf(peers)
  peers[9]!.node = testNode({ id: 'n9', weight: 38 })
  const changed = moved(before, placesOf([...peers]))
  const difference = KEYS.length * (38 / 164 - 19 / 145)
  assert.ok(Math.abs(changed.length / difference - 1) < 0.1, `${changed.length} of ${difference}`)
})

test('every gateway maps a key to the same node, whatever the order in which it learned of the nodes', () => {
  const peers = makePeers(20, i => 1 + (i % 3))
  const keys = KEYS.slice(0, 2_000)
  const grown = createBalancer('consistent-hash')
  for (let count = 1; count < peers.length; count++)
    grown.pick(peers.slice(0, count), { tried: [], key: 'k' })
  const atGrown = keys.map(key => grown.pick(peers, { tried: [], key })!.node.id)
  assert.deepEqual(atGrown, placesOf(peers, keys))
  assert.deepEqual(placesOf([...peers].reverse(), keys), placesOf(peers, keys))
})

test('keys that differ only at their end, or are long, are spread evenly', () => {
  const peers = makePeers(10)
  for (const keyOf of [
    String,
    (i: number) => `${'x'.repeat(5_000)}${i}`,
    (i: number) => `10.0.0.${i % 256}/${i}`,
  ]) {
    const counts = new Map<string, number>()
    const keys = Array.from({ length: 5_000 }, (_, i) => keyOf(i))
    for (const place of placesOf(peers, keys)) counts.set(place, (counts.get(place) ?? 0) + 1)
    assert.equal(counts.size, 10)
    assert.ok(Math.max(...counts.values()) < 500 * 1.5, `${[...counts.values()]}`)
  }
})

test('no node has more than 1.25 times its share of the requests in flight, plus one for rounding', () => {
  for (const [what, keyOf, weight] of [
    ['one key', () => 'all the same', () => 1],
    ['few keys', (i: number) => `k${i % 7}`, () => 1],
    ['many keys', (i: number) => `k${i}`, () => 1],
    ['few keys and weights', (i: number) => `k${i % 7}`, (i: number) => 1 + i],
  ] as const) {
    const random = seededRandom(1)
    const peers = makePeers(10, weight)
    const total = peers.reduce((sum, { node }) => sum + node.weight, 0)
    const balancer = createBalancer('consistent-hash')
    const open: Peer[] = []
    let most = 0
    for (let i = 0; i < 20_000; i++) {
      if (open.length > 0 && (open.length >= 200 || random() < 0.3)) {
        open.splice(Math.floor(random() * open.length), 1)[0]!.inFlight--
        continue
      }
      const peer = balancer.pick(peers, { tried: [], key: keyOf(i) })!
      peer.inFlight++
      open.push(peer)
      const share = (open.length * peer.node.weight) / total
      assert.ok(peer.inFlight <= 1.25 * share + 1, `${what}: ${peer.inFlight} of a share of ${share}`)
      most = Math.max(most, peer.inFlight / share)
    }
    assert.ok(most > 1.1, `${what}: the bound was reached`)
  }
})

test('unavailable nodes do not count for the bound', () => {
  const peers = makePeers(10)
  for (const peer of peers.slice(2)) {
    peer.up = false
    peer.inFlight = 1_000
  }
  const balancer = createBalancer('consistent-hash')
  for (let i = 0; i < 100; i++) balancer.pick(peers, { tried: [], key: 'k' })!.inFlight++
  const [most, least] = [peers[0]!.inFlight, peers[1]!.inFlight].sort((a, b) => b - a)
  assert.ok(most! >= 62 && most! <= 1.25 * 50 + 1, `${most}, ${least}`)
})

test('when the node of a key is full, its requests go to one and the same other node', () => {
  const peers = makePeers(10)
  const balancer = createBalancer('consistent-hash')
  const own = balancer.pick(peers, { tried: [], key: 'k' })!
  own.inFlight = 1_000
  const others = new Set(Array.from({ length: 50 }, () => balancer.pick(peers, { tried: [], key: 'k' })))
  assert.equal(others.size, 1)
  assert.ok(!others.has(own))
})

test('a node in slow start never loses a key', () => {
  const peers = makePeers(5)
  peers[4]!.warmingSince = 0
  const balancer = createBalancer('consistent-hash')
  const keys = KEYS.slice(0, 5_000)
  let had = new Set<string>()
  for (let now = 0; now <= 1_000; now += 100) {
    const slowStart = { windowMs: 1_000, now }
    const has = new Set(keys.filter(key => balancer.pick(peers, { tried: [], key, slowStart }) === peers[4]))
    assert.ok(
      [...had].every(key => has.has(key)) && has.size > had.size,
      `${now}: ${had.size}, then ${has.size}`,
    )
    had = has
  }
})

test('requests without a key go to the node with the lowest load', () => {
  const peers = makePeers(2)
  const balancer = createBalancer('consistent-hash')
  peers[0]!.inFlight = 3
  for (let i = 0; i < 20; i++) assert.equal(balancer.pick(peers, { tried: [] }), peers[1])
})

test('each of a thousand nodes has keys', () => {
  const counts = new Map<string, number>()
  for (const place of placesOf(makePeers(1_000))) counts.set(place, (counts.get(place) ?? 0) + 1)
  assert.equal(counts.size, 1_000)
  assert.ok(Math.max(...counts.values()) < 200, `${Math.max(...counts.values())}`)
})
