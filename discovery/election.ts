import { openEtcd, withEnvironment } from './etcd/connect-options.ts'
import { leaders } from './etcd/leaders.ts'
import { queueOf } from './etcd/lock-queue.ts'
import { acquireIn, type Lock, type LockOptions } from './lock.ts'

const DEFAULT_PREFIX = '/waygate/elections/'

/** As of a lock; the default `prefix` is `/waygate/elections/`. */
export type CampaignOptions = LockOptions

/** What the leader has. Whoever got it calls `resign()`, also when it is lost, or writes `await using`. */
export interface Leadership extends Pick<Lock, 'name' | 'fencingToken' | 'lost'>, AsyncDisposable {
  /** Lets the next lead, and closes the connection. Resolves when etcd has confirmed, or after 2 s. */
  resign(): Promise<void>
}

/**
 * Stands for the leader of that name, and resolves when elected: candidates lead in the order in which they
 * stood, each until it resigns or is lost. Waiting and losing are as with a lock.
 *
 * @param value what observers are told of this leader, e.g. its address
 * @throws as `lock()` does
 */
export async function campaign(
  name: string,
  value: string,
  options: CampaignOptions = {},
): Promise<Leadership> {
  const { prefix = DEFAULT_PREFIX } = options
  const { revision, lost, release } = await acquireIn(queueOf(prefix, name), value, options)
  return { name, fencingToken: revision, lost, resign: release, [Symbol.asyncDispose]: release }
}

/** Of a lock what an observer needs; the default `prefix` is `/waygate/elections/`. */
export type ObserveOptions = Omit<LockOptions, 'ttlSeconds' | 'logger'>

/**
 * The value of the present leader, undefined while there is none, then every change, until `signal` aborts or
 * the loop is left. A slow reader is told the latest alone. While etcd is away it waits.
 *
 * @throws TypeError when an option is not acceptable
 */
export async function* observeLeader(
  name: string,
  options: ObserveOptions = {},
): AsyncGenerator<string | undefined, void, void> {
  const { prefix = DEFAULT_PREFIX, signal = new AbortController().signal } = options
  const queue = queueOf(prefix, name)
  const client = openEtcd(withEnvironment(options))
  try {
    yield* leaders(client, queue, signal)
  } finally {
    client.close()
  }
}
