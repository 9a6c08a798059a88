import type { Etcd3 } from 'etcd3'
import { type Clock, jitteredBackoffMs, sleep } from './clock.ts'
import { createSyncTransport } from './transport.ts'

/** Many keys may go at once; those who put them back must not all ask in the same moment. */
const SPREAD_MS = 500
/** Who refuses a watch will most likely refuse the next one, too. */
const REFUSED_CAP_MS = 30_000

export interface WatchKeyOptions {
  readonly client: Etcd3
  readonly key: string
  readonly clock: Clock
  readonly random: () => number
  /** Ends it. */
  readonly signal: AbortSignal
  /** The key may be gone. Called once whenever a watch begins, too, for nobody told of what was before. */
  readonly onDoubt: () => void
}

/**
 * Watches one key for its deletion, on a stream that is opened anew when it ends. It costs the store nothing while
 * nothing happens; so it finds out late when a member hangs, or not at all when the user may not read, and whoever
 * must know looks from time to time besides. Resolves when `signal` aborts.
 */
export async function watchKey(options: WatchKeyOptions): Promise<void> {
  const { client, key, clock, random, signal, onDoubt } = options
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
        } else if (events.some(event => event.type === 'delete' && event.key === key)) {
          void sleep(clock, random() * SPREAD_MS, signal).then(onDoubt)
        }
      },
      onEnd: () => over.resolve('ended'),
    })
    const how = await over.promise
    signal.removeEventListener('abort', onAbort)
    stream.close(false)
    await sleep(
      clock,
      jitteredBackoffMs(failures++, random, how === 'refused' ? REFUSED_CAP_MS : undefined),
      signal,
    )
  }
}
