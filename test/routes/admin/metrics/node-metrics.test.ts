import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeTable } from '../../../../internal/nodes/node-table.ts'
import { addTo } from '../../../../routes/admin/metrics/live-metric.ts'
import type { MetricFamily } from '../../../../routes/admin/metrics/metric-values.ts'
import { addNodeMetrics } from '../../../../routes/admin/metrics/node-metrics.ts'
import { FakePeer, testNode } from '../../../support/peer.ts'

function setUp(byNode: boolean) {
  const nodes = new NodeTable(node => new FakePeer(node))
  const set = (...ids: readonly string[]) =>
    nodes.set(
      'user',
      ids.map(id => testNode({ id, protocol: id === 'grpc' ? 'grpc' : undefined })),
    )
  set('a', 'b', 'grpc')
  const peer = (id: string) => nodes.service('user')!.peers.find(each => each.node.id === id) as FakePeer
  const families: MetricFamily[] = []
  addNodeMetrics(addTo(families), nodes, () => byNode)
  const read = () =>
    Object.fromEntries(
      families.flatMap(({ name, samples }) =>
        [...samples()].map(({ labels, value }) => [
          [name.replace('waygate_', ''), ...Object.values(labels)].join(' '),
          value,
        ]),
      ),
    )
  return { set, peer, read }
}

test('each node has its own series', () => {
  const { peer, read } = setUp(true)
  peer('a').requests = 3
  peer('b').breaker = 'open'
  peer('b').health = 'unhealthy'
  const series = read()
  assert.equal(series['node_tries_total user a'], 3)
  assert.equal(series['breaker_state user b'], 2)
  assert.equal(series['node_healthy user b'], 0)
  assert.deepEqual(
    Object.keys(series).filter(name => /healthy|sessions/.test(name)),
    ['node_healthy user b', 'node_sessions user grpc'],
  )
})

test('without the label node, a service has the sums of its nodes and the worst of their states', () => {
  const { peer, read } = setUp(false)
  Object.assign(peer('a'), { requests: 3, failures: 2, timeouts: 1, inFlight: 1, health: 'healthy' })
  Object.assign(peer('b'), { requests: 4, inFlight: 2, breaker: 'half-open', health: 'unhealthy' })
  assert.deepEqual(read(), {
    'node_tries_total user': 7,
    'node_failures_total user': 2,
    'node_timeouts_total user': 1,
    'node_in_flight user': 3,
    'breaker_state user': 1,
    'node_healthy user': 0,
    'node_sessions user': 0,
  })
})

test('the sums of a service do not fall when a node goes', () => {
  const { set, peer, read } = setUp(false)
  peer('a').requests = 3
  peer('b').requests = 4
  set('b')
  assert.equal(read()['node_tries_total user'], 7)
  peer('b').requests++
  set('b', 'a')
  assert.equal(read()['node_tries_total user'], 8)
})
