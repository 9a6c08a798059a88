import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeOverload, overload } from '../support/overload.ts'
import { startGateway } from '../support/waygate.ts'

// The long version of test/e2e/overload.test.ts.
for (const [service, limit] of Object.entries({ fixed: { concurrent: 15 }, found: { adaptive: true } })) {
  test(`with the limit ${JSON.stringify(limit)}: 30 s of three times the peak load hardly reduce the throughput`, async t => {
    await using gateway = await startGateway()
    const recoveredWithinMs = 5_000
    const report = await overload({ gateway, service, limit, overloadMs: 30_000, recoveredWithinMs })
    t.diagnostic(describeOverload(report))
    assert.ok(report.refused > report.sent / 2)
    assert.ok(report.goodput >= 0.8)
    assert.ok(report.medianRefusalMs < 50)
    assert.ok(report.grownBytes < 64 * 1_048_576)
  })
}
