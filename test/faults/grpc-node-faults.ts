import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killGrpcNode, stopGrpcNode } from '../support/grpc-node-faults.ts'

// The long versions of test/e2e/grpc-killed-node.test.ts.

for (const isIdempotent of [true, false]) {
  const which = isIdempotent ? 'that may be repeated, none fails' : 'that may not, only those under way fail'
  test(`of 1,000 unary calls a second ${which} when one of three nodes is killed, and its streams end within 1 s`, async t => {
    const report = await killGrpcNode(t, { perSecond: 1_000, durationMs: 20_000, streams: 150, isIdempotent })
    const { calls, statuses, streamsLost, streamsOverMs } = report
    t.diagnostic(
      `${calls} calls at ${Math.round(calls / 20)}/s, ${statuses.get('14') ?? 0} failed; ` +
        `${streamsLost} streams over after ${Math.round(streamsOverMs)} ms`,
    )
    assert.ok(streamsOverMs < 1_000)
  })
}

test('when a node hangs, its breaker opens, and it is used again when it goes on', async t => {
  const { late, moved, lateProbes, openedMs, closedMs } = await stopGrpcNode(t, 20_000)
  t.diagnostic(
    `${late} calls late, breaker open after ${Math.round(openedMs)} ms; then ${lateProbes} of ${moved} calls late, all of them probes; ` +
      `closed ${Math.round(closedMs)} ms after SIGCONT`,
  )
})
