import type { Etcd3 } from 'etcd3'
import { type Clock, jitteredBackoffMs, sleep } from './clock.ts'
import { createSyncTransport, type StoredKey } from './transport.ts'

/** Many keys may be deleted at once. Their owners must not all read from etcd at the same moment. */
const SPREAD_MS = 500
/** A store that refuses a watch will most likely refuse the next one too. */
const REFUSED_CAP_MS = 30_000

export interface WatchKeyOptions {
  readonly client: Etcd3
  readonly key: string
  readonly clock: Clock
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** Whether a put of the key is one of ours, which is no reason for doubt. */
  readonly isOurs: (put: StoredKey) => boolean
  /**
   * Called when the key was deleted or put by somebody else, and whenever a watch begins, because earlier
   * changes were not seen.
   */
  readonly onDoubt: () => void
}

/**
 * Watches one key for changes by others, on a stream that is opened again when it ends. While nothing happens it
 * puts no load on etcd. It therefore notices a change late when a member hangs, and never when the user may
 * not read, so the caller must also check from time to time. Resolves when `signal` aborts.
 */
export async function watchKey(options: WatchKeyOptions): Promise<void> {
  const { client, key, clock, signal, isOurs, onDoubt } = options
  const transport = createSyncTransport(client, key)
  let failures = 0
  while (!signal.aborted) {
    const over = Promise.withResolvers<'refused' | 'ended'>()
    const onAbort = () => over.resolve('ended')
    signal.addEventListener('abort', onAbort, { once: true })
    const stream = transport.watch(0n, {
      onMessage({ created, canceled, events }) {
        if (canceled) {
          over.resolve('refused')
        } else if (created) {
          failures = 0
          onDoubt()
        } else if (events.some(event => event.key === key && (event.type === 'delete' || !isOurs(event)))) {
          void sleep(clock, Math.random() * SPREAD_MS, signal).then(onDoubt)
        }
      },
      onEnd: () => over.resolve('ended'),
    })
    const how = await over.promise
    signal.removeEventListener('abort', onAbort)
    stream.close(false)
    await sleep(
      clock,
      jitteredBackoffMs(failures++, Math.random, how === 'refused' ? REFUSED_CAP_MS : undefined),
      signal,
    )
  }
}
