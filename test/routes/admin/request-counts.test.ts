import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { RequestCounts } from '../../../routes/admin/request-counts.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { testRoute } from '../../support/route.ts'

function setUp() {
  const nodes = new NodeTable(node => new FakePeer(node))
  nodes.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  const counts = new RequestCounts(nodes)
  const peers = Object.fromEntries(nodes.get('user')!.peers.map(peer => [peer.node.id, peer]))
  return {
    nodes,
    count(status: number, route?: Route, node?: string) {
      const call = new Call('id', 'GET', '/', 0)
      call.route = route
      call.peer = node === undefined ? undefined : peers[node]
      counts.count(call, status)
    },
    byRoute: () => Object.fromEntries(counts.byRoute()),
    scrape: () =>
      [...counts.samples()].map(({ labels: { route, service, node, status }, value }) =>
        [route, service, node, status, value].join(' '),
      ),
  }
}

test('requests are counted by route, service, node and status, in any order', () => {
  const { count, scrape } = setUp()
  const one = testRoute({ id: 'one', service: 'user' })
  const two = testRoute({ id: 'two', service: 'user' })
  for (const [status, route, node] of [
    [200, one, 'a'],
    [200, one, 'a'],
    [200, two, 'a'],
    [404, one, 'a'],
    [200, one, 'b'],
    [200, one, 'a'],
    [503, one, undefined],
    [404, undefined, undefined],
  ] as const) {
    count(status, route, node)
  }
  assert.deepEqual(scrape(), [
    'one user a 200 3',
    'two user a 200 1',
    'one user a 404 1',
    'one user b 200 1',
    'one user  503 1',
    '   404 1',
  ])
})

test('the sums of a route survive a new version of it, other routes, and nodes that are gone', () => {
  const { nodes, count, byRoute, scrape } = setUp()
  const one = { id: 'one', service: 'user' }
  count(200, testRoute(one), 'a')
  count(502, testRoute(one), 'a')
  count(200, testRoute({ id: 'two', service: 'user' }), 'b')
  count(503, testRoute(one))
  count(499, testRoute(one), 'b')
  const expected = { one: { requests: 4, failures: 2 }, two: { requests: 1, failures: 0 } }
  assert.deepEqual(byRoute(), expected)
  nodes.set('user', [])
  scrape()
  assert.deepEqual(byRoute(), expected)
  count(200, testRoute(one), 'a')
  scrape()
  assert.deepEqual(byRoute().one, { requests: 5, failures: 2 })
})

test('a new version of a route continues the series of the old one', () => {
  const { count, scrape } = setUp()
  for (let i = 0; i < 3; i++) count(200, testRoute({ id: 'one', service: 'user' }), 'a')
  assert.deepEqual(scrape(), ['one user a 200 3'])
})

test('the series of a removed node is shown once more, and requests that end later are not lost', () => {
  const { nodes, count, scrape } = setUp()
  const route = testRoute({ id: 'one', service: 'user' })
  count(200, route, 'a')
  nodes.set('user', [])
  assert.deepEqual(scrape(), ['one user a 200 1'])
  assert.deepEqual(scrape(), [])
  count(200, route, 'a')
  assert.deepEqual(scrape(), ['one user a 200 1'])
})
