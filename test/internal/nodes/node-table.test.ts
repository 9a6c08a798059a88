import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeSelection } from '../../../internal/nodes/node-selection.ts'
import { NodeTable, type PeerGroup } from '../../../internal/nodes/node-table.ts'
import { FakePeer, testNode } from '../../support/peer.ts'

function setUp() {
  const made: FakePeer[] = []
  const table = new NodeTable(node => {
    const peer = new FakePeer(node)
    made.push(peer)
    return peer
  })
  return { table, made }
}

test('a service exists while it has nodes', () => {
  const { table } = setUp()
  assert.equal(table.get('user'), undefined)
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  assert.deepEqual(
    table.get('user')?.peers.map(peer => peer.node.id),
    ['a', 'b'],
  )
  table.set('user', [])
  assert.equal(table.get('user'), undefined)
  assert.deepEqual([...table.services()], [])
})

test('names of object properties are valid services', () => {
  const { table } = setUp()
  for (const name of ['toString', 'hasOwnProperty']) {
    assert.equal(table.get(name), undefined)
    table.set(name, [testNode({ service: name })])
    assert.equal(table.get(name)?.peers.length, 1)
  }
})

test('a new weight or new metadata keeps the peer and its state', () => {
  const { table, made } = setUp()
  table.set('user', [testNode({ id: 'a', weight: 1 })])
  const service = table.get('user')!
  const peer = service.peers[0]!
  peer.requests = 7
  table.set('user', [testNode({ id: 'a', weight: 9, metadata: { v: '2' } })])
  assert.equal(table.get('user'), service)
  assert.equal(service.peers[0], peer)
  assert.equal(peer.node.weight, 9)
  assert.deepEqual(peer.node.metadata, { v: '2' })
  assert.equal(made.length, 1)
  assert.equal(made[0]!.disposed, 0)
})

test('a change replaces the list of peers and does not modify it', () => {
  const { table } = setUp()
  table.set('user', [testNode({ id: 'a' })])
  const before = table.get('user')!.peers
  table.set('user', [testNode({ id: 'a', weight: 2 })])
  assert.notEqual(table.get('user')!.peers, before)
  assert.equal(before.length, 1)
})

test('the peer of a removed node is disposed of once, and the others are kept', () => {
  const { table, made } = setUp()
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  table.set('user', [testNode({ id: 'b' })])
  table.set('user', [testNode({ id: 'b' })])
  assert.deepEqual(
    made.map(peer => peer.disposed),
    [1, 0],
  )
})

test('a node at another address gets a new peer, and the old one is disposed of', () => {
  for (const change of [{ host: '127.0.0.2' }, { port: 4000 }]) {
    const { table, made } = setUp()
    table.set('user', [testNode()])
    table.set('user', [testNode(change)])
    assert.deepEqual(
      made.map(peer => peer.disposed),
      [1, 0],
    )
    assert.equal(table.get('user')!.peers[0], made[1])
  }
})

test('a service has one balancer of each name as long as it has nodes', () => {
  const { table } = setUp()
  table.set('user', [testNode()])
  const balancer = table.get('user')!.balancer('weighted-round-robin')
  table.set('user', [testNode({ weight: 3 })])
  assert.equal(table.get('user')!.balancer('weighted-round-robin'), balancer)
  assert.throws(() => table.get('user')!.balancer('nope'), RangeError)
})

test('clearing disposes of every peer of every service', () => {
  const { table, made } = setUp()
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  table.set('task', [testNode({ service: 'task' })])
  table.clear()
  assert.deepEqual(
    made.map(peer => peer.disposed),
    [1, 1, 1],
  )
  assert.deepEqual([...table.services()], [])
})

test('unhealthy nodes are avoided while there are others, and used when there are none', () => {
  const { table } = setUp()
  const ids = ['a', 'b', 'c']
  table.set('user', [...ids.map(id => testNode({ id })), testNode({ id: 'drained', weight: 0 })])
  const service = table.get('user')!
  const [a, b, c] = service.peers as [FakePeer, FakePeer, FakePeer]
  const state = () => [service.isPanicking, ...[a, b, c].map(({ isAvoided }) => isAvoided)]
  table.judge(a, 'unhealthy')
  assert.deepEqual(state(), [false, true, false, false])
  table.judge(b, 'unhealthy')
  assert.deepEqual(state(), [false, true, true, false])
  table.judge(c, 'unhealthy')
  assert.deepEqual(state(), [true, false, false, false])
  table.judge(b, 'healthy')
  assert.deepEqual(state(), [false, true, false, true])
})

test('unhealthy nodes are used once the last healthy one leaves, and avoided when another one comes', () => {
  const { table } = setUp()
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  const service = table.get('user')!
  const a = service.peers[0]!
  table.judge(a, 'unhealthy')
  table.set('user', [testNode({ id: 'a' })])
  assert.deepEqual([service.isPanicking, a.isAvoided], [true, false])
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'c' })])
  assert.deepEqual([service.isPanicking, a.isAvoided], [false, true])
})

test('a node that becomes healthy again recovers with a slow start; after its first check it does not', () => {
  const now = { ms: 5 }
  const table = new NodeTable(
    node => new FakePeer(node),
    () => now.ms,
  )
  table.set('user', [testNode({ id: 'a' })])
  const peer = table.get('user')!.peers[0] as FakePeer
  table.judge(peer, 'healthy')
  assert.deepEqual([peer.recovered, peer.warmingSince], [0, undefined])
  table.judge(peer, 'unhealthy')
  now.ms = 70
  table.judge(peer, 'healthy')
  assert.deepEqual([peer.recovered, peer.warmingSince], [1, 70])
})

test('nodes that speak gRPC and nodes that speak HTTP have lanes of their own', () => {
  const { table } = setUp()
  table.set('user', [
    testNode({ id: 'a' }),
    testNode({ id: 'b', protocol: 'h2c' }),
    testNode({ id: 'c', protocol: 'grpc' }),
    testNode({ id: 'd', protocol: 'grpc' }),
    testNode({ id: 'e', protocol: 'thrift' }),
  ])
  const idsOf = (peers: readonly { node: { id: string } }[] = []) => peers.map(({ node }) => node.id).join('')
  assert.equal(idsOf(table.service('user')?.peers), 'abcde')
  assert.equal(idsOf(table.get('user')?.peers), 'ab')
  assert.equal(idsOf(table.get('user', 'grpc')?.peers), 'cd')
  const [http, grpc] = [table.get('user')!, table.get('user', 'grpc')!]
  assert.notEqual(http.failing, grpc.failing)
  assert.notEqual(http.balancer('weighted-round-robin'), grpc.balancer('weighted-round-robin'))
  for (const peer of grpc.peers) table.judge(peer, 'unhealthy')
  assert.equal(grpc.isPanicking, true)
  assert.equal(http.isPanicking, false)
  assert.equal(table.service('user')!.isPanicking, true)
  table.set('user', [testNode({ id: 'c', protocol: 'grpc' })])
  assert.equal(table.get('user'), undefined)
  assert.equal(table.get('user', 'grpc'), grpc)
})

test('a node of which only the protocol changes gets a new peer', () => {
  const { table, made } = setUp()
  table.set('user', [testNode({ id: 'a' })])
  table.set('user', [testNode({ id: 'a', protocol: 'h2c' })])
  assert.equal(made.length, 2)
  assert.equal(made[0]!.disposed, 1)
})

test('selected nodes are a group that keeps its balancers while nodes come and go', () => {
  const { table } = setUp()
  const v2 = createNodeSelection({ version: '2' })
  const idsOf = (group: PeerGroup) => group.peers.map(({ node }) => node.id).join('')
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b', metadata: { version: '2' } })])
  const service = table.get('user')!
  const group = service.select(v2)
  const balancer = group.balancer('weighted-round-robin')
  assert.equal(idsOf(group), 'b')
  assert.notEqual(balancer, service.balancer('weighted-round-robin'))
  table.set('user', [testNode({ id: 'a', metadata: { version: '2' } }), testNode({ id: 'b' })])
  assert.equal(idsOf(service.select(createNodeSelection({ version: '2' }))), 'a')
  assert.equal(service.select(v2).balancer('weighted-round-robin'), balancer)
  table.set('user', [testNode({ id: 'b' })])
  assert.equal(idsOf(service.select(v2)), '')
})

test('a request that selects nothing gets the whole service, without nodes that wait to be selected', () => {
  const { table } = setUp()
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  const service = table.get('user')!
  assert.equal(service.select(undefined), service)
  table.set('user', [testNode({ id: 'a' }), testNode({ id: 'b', metadata: { traffic: 'selected' } })])
  assert.deepEqual(
    service.select(undefined).peers.map(({ node }) => node.id),
    ['a'],
  )
  assert.equal(service.peers.length, 2)
})

test('selections that no request had between two changes are forgotten when there are many', () => {
  const { table } = setUp()
  table.set('user', [testNode()])
  const service = table.get('user')!
  const select = (version: number) => service.select(createNodeSelection({ version: String(version) }))
  const groups = Array.from({ length: 300 }, (_, version) => select(version))
  table.set('user', [testNode({ weight: 2 })])
  assert.equal(select(0), groups[0])
  table.set('user', [testNode({ weight: 3 })])
  assert.equal(select(0), groups[0])
  assert.notEqual(select(1), groups[1])
})

test('selections without end are forgotten when nodes do not change either', () => {
  const { table } = setUp()
  table.set('user', [testNode()])
  const select = (version: number) =>
    table.get('user')!.select(createNodeSelection({ version: String(version) }))
  const [first, second] = [select(0), select(1)]
  for (let version = 2; version < 10_000; version++) select(version)
  assert.equal(select(0), first)
  select(10_000)
  assert.equal(select(1), second)
  assert.notEqual(select(0), first)
})

test('a thousand selections of one service keep their balancers, and do not each look at all nodes', () => {
  const { table } = setUp()
  let reads = 0
  const nodes = Array.from({ length: 2_000 }, (_, i) => {
    const metadata = { version: '2', tenant: `t${i >> 1}` }
    const get = () => {
      reads++
      return metadata
    }
    return Object.defineProperty({ ...testNode({ id: `n${i}` }) }, 'metadata', { get })
  })
  const groups: PeerGroup[] = []
  for (const round of [0, 1, 2]) {
    table.set('user', nodes.slice(2 * round))
    for (let i = round; i < 1_000; i++) {
      const group = table
        .get('user')!
        .select(createNodeSelection({ version: '2', meta: { tenant: `t${i}` } }))
      assert.deepEqual(
        group.peers.map(({ node }) => node.id),
        [`n${2 * i}`, `n${2 * i + 1}`],
      )
      groups[i] ??= group
      assert.equal(group, groups[i])
    }
  }
  assert.ok(reads < 100 * nodes.length, `${reads} reads`)
})
