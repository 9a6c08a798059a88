import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callBesideStalled, callUnderGoaway, cancelBesideLongCalls } from '../support/grpc-faults.ts'

// The long versions are in test/faults/grpc-shared-connections.ts.

for (const nodes of [1, 3]) {
  test(`no call fails or is made twice while ${nodes} nodes end their connections gracefully`, async t => {
    const load = { connections: 4, streams: 4, durationMs: 2_000, everyMs: 50 }
    const { calls, goaways } = await callUnderGoaway(t, { nodes, ...load })
    t.diagnostic(`${calls} calls, ${goaways} GOAWAY frames`)
  })
}

test('calls that are given up do not end the long calls beside them', async t => {
  await cancelBesideLongCalls(t, { cancelled: 3_000, durationMs: 2_000 })
})

test('clients that read nothing hold little, and the others are served', async t => {
  const { heldBytes } = await callBesideStalled(t, {
    ...{ stalled: 4, perSecond: 500, durationMs: 1_000, rounds: 1 },
  })
  assert.ok(heldBytes <= 8 * 1_048_576, `${heldBytes} bytes`)
})
