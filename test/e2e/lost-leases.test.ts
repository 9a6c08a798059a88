import { describe, test } from 'node:test'
import { endGrace } from '../support/ended-grace.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { freezeServiceUnderLoad } from '../support/frozen-service.ts'
import { loseLeasesUnderLoad } from '../support/lost-leases.ts'
import { startGateway } from '../support/waygate.ts'

// Every process that is started is ended when ours is.
process.setMaxListeners(50)

// Side by side, because they mostly wait.
describe('leases that ended', { concurrency: 3 }, () => {
  test('behind an outage: what lives stays in use until it registers again, what is dead goes', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using gateway = await startGateway({ etcd: etcd.url })
    await loseLeasesUnderLoad({ etcd, gateway, downMs: 0, getsPerSecond: 50, ttlSeconds: 6 })
  })

  test('behind an outage, and are never renewed: their nodes go when their grace ends, what is deleted on purpose at once', async t => {
    if (!requireEtcd(t)) return
    const graceMs = 6_000
    await using etcd = await startEtcd()
    await using gateway = await startGateway({
      etcd: etcd.url,
      config: { discovery: { suspectGraceMs: graceMs } },
    })
    await endGrace({ etcd, gateway, graceMs, ttlSeconds: 2 })
  })

  test('while their service stood still: it goes, and is back when it goes on', async () => {
    await using gateway = await startGateway()
    await freezeServiceUnderLoad({ gateway, getsPerSecond: 20, ttlSeconds: 6, goneForMs: 0 })
  })
})
