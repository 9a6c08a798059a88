import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { createRevisions } from './create-revisions.ts'
import type { TestEtcd } from './etcd.ts'
import { startRegisteredNode } from './registered-node.ts'
import { startTraffic } from './steady-traffic.ts'
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
  await using stack = new AsyncDisposableStack()
  const ids = ['a', 'b']
  await Promise.all(
    ids.map(async id =>
      stack.use(await startRegisteredNode({ service: 'duo', id, etcd: etcd.url, ttlSeconds })),
    ),
  )
  await gateway.untilNodes('duo', ids)
  const before = await createRevisions(etcd.url, 'duo')
  const traffic = stack.use(
    startTraffic({ ports: [gateway.port], paths: ['/duo/'], perSecond: getsPerSecond }),
  )
  await etcd.kill('SIGKILL')
  await delay(downMs)
  await etcd.restart()
  // What is not renewed has ended by then.
  await delay(2 * ttlSeconds * 1_000)
  assert.deepEqual(await createRevisions(etcd.url, 'duo'), before, 'no key was ever absent')
  return traffic.finish()
}
