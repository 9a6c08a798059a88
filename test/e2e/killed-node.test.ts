import { test } from 'node:test'
import { describeReport, killNodeUnderLoad } from '../support/kill-node.ts'
import { SHARED_MACHINE } from '../support/serving-gateway.ts'
import { startGateway } from '../support/waygate.ts'

test('a node killed under load fails no GET, repeats no POST, and is gone with its lease', async t => {
  await using gateway = await startGateway({ config: SHARED_MACHINE })
  const report = await killNodeUnderLoad({
    gateway,
    getsPerSecond: 300,
    postsPerSecond: 50,
    durationMs: 5_000,
    killAfterMs: 1_500,
    ttlSeconds: 6,
  })
  t.diagnostic(describeReport(report))
})
