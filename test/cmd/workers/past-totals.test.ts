import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PastTotals } from '../../../cmd/workers/past-totals.ts'
import type { Labels, MetricValues } from '../../../routes/admin/metrics/metric-values.ts'

function metric(
  name: string,
  ...values: readonly (readonly [labels: Labels, value: number])[]
): MetricValues {
  return {
    ...{ name, help: 'Help.', type: name.endsWith('_info') ? 'gauge' : 'counter', aggregator: 'sum' },
    values: values.map(([labels, value]) => ({ labels, value })),
  }
}

const tries = (...nodes: readonly string[]) =>
  metric('waygate_node_tries_total', ...nodes.map(node => [{ service: 's', node }, 10] as const))
const requests = (...nodes: readonly string[]) =>
  metric(
    'waygate_requests_total',
    ...nodes.map(node => [{ route: 'r', service: 's', node, status: '200' }, 10] as const),
  )
const routes = (...ids: readonly string[]) =>
  metric('waygate_route_info', ...ids.map(route => [{ route }, 1] as const))
const byRoute = (...ids: readonly string[]) =>
  metric('waygate_retries_total', ...ids.map(route => [{ route }, 10] as const))

function nodesIn({ values }: PastTotals, name: string): unknown[] {
  return values
    .filter(each => each.name === name)
    .flatMap(each => each.values.map(({ labels }) => labels.node))
}

function routesIn({ values }: PastTotals): unknown[] {
  return values.flatMap(each => each.values.map(({ labels }) => labels.route))
}

test('the totals of a node that has left end with the series of the workers that go on', async () => {
  const past = new PastTotals()
  await past.add([tries('a', 'b'), requests('a', 'b')])
  await past.drop([tries('a', 'b'), requests()])
  assert.deepEqual(nodesIn(past, 'waygate_requests_total'), ['a', 'b'])
  // The last requests to a node are shown once after it has left the table.
  await past.drop([tries('b'), requests('a')])
  assert.deepEqual(nodesIn(past, 'waygate_node_tries_total'), ['b'])
  assert.deepEqual(nodesIn(past, 'waygate_requests_total'), ['a', 'b'])
  await past.drop([tries('b'), requests('b')])
  assert.deepEqual(nodesIn(past, 'waygate_requests_total'), ['b'])
})

test('while no worker answers, or not all nodes have series of their own, nothing ends', async () => {
  const past = new PastTotals()
  await past.add([tries('a', 'b')])
  await past.drop([])
  await past.drop([tries('b', 'other')])
  assert.deepEqual(nodesIn(past, 'waygate_node_tries_total'), ['a', 'b'])
})

test('the totals of a route end when it has been gone for ten minutes, and no worker has series of it', async () => {
  let now = 0
  const past = new PastTotals(() => now)
  await past.add([byRoute('kept', 'gone', 'none')])
  await past.drop([routes('kept')])
  now = 599_999
  await past.drop([routes('kept')])
  assert.deepEqual(routesIn(past), ['kept', 'gone', 'none'])
  now = 600_000
  await past.drop([routes('kept'), byRoute('gone')])
  assert.deepEqual(routesIn(past), ['kept', 'gone', 'none'])
  await past.drop([routes('kept'), byRoute('kept')])
  assert.deepEqual(routesIn(past), ['kept', 'none'])
})

test('the totals of routes stay while a page has no room for all routes', async () => {
  let now = 0
  const past = new PastTotals(() => now)
  await past.add([byRoute('a')])
  for (now of [0, 600_000]) await past.drop([routes('b', 'other')])
  assert.deepEqual(routesIn(past), ['a'])
})
