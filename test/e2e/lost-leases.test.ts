import { describe, test } from 'node:test'
import { endGrace } from '../support/ended-grace.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { freezeServiceUnderLoad } from '../support/frozen-service.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { loseLeasesUnderLoad } from '../support/lost-leases.ts'

// Each child process adds an exit listener to this one.
process.setMaxListeners(50)

// Concurrent, because they mostly wait.
describe('leases that ended', { concurrency: 3 }, () => {
  test('during an outage: live nodes stay in use until they register again, dead ones are removed', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using gateway = await startGatewayHere({ etcd: etcd.url })
    await loseLeasesUnderLoad({ etcd, gateway, downMs: 0, getsPerSecond: 50, ttlSeconds: 6 })
  })

  test('during an outage and are never renewed: their nodes are removed when their grace ends, deleted ones at once', async t => {
    if (!requireEtcd(t)) return
    const graceMs = 6_000
    await using etcd = await startEtcd()
    await using gateway = await startGatewayHere({
      etcd: etcd.url,
      config: { discovery: { suspectGraceMs: graceMs } },
    })
    await endGrace({ etcd, gateway, graceMs, ttlSeconds: 2 })
  })

  test('while their service was stopped: it is removed, and is back when it continues', async () => {
    await using gateway = await startGatewayHere()
    await freezeServiceUnderLoad({ gateway, getsPerSecond: 20, ttlSeconds: 6, goneForMs: 0 })
  })
})
