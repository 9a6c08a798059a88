import { test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { describeRestart, restartUnderLoad } from '../support/rolling-restart.ts'
import { startGateway } from '../support/waygate.ts'

// The long version of test/e2e/rolling-restart.test.ts, against a real etcd.
for (const registeredBy of ['sidecar', 'plugin'] as const) {
  test(`ten rolling restarts, the last one with new ids and ports, registered by the ${registeredBy}, fail no request`, async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using gateway = await startGateway({ etcd: etcd.url })
    const report = await restartUnderLoad({ gateway, registeredBy, perSecond: 400, rounds: 10, between: 300 })
    t.diagnostic(describeRestart(report))
  })
}
