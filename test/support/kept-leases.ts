import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestEtcd } from './etcd.ts'
import { startRegisteredService } from './registered-service.ts'
import type { RunningGateway } from './waygate.ts'

export interface KeptLeasesOptions {
  readonly etcd: TestEtcd
  readonly gateway: RunningGateway
  /** Longer than a TTL, so that registrars give their leases up. */
  readonly downMs: number
  readonly getsPerSecond: number
  readonly ttlSeconds: number
}

/**
 * etcd is down for longer than leases live and comes back with its data, which gives every lease its full
 * time anew. Checks under load that no GET fails, and that no key is absent for a moment: whoever keeps it
 * must have it under a lease that is renewed before the old one ends.
 *
 * @returns how many GETs were sent
 */
export async function keepLeasesUnderLoad(options: KeptLeasesOptions): Promise<number> {
  const { etcd, gateway, downMs, getsPerSecond, ttlSeconds } = options
  await using duo = await startRegisteredService({
    service: 'duo',
    ids: ['a', 'b'],
    etcd: etcd.url,
    ttlSeconds,
    gateway,
    getsPerSecond,
  })
  const before = await duo.revisions()
  await etcd.kill('SIGKILL')
  await delay(downMs)
  await etcd.restart()
  // What is not renewed has ended by then.
  await delay(2 * ttlSeconds * 1_000)
  assert.deepEqual(await duo.revisions(), before, 'no key was ever absent')
  return duo.traffic.finish()
}
