import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { startStoreScene, tablesOf } from './store-scene.ts'
import { untilTrue } from './store-table.ts'

export interface KillEtcdOptions {
  /** Between its death and its restart. */
  readonly downMs: number
  /**
   * `at-once`: keys change right after etcd is healthy again. `unseen`: they change while it is up and the
   * gateways are still cut off from it, which is when they miss something.
   */
  readonly changes: 'at-once' | 'unseen'
  readonly gateways?: number
}

export interface KillEtcdReport {
  readonly requests: number
  /** Of each gateway, from etcd within reach and healthy until the gateway's table was etcd's. */
  readonly convergedMs: readonly number[]
}

/**
 * Kills etcd, brings it back with its data, and checks that the gateways serve on meanwhile, that they come
 * to have what changed, that no request fails and that nothing drifted.
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
