import { test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { describeReport, killNodeUnderLoad } from '../support/kill-node.ts'
import { startGateway } from '../support/waygate.ts'

// The long version of test/e2e/killed-node.test.ts, against both kinds of etcd.
for (const kind of ['the embedded etcd', 'a real etcd'] as const) {
  test(`with ${kind}: none of 500 GETs a second for 20 s fails when one of three nodes is killed`, async t => {
    const real = kind === 'a real etcd'
    if (real && !requireEtcd(t)) return
    await using etcd = real ? await startEtcd() : undefined
    await using gateway = await startGateway(etcd ? { etcd: etcd.url } : {})
    const report = await killNodeUnderLoad({
      gateway,
      getsPerSecond: 500,
      postsPerSecond: 50,
      durationMs: 20_000,
      killAfterMs: 3_000,
      ttlSeconds: 6,
    })
    t.diagnostic(describeReport(report))
  })
}
