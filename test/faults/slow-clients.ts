import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeReport, runSlowClients } from '../support/slow-clients.ts'

/** How much the periodic check of all connections may add to a limit. */
const SLACK_MS = 2_000

// The long version of test/e2e/slow-clients.test.ts, with the default limits.
test('200 slow heads, 40 slow bodies and 300 idle connections are closed after 10, 5 and 75 s', async t => {
  const report = await runSlowClients({ heads: 200, bodies: 40, idle: 300 })
  t.diagnostic(describeReport(report))
  assert.ok(report.headsMs < 10_000 + SLACK_MS)
  // The grace time of the minimum rate, and the time until the last of them has sent its head.
  assert.ok(report.bodiesMs < 5_000 + 2 * SLACK_MS)
  assert.ok(report.idleMs < 75_000 + SLACK_MS)
  assert.ok(report.slowestMs < 1_000)
})
