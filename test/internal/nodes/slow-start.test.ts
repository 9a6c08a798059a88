import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BALANCERS, type BalancerName, createBalancer } from '../../../internal/balancers/balancers.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { warmth } from '../../../internal/nodes/slow-start.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { seededRandom } from '../../support/random.ts'

const WINDOW_MS = 30_000

function setUp() {
  const clock = { now: 5_000 }
  const table = new NodeTable(
    node => new FakePeer(node),
    () => clock.now,
  )
  table.set('user', [testNode({ id: 'a', weight: 2 }), testNode({ id: 'b', weight: 2 })])
  table.loaded()
  const service = table.get('user')!
  return { clock, table, service }
}

test('the part of the weight grows linearly from a tenth to the whole, and stays there', () => {
  const peer = new FakePeer(testNode())
  peer.warmingSince = 1_000
  const at = (now: number) => warmth(peer, { windowMs: 1_000, now })
  assert.deepEqual(
    [1_000, 1_500, 2_000, 9_000].map(now => Math.round(at(now) * 1_000) / 1_000),
    [0.1, 0.55, 1, 1],
  )
  assert.equal(warmth(peer, undefined), 1)
  peer.warmingSince = undefined
  assert.equal(at(1_000), 1)
})

test('nodes of the first table have no slow start; later ones do, and a new weight does not restart it', () => {
  const { clock, table, service } = setUp()
  clock.now = 7_000
  const nodes = ['a', 'b', 'c'].map(id => testNode({ id, weight: 2 }))
  table.set('user', nodes)
  clock.now = 9_000
  table.set(
    'user',
    nodes.map(({ id }) => testNode({ id, weight: 3 })),
  )
  assert.deepEqual(
    service.peers.map(({ warmingSince }) => warmingSince),
    [undefined, undefined, 7_000],
  )
  table.set('user', [testNode({ id: 'a', weight: 3, port: 4_000 })])
  assert.equal(service.peers[0]!.warmingSince, 9_000, 'a node at another address is a new node')
})

for (const name of Object.keys(BALANCERS) as BalancerName[]) {
  test(`${name}: the share of a new node follows its ramp`, () => {
    const { clock, table, service } = setUp()
    clock.now = 10_000
    table.set(
      'user',
      ['a', 'b', 'new'].map(id => testNode({ id, weight: 2 })),
    )
    const balancer = createBalancer(name, { random: seededRandom(7), now: () => clock.now })
    const shareOfNew = (windowMs: number | undefined): number => {
      let picks = 0
      for (let i = 0; i < 60_000; i++) {
        const slowStart = windowMs === undefined ? undefined : { windowMs, now: clock.now }
        const peer = balancer.pick(service.peers, { tried: [], key: `key ${i}`, slowStart })!
        if (peer.node.id === 'new') picks++
      }
      return picks / 60_000
    }
    const whole = shareOfNew(undefined)
    assert.ok(Math.abs(whole * 3 - 1) < 0.2, `without a slow start it gets its third at once: ${whole}`)
    let before = 0
    for (const [passed, part] of [
      [0, 0.1],
      [0.25, 0.325],
      [0.5, 0.55],
      [0.75, 0.775],
      [1, 1],
      [5, 1],
    ] as const) {
      clock.now = 10_000 + passed * WINDOW_MS
      const share = shareOfNew(WINDOW_MS)
      // Consistent hashing gives a part of the full share; the others give the share of a part of the weight.
      const expected = name === 'consistent-hash' ? whole * part : part / (part + 2)
      assert.ok(Math.abs(share / expected - 1) < 0.2, `${passed}: ${share}, expected ${expected}`)
      assert.ok(share >= before * 0.95, 'the share only grows')
      before = share
    }
  })

  test(`${name}: when all nodes are new, all are chosen`, () => {
    const { clock, table, service } = setUp()
    table.set('user', [])
    table.set(
      'user',
      ['x', 'y', 'z'].map(id => testNode({ id })),
    )
    assert.equal(service.peers.length, 2, 'the service object is a new one')
    const balancer = createBalancer(name, { random: seededRandom(3), now: () => clock.now })
    const { peers } = table.get('user')!
    const counts = new Map<string, number>()
    for (let i = 0; i < 9_000; i++) {
      const slowStart = { windowMs: WINDOW_MS, now: clock.now }
      const { id } = balancer.pick(peers, { tried: [], key: `key ${i}`, slowStart })!.node
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const id of ['x', 'y', 'z']) {
      assert.ok(Math.abs((counts.get(id) ?? 0) / 3_000 - 1) < 0.25, `${id}: ${counts.get(id)}`)
    }
  })
}
