import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Balancer } from '../../../internal/balancers/balancer.ts'
import { BALANCERS, type BalancerName, createBalancer } from '../../../internal/balancers/balancers.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { FakePeer, fakePeers, testNode } from '../../support/peer.ts'
import { seededRandom } from '../../support/random.ts'

/** The rules that every balancer of the list follows. */

const NAMES = Object.keys(BALANCERS) as BalancerName[]
const NONE_TRIED = { tried: [] }
/** How far a node's share may deviate from its weight, as a part of the share. */
const TOLERANCE: Readonly<Record<BalancerName, number>> = {
  'weighted-round-robin': 0.001,
  'weighted-random': 0.05,
  'least-request': 0.05,
  'peak-ewma': 0.05,
  'consistent-hash': 0.05,
  'sticky-cookie': 0.001,
}

function make(name: BalancerName, seed = 1): Balancer {
  return createBalancer(name, { random: seededRandom(seed), now: () => 0 })
}

/** Counts the picks of each node. Every request has another key, none of which is a node id. */
function countPicks(
  balancer: Balancer,
  peers: readonly Peer[],
  times: number,
  key: (i: number) => string | undefined = i => `key ${i}`,
): Map<Peer | undefined, number> {
  const counts = new Map<Peer | undefined, number>()
  for (let i = 0; i < times; i++) {
    const peer = balancer.pick(peers, { tried: [], key: key(i) })
    counts.set(peer, (counts.get(peer) ?? 0) + 1)
  }
  return counts
}

test('a balancer is created by its name, and an unknown name is refused', () => {
  for (const name of NAMES) assert.equal(typeof createBalancer(name).pick, 'function')
  for (const name of ['', 'random?', 'constructor', '__proto__', 'toString']) {
    assert.throws(() => createBalancer(name), RangeError, name)
  }
})

for (const name of NAMES) {
  test(`${name}: picks nothing without a node, or when none is available`, () => {
    const balancer = make(name)
    const [drained] = fakePeers({ a: 0 })
    const [down] = fakePeers({ a: 1 })
    down!.up = false
    for (const key of [undefined, 'k', 'a']) {
      assert.equal(balancer.pick([], { tried: [], key }), undefined)
      assert.equal(balancer.pick([drained!], { tried: [], key }), undefined)
      assert.equal(balancer.pick([drained!, down!], { tried: [], key }), undefined)
      const peers = fakePeers({ a: 1, b: 3 })
      assert.equal(balancer.pick(peers, { tried: peers, key }), undefined)
    }
  })

  test(`${name}: whatever happens to the nodes, it picks an available one, and no other`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = seededRandom(seed)
      const balancer = make(name, seed + 1_000)
      let next = 0
      const newPeer = () =>
        new FakePeer(
          testNode({ id: `n${next++}`, weight: Math.floor(random() * 4) * Math.floor(random() * 9) }),
        )
      let peers: readonly FakePeer[] = Array.from({ length: 8 }, newPeer)
      for (let pick = 0; pick < 3_000; pick++) {
        const any = () => peers[Math.floor(random() * peers.length)]
        const chance = random()
        if (chance < 0.05) {
          const peer = any()
          if (peer) peer.up = !peer.up
        } else if (chance < 0.07) peers = [...peers, newPeer()]
        else if (chance < 0.09) peers = peers.filter(peer => peer !== any())
        else if (chance < 0.1) {
          const peer = any()
          if (peer) peer.node = testNode({ id: peer.node.id, weight: Math.floor(random() * 5) })
          peers = [...peers]
        } else if (chance < 0.3) {
          const peer = any()
          if (peer) peer.inFlight = Math.floor(random() * 20)
        }
        const tried = random() < 0.2 ? [any(), any()].filter(peer => peer !== undefined) : []
        const key = random() < 0.2 ? undefined : `n${Math.floor(random() * next)}`
        const eligible = peers.filter(peer => peer.available() && !tried.includes(peer))
        const slowStart = random() < 0.3 ? { windowMs: 1_000, now: 100 } : undefined
        const picked = balancer.pick(peers, { tried, key, slowStart })
        if (picked === undefined) assert.equal(eligible.length, 0, `seed ${seed}, pick ${pick}`)
        else assert.ok(eligible.includes(picked as FakePeer), `seed ${seed}, pick ${pick}`)
        if (picked) balancer.observe?.(picked, random() * 10, random() < 0.1 ? 'failed' : 'answered')
      }
    }
  })

  test(`${name}: nodes that are equally fast and idle share requests by weight`, () => {
    const weights = { a: 1, b: 2, c: 3, d: 0, e: 10 }
    const counts = countPicks(make(name), fakePeers(weights), 160_000)
    for (const [peer, count] of counts) {
      const share = 160_000 * (peer!.node.weight / 16)
      assert.ok(Math.abs(count / share - 1) <= TOLERANCE[name], `${peer!.node.id}: ${count} of ${share}`)
    }
    assert.equal(counts.size, 4)
  })

  test(`${name}: a changed weight applies from the next pick on, and 0 means no requests`, () => {
    const [a, b] = fakePeers({ a: 1, b: 1 })
    const balancer = make(name)
    assert.equal(countPicks(balancer, [a!, b!], 100).size, 2)
    a!.node = testNode({ id: 'a', weight: 0 })
    assert.deepEqual([...countPicks(balancer, [a!, b!], 100, () => 'a').keys()], [b])
    a!.node = testNode({ id: 'a', weight: 3 })
    const counts = countPicks(balancer, [a!, b!], 20_000)
    assert.ok(Math.abs(counts.get(a)! / 15_000 - 1) < TOLERANCE[name], `${counts.get(a)}`)
  })

  test(`${name}: finds the only available one of a thousand nodes`, () => {
    const peers = Array.from({ length: 1_000 }, (_, i) => new FakePeer(testNode({ id: `n${i}` })))
    const balancer = make(name)
    for (const peer of peers) peer.up = false
    for (const at of [0, 1, 500, 999]) {
      peers[at]!.up = true
      for (const key of [undefined, 'k', 'n7']) {
        assert.equal(balancer.pick(peers, { tried: [], key }), peers[at])
        assert.equal(balancer.pick(peers, { tried: [peers[at]!], key }), undefined)
      }
      peers[at]!.up = false
    }
    assert.equal(balancer.pick(peers, NONE_TRIED), undefined)
  })
}
