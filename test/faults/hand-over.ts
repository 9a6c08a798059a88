import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeHandOver, handOverUnderLoad } from '../support/hand-over.ts'

// The long version of test/e2e/hand-over.test.ts.
const EXIT_WITHIN_MS = 10_000

for (const workers of [1, 2]) {
  test(`a gateway of ${workers} that leaves at 1,000 requests a second costs none, and ends with 0 within 10 s, its 5 s request answered`, async t => {
    const report = await handOverUnderLoad({ workers, perSecond: 1_000, slowMs: 5_000, around: 5_000 })
    t.diagnostic(describeHandOver(report))
    assert.ok(report.exitedAfterMs < EXIT_WITHIN_MS)
  })
}
