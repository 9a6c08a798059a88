import { test } from 'node:test'
import { describeOutage, endNodeUnderLoad } from '../support/node-outage.ts'
import { startGateway } from '../support/waygate.ts'

// The long version of test/e2e/node-outage.test.ts.
for (const [what, stoppedMs] of [
  ['dies', undefined],
  ['hangs for 20 s', 20_000],
] as const) {
  test(`none of 2,000 GETs a second for 60 s fails when a node ${what} without leaving etcd`, async t => {
    await using gateway = await startGateway()
    const options = { gateway, getsPerSecond: 2_000, durationMs: 60_000, afterMs: 20_000 }
    t.diagnostic(describeOutage(await endNodeUnderLoad({ ...options, stoppedMs })))
  })
}
