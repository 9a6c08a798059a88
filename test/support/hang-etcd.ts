import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { isCutOff, startStoreScene } from './store-scene.ts'
import { untilTrue } from './store-table.ts'

export interface HangEtcdOptions {
  /** How long etcd is stopped; `noticed` = until every gateway shows that it is disconnected. */
  readonly hangMs: number | 'noticed'
  readonly gateways?: number
}

export interface HangEtcdReport {
  readonly requests: number
  /** For each gateway that noticed, the time from the stop until it showed that it is disconnected. */
  readonly noticedMs: readonly number[]
  /** For each gateway, the time from SIGCONT until a change made right then was in its table. */
  readonly convergedMs: readonly number[]
  /** The part of that time that etcd itself took to store the change. */
  readonly changedMs: number
}

/**
 * Stops etcd, which leaves every connection open and every request unanswered, and continues it. A short stop may, and
 * should, go unnoticed: it is only a pause, and not worth closing a connection for.
 */
export async function hangEtcd({ hangMs, gateways }: HangEtcdOptions): Promise<HangEtcdReport> {
  await using scene = await startStoreScene({ proxied: false, gateways: gateways ?? 1 })
  const { etcd } = scene
  const stoppedAt = performance.now()
  await etcd.kill('SIGSTOP')
  const noticing = scene.gateways.map(async gateway => {
    while (!(await isCutOff(gateway))) {
      if (hangMs !== 'noticed' && performance.now() - stoppedAt > hangMs) return undefined
      await delay(20)
    }
    return performance.now() - stoppedAt
  })
  const noticed = await Promise.all(noticing)
  if (hangMs !== 'noticed') await delay(Math.max(0, hangMs - (performance.now() - stoppedAt)))

  await etcd.kill('SIGCONT')
  const wentOnAt = performance.now()
  await scene.change()
  const changedMs = performance.now() - wentOnAt
  const convergedAt = await untilTrue(scene.gateways, etcd.url)
  await scene.untilLive()
  assert.equal(await scene.drift(), 0)
  return {
    requests: await scene.traffic.finish(),
    noticedMs: noticed.filter(ms => ms !== undefined),
    convergedMs: convergedAt.map(at => at - wentOnAt),
    changedMs,
  }
}
