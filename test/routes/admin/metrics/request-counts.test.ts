import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../../internal/call.ts'
import { NodeTable } from '../../../../internal/nodes/node-table.ts'
import type { Route } from '../../../../internal/routing/route.ts'
import { MetricsPage } from '../../../../routes/admin/metrics/metrics-page.ts'
import { RequestCounts } from '../../../../routes/admin/metrics/request-counts.ts'
import { FakePeer, testNode } from '../../../support/peer.ts'
import { testRoute } from '../../../support/route.ts'

const NONE_GONE = { has: () => false }

/** Ends a request to a node that the table does not have. */
function countGone(counts: RequestCounts, id: string) {
  const call = new Call('id', 'GET', '/', 0)
  call.peer = new FakePeer(testNode({ id }))
  counts.count(call, 200)
}

function setUp({ byNode = true } = {}) {
  const nodes = new NodeTable(node => new FakePeer(node))
  nodes.set('user', [testNode({ id: 'a' }), testNode({ id: 'b' })])
  const counts = new RequestCounts(nodes, () => byNode)
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
    /** Reads the counts as a page does: twice, and then what is gone is dropped. */
    scrape() {
      for (const _ of counts.samples());
      const lines = [...counts.samples()].map(sample => {
        sample.noteShown?.()
        const { route, service, node, status } = sample.labels
        return [route, service, node, status, sample.value].join(' ')
      })
      for (const _ of counts.dropGone(NONE_GONE));
      return lines
    },
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
    'none   404 1',
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

test('without nodes, requests are counted by route, service and status', () => {
  const { nodes, count, scrape } = setUp({ byNode: false })
  const one = testRoute({ id: 'one', service: 'user' })
  count(200, one, 'a')
  count(200, one, 'b')
  count(503, one)
  nodes.set('user', [])
  assert.deepEqual(scrape(), ['one user  200 2', 'one user  503 1'])
  assert.deepEqual(scrape(), ['one user  200 2', 'one user  503 1'])
})

test('beyond 50,000 series, nodes share one by route, service and status, whose requests are in the sums', () => {
  const { nodes, count, scrape, byRoute } = setUp()
  const one = testRoute({ id: 'one', service: 'user' })
  for (let i = 0; i < 50_000; i++) count(200, testRoute({ id: `r${i}`, service: 'user' }), 'a')
  count(200, one, 'a')
  count(200, one, 'b')
  count(500, one, 'b')
  const lines = scrape()
  assert.equal(lines.length, 50_002)
  assert.deepEqual(lines.slice(-2), ['one user other 200 2', 'one user other 500 1'])
  nodes.set('user', [])
  scrape()
  assert.deepEqual(scrape(), ['one user other 200 2', 'one user other 500 1'])
  assert.deepEqual(byRoute().one, { requests: 3, failures: 1 })
})

test('a request that ends while a page is made is shown by the next one, although its node is gone', () => {
  const nodes = new NodeTable(node => new FakePeer(node))
  const counts = new RequestCounts(nodes, () => true)
  const call = new Call('id', 'GET', '/', 0)
  call.peer = new FakePeer(testNode({ id: 'a' }))
  counts.count(call, 200)
  const values = () =>
    [...counts.samples()].map(sample => {
      sample.noteShown?.()
      return sample.value
    })
  assert.deepEqual(values(), [1])
  counts.count(call, 200)
  for (const _ of counts.dropGone(NONE_GONE));
  assert.deepEqual(values(), [2])
  for (const _ of counts.dropGone(NONE_GONE));
  assert.deepEqual(values(), [])
})

test('a series for which a page has no room is not dropped with its node, and the next page counts it', async () => {
  const counts = new RequestCounts(new NodeTable(node => new FakePeer(node)), () => true)
  countGone(counts, 'a')
  let reads = 0
  // The series of all metrics are counted before any is taken.
  const addLate = () => {
    if (++reads === 2) countGone(counts, 'late')
    return []
  }
  const families = [
    { name: 'other', samples: addLate },
    { name: 'waygate_requests_total', samples: () => counts.samples() },
  ].map(each => ({ ...each, help: '', type: 'counter', aggregator: 'sum' }) as const)
  const page = new MetricsPage(2)
  const linesOf = async () => {
    const text = (await page.text(families)).join('')
    for (const _ of counts.dropGone(NONE_GONE));
    return text.split('\n').filter(line => line.startsWith('waygate_requests_total{'))
  }
  assert.match((await linesOf()).join(), /^waygate_requests_total{[^}]*node="a"[^}]*} 1$/)
  assert.match((await linesOf()).join(), /^waygate_requests_total{[^}]*node="late"[^}]*} 1$/)
  assert.deepEqual([...counts.samples()], [], 'both are dropped now')
})
