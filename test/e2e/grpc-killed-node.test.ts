import { test } from 'node:test'
import { killGrpcNode, stopGrpcNode } from '../support/grpc-node-faults.ts'

// The long version is in test/faults/grpc-node-faults.ts.

test('when a node is killed, calls that may be repeated go on elsewhere, and its streams end as UNAVAILABLE', async t => {
  const { calls } = await killGrpcNode(t, { perSecond: 200, durationMs: 3_000, streams: 20 })
  t.diagnostic(`${calls} calls`)
})

test('when a node hangs, its breaker opens, and it is used again when it goes on', async t => {
  await stopGrpcNode(t, 500)
})
