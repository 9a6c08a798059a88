import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { isCutOff, startStoreScene } from './store-scene.ts'
import { untilTrue } from './store-table.ts'

export interface HangEtcdOptions {
  /** How long etcd is stopped; `noticed` = until every gateway shows that it is cut off. */
  readonly hangMs: number | 'noticed'
  readonly gateways?: number
}

export interface HangEtcdReport {
  readonly requests: number
  /** Of each gateway that noticed, from the stop until it showed that it is cut off. */
  readonly noticedMs: readonly number[]
  /** Of each gateway, from etcd going on until a change made right then was in the gateway's table. */
  readonly convergedMs: readonly number[]
  /** How much of that etcd itself took until it had the change. */
  readonly changedMs: number
}

/**
 * Stops etcd, which leaves every connection open and every request unanswered, and lets it go on. A short
 * stop may pass unnoticed, and should: it is a pause, and no connection is worth giving up for it.
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
