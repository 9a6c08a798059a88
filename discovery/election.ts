import { openEtcd, withEnvironment } from './etcd/connect-options.ts'
import { leaders } from './etcd/leaders.ts'
import { queueOf } from './etcd/lock-queue.ts'
import { ELECTIONS_PREFIX } from './etcd/prefixes.ts'
import { acquireIn, type Lock, type LockOptions } from './lock.ts'

/** The options of `lock()`, except that the default `prefix` is `/waygate/elections/`. */
export type CampaignOptions = LockOptions

/**
 * A leadership that is held. Call `resign()` when done, even when it was lost, or declare it with `await
 * using`.
 */
export interface Leadership extends Pick<Lock, 'name' | 'fencingToken' | 'lost'>, AsyncDisposable {
  /**
   * Lets the next candidate lead and closes the connection. Resolves when etcd has confirmed, or after 2 s.
   */
  resign(): Promise<void>
}

/**
 * Enters the election of that name and resolves when elected. Candidates lead in the order in which they
 * entered, each until it resigns or loses its lease. Waiting and losing work as they do for `lock()`.
 *
 * @param value what observers see of this leader, e.g. its address
 * @throws what `lock()` throws
 */
export async function campaign(
  name: string,
  value: string,
  options: CampaignOptions = {},
): Promise<Leadership> {
  const { prefix = ELECTIONS_PREFIX } = options
  const { revision, lost, release } = await acquireIn(queueOf(prefix, name), value, options)
  return { name, fencingToken: revision, lost, resign: release, [Symbol.asyncDispose]: release }
}

/** The options of `lock()` that an observer needs. The default `prefix` is `/waygate/elections/`. */
export type ObserveOptions = Omit<LockOptions, 'ttlSeconds' | 'logger'>

/**
 * Yields the value of the current leader, or undefined when there is none, and then every change, until
 * `signal` aborts or the caller leaves the loop. A slow reader gets only the latest value. While etcd is
 * unreachable it waits.
 *
 * @throws TypeError when an option is invalid; etcd's error when it refuses the user or the keys
 */
export async function* observeLeader(
  name: string,
  options: ObserveOptions = {},
): AsyncGenerator<string | undefined, void, void> {
  const { prefix = ELECTIONS_PREFIX, signal = new AbortController().signal } = options
  const queue = queueOf(prefix, name)
  const client = openEtcd(withEnvironment(options))
  try {
    yield* leaders(client, queue, signal)
  } finally {
    client.close()
  }
}
