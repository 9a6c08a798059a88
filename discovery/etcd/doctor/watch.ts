import type { Etcd3 } from 'etcd3'
import { createSyncTransport } from '../transport.ts'
import { type DoctorFinding, duration } from './finding.ts'
import { refusalReason } from './refusal.ts'
import { within } from './within.ts'

/** Whether changes below each of the prefixes can be followed; a gateway waits 3 s for a watch to begin. */
export async function checkWatches(
  client: Etcd3,
  prefixes: readonly string[],
  withinMs: number,
): Promise<DoctorFinding[]> {
  const results = await Promise.all(prefixes.map(prefix => openOnce(client, prefix, withinMs)))
  const failed = results.filter(({ reason }) => reason !== undefined)
  if (failed.length > 0) {
    return failed.map(({ prefix, reason = '' }) => ({
      check: 'watch',
      level: 'problem',
      message: `changes below ${prefix} cannot be followed: ${reason}`,
      hint: reason.includes('permission denied')
        ? `etcdctl role grant-permission ROLE --prefix=true read ${prefix}`
        : 'look at the other findings, and at what stands between here and etcd: a proxy must let streams stay open',
      details: { prefix },
    }))
  }
  const slowest = Math.max(...results.map(({ tookMs }) => tookMs))
  return [
    {
      check: 'watch',
      level: 'ok',
      message: `changes below ${prefixes.join(', ')} can be followed, after ${duration(slowest)}`,
      details: { prefixes, tookMs: Math.round(slowest * 10) / 10 },
    },
  ]
}

async function openOnce(client: Etcd3, prefix: string, withinMs: number) {
  const startedAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const stream = createSyncTransport(client, prefix).watch(0n, {
    onMessage({ created, canceled, cancelReason }) {
      if (canceled) resolve(cancelReason || 'etcd ended the watch')
      else if (created) resolve(undefined)
    },
    onEnd: reason => resolve(refusalReason(reason)),
  })
  const reason = await within(withinMs, promise).catch((error: Error) => error.message)
  stream.close(false)
  return { prefix, reason, tookMs: performance.now() - startedAt }
}
