import { silentLogger } from '../logger.ts'
import { jitteredBackoffMs, sleep, systemClock } from './clock.ts'
import { type LeasedOptions, LeaseSession, ttlMsOf } from './lease-session.ts'
import {
  isIntact,
  isRefusal,
  lookAhead,
  type Place,
  PlaceLostError,
  restorePlace,
  takePlace,
  untilChange,
} from './lock-queue.ts'

/** The least that etcd grants with its default settings. */
const MIN_TTL_SECONDS = 2

/** The options of {@link acquire}. The TTL must be at least 2 s. */
export interface AcquireOptions extends LeasedOptions {
  /** The prefix of the queue, which ends in `/`. */
  readonly queue: string
  /** The value of our key. */
  readonly value: string
  /** Aborts waiting. */
  readonly signal?: AbortSignal | undefined
}

/** The first place in a queue. Call `release()` when done, even when it was lost. */
export interface Held {
  readonly revision: bigint
  /**
   * Aborts before etcd can give the place to the next waiter, or as soon as etcd reports that the key is
   * gone.
   */
  readonly lost: AbortSignal
  /** Gives the place to the next waiter. Resolves when etcd has confirmed, or after 2 s. */
  release(): Promise<void>
}

/**
 * Waits in a queue under its own lease, and resolves when it is first. Each waiter watches only the key right
 * before its own, so that a release wakes one waiter instead of all. When etcd is unreachable for longer than
 * the TTL, the place is lost, and a new one at the end of the queue is taken.
 *
 * @throws TypeError when the TTL is out of range; the reason of `signal` when that aborts first, after giving
 * up the place; etcd's error when it refuses the user or the keys
 */
export async function acquire(options: AcquireOptions): Promise<Held> {
  const { client, queue, signal, logger = silentLogger } = options
  const ttlMs = ttlMsOf(options, MIN_TTL_SECONDS)
  const never = new AbortController().signal
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    // The margin allows for a timer that fires late, when another process may already have the lock.
    const session = new LeaseSession({ client, ttlMs, marginMs: ttlMs / 20, logger, about: { queue } })
    try {
      return await untilFirst(session, options)
    } catch (error) {
      await session.end()
      signal?.throwIfAborted()
      if (isRefusal(error)) throw error
      const { message: reason } = error as Error
      if (attempt === 0) logger.warn({ queue, reason }, 'no place in the queue; retrying')
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
    const { revision } = await first.promise
    return { revision, lost: session.lost, release: () => session.end() }
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

/** Watches the key right before ours, and then our own, until the session is over. */
async function keepPlace(
  session: LeaseSession,
  { client, queue, value, logger = silentLogger }: AcquireOptions,
  first: PromiseWithResolvers<Place>,
): Promise<void> {
  await session.grant()
  const place = await takePlace(client, session, { queue, value })
  for (let failures = 0; !session.over.aborted; ) {
    try {
      const { ahead, isIntact: isWhole, readAt } = await lookAhead(client, place)
      if (!isWhole) {
        logger.warn({ queue, key: place.key }, 'key of a lock was put by somebody else; putting it back')
        await restorePlace(client, place)
      }
      if (ahead === undefined && session.isAlive()) first.resolve(place)
      const watched = ahead ?? place.key
      await untilChange(client, watched, readAt + 1n, session.over, event => {
        if (event.key !== watched) return false
        return event.type === 'delete' || (watched === place.key && !isIntact(place, event))
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
