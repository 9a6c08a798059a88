import { type Etcd3, EtcdPermissionDeniedError } from 'etcd3'
import type { Node, NodeInput } from '../../internal/nodes/node.ts'
import { encodeNode } from '../codecs/waygate.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { RegisteredNode } from '../registered-node.ts'
import type { Registration, RegistrationChanges } from '../registry.ts'
import { type Clock, jitteredBackoffMs, sleep, systemClock } from './clock.ts'
import { type LeasedOptions, LeaseSession, ttlMsOf } from './lease-session.ts'
import { putIfFree } from './put-if-free.ts'
import { type StoredKey, storedKey } from './transport.ts'
import { watchKey } from './watch-key.ts'

/** With a shorter TTL, one slow moment of etcd or of the service would remove a healthy node. */
const MIN_TTL_SECONDS = 6
/** A watch usually reports a deleted key sooner. */
const CHECK_MS = 30_000
/** So many leases, and values, of puts without an answer are remembered. */
const MAX_UNSURE = 4

/** The options of {@link Registrar}. The TTL must be at least 6 s. */
export interface RegistrarOptions extends LeasedOptions {
  readonly key: string
  readonly node: NodeInput
  readonly clock?: Clock | undefined
  /** How often to check that the key still exists, independently of the watch on it. Default 30,000. */
  readonly checkMs?: number | undefined
  /** Called once, when `unregister()` has finished. */
  readonly onLeave?: (() => void) | undefined
}

/**
 * Keeps one node registered in etcd under its own lease, whatever happens to etcd, the key or the lease:
 *
 *     lease ──► put ──► look after the key ──► (lease lost) ──► lease
 *
 * A key that another lease has taken over is left alone, because of two processes with the same id, the one
 * that registered last is the living one. The key is taken back when it is free again. A key that was put
 * without a lease (`etcdctl put`) would stay when the process dies, so it is put back under the lease, with the
 * weight and the metadata that were written. These apply until the key is deleted or the registration ends,
 * whatever `update()` is given. A value that is no node, or one under our lease that has another address, is
 * replaced by our own.
 *
 * A watch notices within a second that the key was deleted or put. Without a watch, a check every 30 s
 * notices that the key is no longer under the lease.
 *
 * The caller calls `start()`, and later `unregister()`.
 */
export class Registrar implements Registration {
  readonly key: string
  readonly #client: Etcd3
  readonly #key: Buffer
  readonly #onLeave: (() => void) | undefined
  readonly #ttlMs: number
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #checkMs: number
  readonly #leaving = new AbortController()
  readonly #registered = Promise.withResolvers<void>()
  readonly #values: RegisteredNode
  #running: Promise<void> | undefined
  /** The lease under which the node is or is being put. */
  #session: LeaseSession | undefined
  /**
   * Leases that the key may be under, because a put without an answer may have succeeded. The likeliest is
   * first.
   */
  #formers: readonly string[] = []
  #everPut = false
  /** Values that the key may have from here, for the same reason, in the same order. */
  #puts: readonly string[] = []
  #displaced = false
  #isDisplacedLogged = false
  /** Versions of the value that etcd should have and does have. `update()` waits until they are equal. */
  #wanted = 1
  #written = 0
  readonly #writtenListeners = new Set<() => void>()
  /** Counts the reasons to check that the key exists, and how many of them a check has covered. */
  #doubts = 0
  #settled = 0
  #pausing: AbortController | undefined

  /** @throws TypeError when the node is invalid or the TTL is out of range */
  constructor(options: RegistrarOptions) {
    this.#client = options.client
    this.key = options.key
    this.#key = Buffer.from(options.key)
    this.#onLeave = options.onLeave
    this.#values = new RegisteredNode(options.node)
    this.#ttlMs = ttlMsOf(options, MIN_TTL_SECONDS)
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#checkMs = options.checkMs ?? CHECK_MS
    // A caller that does not await start() must not crash when it rejects.
    this.#registered.promise.catch(() => {})
  }

  get node(): Node {
    return this.#values.node
  }

  /**
   * Registers the node. Keeps trying, and resolves when etcd has it. Rejects when `unregister()` is called
   * first.
   */
  start(): Promise<void> {
    this.#running ??= this.#run()
    return this.#registered.promise
  }

  /** Settles as the promise of `start()` does, without starting. */
  get registered(): Promise<void> {
    return this.#registered.promise
  }

  async update(changes: RegistrationChanges): Promise<void> {
    this.#values.update(changes)
    const version = ++this.#wanted
    this.#pausing?.abort()
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = () => {
      if (this.#written >= version || this.#leaving.signal.aborted) resolve()
    }
    this.#writtenListeners.add(check)
    check()
    await promise
    this.#writtenListeners.delete(check)
  }

  async unregister(): Promise<void> {
    if (this.#leaving.signal.aborted) return this.#running
    this.#leaving.abort()
    this.#pausing?.abort()
    this.#registered.reject(new Error('the node was unregistered before etcd had it'))
    for (const listener of this.#writtenListeners) listener()
    this.#running = this.#session?.end() ?? Promise.resolve()
    await this.#running
    this.#onLeave?.()
    if (this.#everPut) this.#logger.info(this.#about(), 'unregistered')
  }

  async #run(): Promise<void> {
    const { signal } = this.#leaving
    let attempt = 0
    let failing = false
    while (!signal.aborted) {
      try {
        const again = this.#everPut
        const session = await this.#establish()
        if (signal.aborted) return
        this.#logger.info(this.#about(), again ? 'registered again' : 'registered')
        attempt = 0
        failing = false
        void this.#watch(session)
        await this.#lookAfter(session)
        if (signal.aborted) return
        const { message: reason } = session.lost.reason as Error
        this.#logger.warn({ ...this.#about(), reason }, 'lease lost; registering again')
      } catch (error) {
        if (signal.aborted) return
        const reason = (error as Error).message
        if (!failing) this.#logger.warn({ ...this.#about(), reason }, 'registration failed; retrying')
        failing = true
      }
      await sleep(this.#clock, jitteredBackoffMs(attempt++, Math.random), signal)
    }
  }

  /** Acquires a lease and puts the node under it. */
  async #establish(): Promise<LeaseSession> {
    const session = new LeaseSession({
      client: this.#client,
      ttlMs: this.#ttlMs,
      logger: this.#logger,
      about: this.#about(),
      clock: this.#clock,
    })
    this.#session = session
    session.lost.addEventListener('abort', () => this.#pausing?.abort(), { once: true })
    await session.grant()
    try {
      await this.#put(session)
    } catch (error) {
      await session.end()
      throw error
    }
    this.#registered.resolve()
    return session
  }

  /** @param replaces the revision of a write by somebody else that may be replaced */
  async #put(session: LeaseSession, replaces?: bigint): Promise<void> {
    const version = this.#wanted
    const lease = session.id
    const encoded = encodeNode(this.node)
    const value = Buffer.from(encoded)
    this.#formers = withNewest(this.#formers, lease)
    this.#puts = withNewest(this.#puts, encoded)
    if (this.#everPut) {
      const formers = this.#formers.slice(0, -1)
      const done = await putIfFree(this.#client, { key: this.#key, value, lease, formers, replaces })
      // Why, is for a check to find out.
      if (!done && !this.#displaced) this.#doubts++
      this.#displaced = !done
    } else {
      await this.#client.kv.put({ key: this.#key, value, lease })
      this.#everPut = true
    }
    this.#formers = [lease]
    this.#puts = [encoded]
    this.#written = version
    for (const listener of this.#writtenListeners) listener()
  }

  #watch(session: LeaseSession): Promise<void> {
    return watchKey({
      client: this.#client,
      key: this.key,
      clock: this.#clock,
      signal: session.over,
      isOurs: ({ lease, value }) => lease === session.id && this.#puts.includes(value),
      onDoubt: () => {
        this.#doubts++
        this.#pausing?.abort()
      },
    })
  }

  /** Writes updates and takes the key back, until the lease is lost or the node is unregistered. */
  async #lookAfter(session: LeaseSession): Promise<void> {
    let checkAt = this.#clock.now() + this.#checkMs
    let failures = 0
    for (;;) {
      if (failures > 0) await this.#pause(session, jitteredBackoffMs(failures, Math.random))
      else if (this.#written === this.#wanted && this.#settled === this.#doubts) {
        await this.#pause(session, checkAt - this.#clock.now())
      }
      if (this.#leaving.signal.aborted || session.lost.aborted) return
      try {
        const doubts = this.#doubts
        if (this.#settled < doubts || this.#clock.now() >= checkAt) {
          await this.#check(session, this.#settled < doubts)
          this.#settled = doubts
          checkAt = this.#clock.now() + this.#checkMs
        }
        if (this.#written < this.#wanted) await this.#put(session)
        failures = 0
      } catch (error) {
        session.noteError(error)
        failures++
      }
    }
  }

  /**
   * Puts the key back if it was deleted or put by somebody else.
   *
   * @param isDoubted whether the value may have changed as well
   */
  async #check(session: LeaseSession, isDoubted: boolean): Promise<void> {
    const isHeld = (await session.keys()).some(key => key.equals(this.#key))
    if (isHeld && !isDoubted) return
    const found = await this.#read()
    if (found === undefined) {
      if (!isHeld) await this.#putBack(session)
    } else if (found.lease === session.id) {
      if (!this.#puts.includes(found.value)) await this.#takeOver(session, found)
    } else if (found.lease === undefined) await this.#takeOver(session, found)
    else await this.#put(session)
    if (this.#displaced && !this.#isDisplacedLogged) {
      this.#logger.warn(this.#about(), 'another process registered this node; leaving the key to it')
    }
    this.#isDisplacedLogged = this.#displaced
  }

  async #putBack(session: LeaseSession): Promise<void> {
    const wasDisplaced = this.#displaced
    this.#values.forgetEdits()
    await this.#put(session)
    if (!this.#displaced && !wasDisplaced) {
      this.#logger.warn(this.#about(), 'key was deleted; put it back')
    }
  }

  /** Handles a key that somebody else has put without a lease, or under ours. */
  async #takeOver(session: LeaseSession, { value, lease, modRevision }: StoredKey): Promise<void> {
    let reason: string | undefined
    const wasWithoutLease = lease === undefined
    try {
      if (!this.#values.takeOver(value)) {
        // It is a node that an operator has put in the place of this one.
        if (wasWithoutLease) return await this.#put(session)
        reason = 'it has another address'
      }
    } catch (error) {
      reason = (error as Error).message
    }
    await this.#put(session, modRevision)
    if (this.#displaced) return
    const { weight } = this.node
    if (reason !== undefined) {
      this.#logger.warn({ ...this.#about(), reason }, 'value was replaced; put it back')
    } else {
      this.#logger.warn(
        { ...this.#about(), weight, wasWithoutLease },
        'key was put by somebody else; keeping its weight and metadata under the lease of this node',
      )
    }
  }

  /** Reads the key; undefined when it does not exist, or when the user may not read it. */
  async #read(): Promise<StoredKey | undefined> {
    try {
      const { kvs } = await this.#client.kv.range({ key: this.#key })
      return kvs[0] && storedKey(kvs[0])
    } catch (error) {
      if (error instanceof EtcdPermissionDeniedError) return undefined
      throw error
    }
  }

  /** Waits for `delayMs`, or until there is something to do. */
  async #pause(session: LeaseSession, delayMs: number): Promise<void> {
    if (session.lost.aborted || this.#leaving.signal.aborted) return
    this.#pausing = new AbortController()
    await sleep(this.#clock, delayMs, this.#pausing.signal)
    this.#pausing = undefined
  }

  #about(): { service: string; id: string } {
    return { service: this.node.service, id: this.node.id }
  }
}

/** Adds an item to a list whose first item is certain. Of the others, the latest are kept. */
function withNewest(list: readonly string[], item: string): readonly string[] {
  const [surest, ...others] = list.filter(other => other !== item)
  return surest === undefined ? [item] : [surest, ...others.slice(-MAX_UNSURE), item]
}
