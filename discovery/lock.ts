import { hostname } from 'node:os'
import { type EtcdAccess, openEtcd, withEnvironment } from './etcd/connect-options.ts'
import { acquire, type Held } from './etcd/lock.ts'
import { queueOf } from './etcd/lock-queue.ts'
import { LOCKS_PREFIX } from './etcd/prefixes.ts'
import type { Logger } from './logger.ts'

export interface LockOptions extends EtcdAccess {
  /** Keys are named `<prefix><name>/<lease>`. Default `/waygate/locks/`. */
  readonly prefix?: string | undefined
  /**
   * Seconds until the next waiter gets the lock if this process dies: at least 2, at most 86,400. Default 10.
   */
  readonly ttlSeconds?: number | undefined
  /** Aborts waiting and gives up the place in the queue. */
  readonly signal?: AbortSignal | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

/**
 * A lock that is held. Call `release()` when done, even when it was lost, or declare it with `await using`.
 */
export interface Lock extends AsyncDisposable {
  readonly name: string
  /**
   * A number that is larger than the token of every earlier holder, as long as etcd keeps its data. The
   * resource that the lock guards can refuse tokens smaller than the largest it has seen. They come from a
   * holder that has not noticed yet that it lost the lock.
   */
  readonly fencingToken: bigint
  /**
   * Aborts when the lock is lost: etcd did not answer for nearly a TTL, or somebody else removed the lease or
   * the key. In the first case it aborts before etcd can give the lock to the next waiter, in the second as
   * soon as etcd reports the removal. It does not abort after `release()`. A process that is stopped notices
   * the loss only when it continues, which is why there is a token.
   */
  readonly lost: AbortSignal
  /**
   * Gives the lock to the next waiter and closes the connection. Resolves when etcd has confirmed, or after 2
   * s.
   */
  release(): Promise<void>
}

/**
 * Waits until nobody else holds the lock of that name, and takes it. Waiters get it in the order in which
 * they asked. While etcd is unreachable it keeps trying. After more than a TTL it asks again, behind
 * everybody who has asked by then.
 *
 * @throws TypeError when an option is invalid; the reason of `signal` when that aborts first; etcd's error
 * when it does not accept the user or the user may not write there
 */
export async function lock(name: string, options: LockOptions = {}): Promise<Lock> {
  const { prefix = LOCKS_PREFIX } = options
  // Shows people who holds the lock: `etcdctl get --prefix /waygate/locks/`.
  const value = `${hostname()}:${process.pid}`
  const { revision, lost, release } = await acquireIn(queueOf(prefix, name), value, options)
  return { name, fencingToken: revision, lost, release, [Symbol.asyncDispose]: release }
}

/**
 * Acquires the first place of a queue with a client of its own, which is closed on release.
 *
 * @internal
 */
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
