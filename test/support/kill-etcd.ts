import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { startStoreScene, tablesOf } from './store-scene.ts'
import { untilTrue } from './store-table.ts'

export interface KillEtcdOptions {
  /** Time between the kill and the restart. */
  readonly downMs: number
  /**
   * `at-once`: keys change right after etcd is healthy again. `unseen`: keys change while etcd is up and the gateways
   * are still cut off from it, so they miss these changes.
   */
  readonly changes: 'at-once' | 'unseen'
  readonly gateways?: number
}

export interface KillEtcdReport {
  readonly requests: number
  /** For each gateway, the time from etcd being reachable and healthy until its table matched etcd. */
  readonly convergedMs: readonly number[]
}

/**
 * Kills etcd and restarts it with its data. Checks that the gateways keep serving, that they get all changes, that no
 * request fails, and that no drift is counted.
 */
export async function killEtcd({ downMs, changes, gateways }: KillEtcdOptions): Promise<KillEtcdReport> {
  await using scene = await startStoreScene({ proxied: changes === 'unseen', gateways: gateways ?? 1 })
  const { etcd, proxy } = scene
  const before = await tablesOf(scene)
  const killedAt = performance.now()
  await etcd.kill('SIGKILL')
  await scene.untilStale()
  await delay(Math.max(0, downMs - (performance.now() - killedAt)))
  assert.deepEqual(await tablesOf(scene), before, 'the last table is served')
  for (const { admin } of scene.gateways) assert.equal((await fetch(`${admin}/readyz`)).status, 200)

  if (changes === 'unseen') proxy.cut('rst')
  await etcd.restart()
  let healthyAt = performance.now()
  await scene.change()
  if (changes === 'unseen') {
    assert.deepEqual(await tablesOf(scene), before, 'cut off from what changed')
    proxy.mend()
    healthyAt = performance.now()
  }
  const convergedAt = await untilTrue(scene.gateways, etcd.url)
  await scene.untilLive()
  assert.equal(await scene.drift(), 0)
  const requests = await scene.traffic.finish()
  return { requests, convergedMs: convergedAt.map(at => at - healthyAt) }
}
