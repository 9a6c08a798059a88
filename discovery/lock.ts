import { hostname } from 'node:os'
import { type EtcdAccess, openEtcd, withEnvironment } from './etcd/connect-options.ts'
import { acquire, type Held } from './etcd/lock.ts'
import { queueOf } from './etcd/lock-queue.ts'
import type { Logger } from './logger.ts'

const DEFAULT_PREFIX = '/waygate/locks/'

export interface LockOptions extends EtcdAccess {
  /** The keys are `<prefix><name>/<lease>`. Default `/waygate/locks/`. */
  readonly prefix?: string | undefined
  /** Seconds until the next has the lock when this process is gone without a word; at least 2, at most 86,400. Default 10. */
  readonly ttlSeconds?: number | undefined
  /** Gives up waiting, and the place in the queue. */
  readonly signal?: AbortSignal | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

/** A lock that is held. Whoever got it calls `release()`, also when it is lost, or writes `await using`. */
export interface Lock extends AsyncDisposable {
  readonly name: string
  /**
   * Larger than that of every holder before, as long as etcd keeps its data. Whatever the lock guards can
   * refuse a smaller one than it has seen: the word of a holder that does not know yet that it is none.
   */
  readonly fencingToken: bigint
  /**
   * Aborts when the lock is lost: etcd did not answer for nearly a TTL, or the lease or the key was removed
   * by somebody else. In the first case before etcd can give it to the next, in the second as soon as etcd
   * tells. Not after `release()`. A process that is stopped hears of it when it goes on, hence the token.
   */
  readonly lost: AbortSignal
  /** Lets the next have it, and closes the connection. Resolves when etcd has confirmed, or after 2 s. */
  release(): Promise<void>
}

/**
 * Waits until nobody else holds the lock of that name, in the order of asking, and takes it. While etcd is
 * away it keeps trying; away for longer than the TTL, it asks anew, behind whoever has asked by then.
 *
 * @throws TypeError when an option is not acceptable; the reason of `signal` when that aborts first; etcd's
 * error when it does not know the user or does not let them write there
 */
export async function lock(name: string, options: LockOptions = {}): Promise<Lock> {
  const { prefix = DEFAULT_PREFIX } = options
  // For people who look who holds it: `etcdctl get --prefix /waygate/locks/`.
  const value = `${hostname()}:${process.pid}`
  return asLock(name, await acquireIn(queueOf(prefix, name), value, options))
}

/** What is {@link acquire}d with a client of its own, which is closed on release. */
export async function acquireIn(queue: string, value: string, options: LockOptions): Promise<Held> {
  const { ttlSeconds, signal, logger } = options
  signal?.throwIfAborted()
  const client = openEtcd(withEnvironment(options))
  try {
    const held = await acquire({ client, queue, value, ttlSeconds, signal, logger })
    return { ...held, release: () => held.release().finally(() => client.close()) }
  } catch (error) {
    client.close()
    throw error
  }
}

function asLock(name: string, { revision, lost, release }: Held): Lock {
  return { name, fencingToken: revision, lost, release, [Symbol.asyncDispose]: release }
}
