import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callBesideStalled, callUnderGoaway, cancelBesideLongCalls } from '../support/grpc-faults.ts'

// The long versions of test/e2e/grpc-shared-connections.test.ts.

for (const nodes of [1, 3]) {
  test(`for 30 s, no call fails or is made twice while ${nodes} nodes end their connections every 50 ms`, async t => {
    const load = { connections: 8, streams: 8, durationMs: 30_000, everyMs: 50 }
    const { calls, goaways } = await callUnderGoaway(t, { nodes, ...load })
    t.diagnostic(`${calls} calls at ${Math.round(calls / 30)}/s, 0 failed; ${goaways} GOAWAY frames`)
  })
}

test('5,000 calls that are given up in 5 s do not end the ten long calls beside them', async t => {
  await cancelBesideLongCalls(t, { cancelled: 5_000, durationMs: 5_000 })
})

test('four clients that read nothing hold at most 8 MiB, and slow the others by at most a half', async t => {
  const report = await callBesideStalled(t, { stalled: 4, perSecond: 500, durationMs: 5_000, rounds: 5 })
  const [alone, beside] = [median(report.alone), median(report.beside)]
  const times = `p99 ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside`
  t.diagnostic(`${report.calls} calls, 0 failed; ${times}; ${report.heldBytes} bytes held`)
  assert.ok(report.heldBytes <= 8 * 1_048_576)
  assert.ok(beside <= alone * 1.5, times)
})

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
