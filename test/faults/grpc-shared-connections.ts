import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  callBesideStalled,
  callUnderGoaway,
  cancelBesideLongCalls,
  killGrpcNode,
  percentile,
  stopGrpcNode,
} from '../support/grpc-faults.ts'

// The long versions of test/e2e/grpc-shared-connections.test.ts and test/e2e/grpc-killed-node.test.ts.

for (const nodes of [1, 3]) {
  test(`for 30 s, no call fails or is made twice while ${nodes} nodes end their connections every 50 ms`, async t => {
    const load = { connections: 8, streams: 8, durationMs: 30_000, everyMs: 50 }
    const { calls, goaways } = await callUnderGoaway(t, { nodes, ...load })
    t.diagnostic(`${calls} calls, ${goaways} GOAWAY frames`)
  })
}

test('5,000 calls that are given up in 5 s do not end the ten long calls beside them', async t => {
  await cancelBesideLongCalls(t, { cancelled: 5_000, durationMs: 5_000 })
})

test('of a thousand unary calls a second, none fails when one of three nodes is killed', async t => {
  const { calls } = await killGrpcNode(t, { perSecond: 1_000, durationMs: 20_000, streams: 50 })
  t.diagnostic(`${calls} calls`)
})

test('when a node hangs, its breaker opens, and it is used again when it goes on', async t => {
  await stopGrpcNode(t)
})

test('four clients that read nothing hold at most 8 MiB, and slow the others by at most a half', async t => {
  const { alone, beside, heldBytes } = await callBesideStalled(t, { stalled: 4, durationMs: 10_000 })
  const [before, after] = [percentile(alone, 0.99), percentile(beside, 0.99)]
  t.diagnostic(`p99 ${before} ms alone, ${after} ms beside; ${heldBytes} bytes held`)
  assert.ok(heldBytes <= 8 * 1_048_576)
  assert.ok(after <= before * 1.5)
})
