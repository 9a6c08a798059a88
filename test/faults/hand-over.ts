import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeHandOver, handOverUnderLoad } from '../support/hand-over.ts'

// The long version of test/e2e/hand-over.test.ts.
const EXIT_WITHIN_MS = 10_000

for (const workers of [1, 2]) {
  test(`shutting down a gateway with --workers ${workers} at 1,000 requests a second fails none; it answers a 5 s request and exits with 0 within 10 s`, async t => {
    const report = await handOverUnderLoad({ workers, perSecond: 1_000, slowMs: 5_000, around: 5_000 })
    t.diagnostic(describeHandOver(report))
    assert.ok(report.exitedAfterMs < EXIT_WITHIN_MS)
  })
}
