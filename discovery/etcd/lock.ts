import { silentLogger } from '../logger.ts'
import { jitteredBackoffMs, sleep, systemClock } from './clock.ts'
import { LeaseSession } from './lease-session.ts'
import { type LeasedOptions, ttlMsOf } from './leased-options.ts'
import { isRefusal, lookAhead, type Place, PlaceLostError, takePlace, untilChange } from './lock-queue.ts'

/** The least that etcd grants with its default settings. */
const MIN_TTL_SECONDS = 2

/** The TTL is at least 2 s. */
export interface AcquireOptions extends LeasedOptions {
  /** Where the keys stand; ends in `/`. */
  readonly queue: string
  /** Of our key. */
  readonly value: string
  /** Gives up waiting. */
  readonly signal?: AbortSignal | undefined
}

/** The first place of a queue. Whoever acquired it calls `release()`, also when it is lost. */
export interface Held {
  readonly key: string
  readonly revision: bigint
  /** Aborts before etcd can give the place to the next, or as soon as etcd tells that it has. */
  readonly lost: AbortSignal
  /** Gives the place to the next. Resolves when etcd has confirmed, or after 2 s. */
  release(): Promise<void>
}

/**
 * Stands in a queue under a lease of its own, and resolves when it is first. Each waits for the key right
 * before its own to go, so that a release wakes one and not all. When etcd is away for longer than the lease
 * lives, the place is lost, and taken anew at the end.
 *
 * @throws TypeError when the TTL is not acceptable; the reason of `signal` when that aborts first, with the
 * place given up; etcd's error when it refuses the user or the keys
 */
export async function acquire(options: AcquireOptions): Promise<Held> {
  const { client, queue, signal, logger = silentLogger } = options
  const ttlMs = ttlMsOf(options, MIN_TTL_SECONDS)
  const never = new AbortController().signal
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    // The margin is for a timer of ours that is late: somebody else may have the lock by then.
    const session = new LeaseSession({ client, ttlMs, marginMs: ttlMs / 20, logger, about: { queue } })
    try {
      return await untilFirst(session, options)
    } catch (error) {
      await session.end()
      signal?.throwIfAborted()
      if (isRefusal(error)) throw error
      const { message: reason } = error as Error
      if (attempt === 0) logger.warn({ queue, reason }, 'has no place in the queue; trying on')
    }
    await sleep(systemClock, jitteredBackoffMs(attempt, Math.random), signal ?? never)
  }
}

async function untilFirst(session: LeaseSession, options: AcquireOptions): Promise<Held> {
  const { signal } = options
  const first = Promise.withResolvers<Place>()
  const giveUp = () => first.reject(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  session.lost.addEventListener('abort', () => first.reject(session.lost.reason), { once: true })
  keepPlace(session, options, first).catch(first.reject)
  try {
    const { key, revision } = await first.promise
    return { key, revision, lost: session.lost, release: () => session.end() }
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

/** Watches the key ahead, then our own, until the session is over. */
async function keepPlace(
  session: LeaseSession,
  { client, queue, value }: AcquireOptions,
  first: PromiseWithResolvers<Place>,
): Promise<void> {
  await session.grant()
  const place = await takePlace(client, session, { queue, value })
  for (let failures = 0; !session.over.aborted; ) {
    try {
      const { ahead, readAt } = await lookAhead(client, place)
      if (ahead === undefined && session.isAlive()) first.resolve(place)
      const watched = ahead ?? place.key
      await untilChange(client, watched, readAt + 1n, session.over, ({ type, key }) => {
        return type === 'delete' && key === watched
      })
      failures = 0
    } catch (error) {
      session.noteError(error)
      if (error instanceof PlaceLostError) session.lose(error.message)
      if (isRefusal(error)) first.reject(error)
      await sleep(systemClock, jitteredBackoffMs(failures++, Math.random), session.over)
    }
  }
}
