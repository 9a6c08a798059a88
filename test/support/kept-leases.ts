import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestEtcd } from './etcd.ts'
import { startRegisteredService } from './registered-service.ts'
import type { ServingGateway } from './serving-gateway.ts'

export interface KeptLeasesOptions {
  readonly etcd: TestEtcd
  readonly gateway: ServingGateway
  /** Longer than a TTL, so that registrars give up their leases. */
  readonly downMs: number
  readonly getsPerSecond: number
  readonly ttlSeconds: number
}

/**
 * Takes etcd down for longer than leases live. It comes back with its data, and gives every lease its full time again.
 * Checks under load that no GET fails, and that no key is ever missing: its registrar must put it under a renewed lease
 * before the old one ends.
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
  // By then, leases that are not renewed have ended.
  await delay(2 * ttlSeconds * 1_000)
  assert.deepEqual(await duo.revisions(), before, 'no key was ever absent')
  return duo.traffic.finish()
}
