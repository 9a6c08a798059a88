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
  #leases: readonly LeaseSession[] = []
  #everPut = false
  #isFailing = false
  /** Values that the key may have from here, for the same reason, in the same order. */
  #puts: readonly string[] = []
  /**
   * The revision of the key as this registration last knew it. A put replaces only that. So one that etcd carries out late, after
   * its answer was given up, does not replace a later one, and none replaces what an operator has just written.
   */
  #revision: bigint | undefined
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
    // An earlier lease may be alive in etcd, and have the key.
    const sessions = new Set([...this.#leases, ...(this.#session ? [this.#session] : [])])
    this.#running = Promise.all([...sessions].map(session => session.end())).then(() => {})
    await this.#running
    this.#onLeave?.()
    if (this.#everPut) this.#logger.info(this.#about(), 'unregistered')
  }

  async #run(): Promise<void> {
    const { signal } = this.#leaving
    let attempt = 0
    while (!signal.aborted) {
      try {
        const again = this.#everPut
        const session = await this.#establish()
        if (signal.aborted) return
        this.#logger.info(this.#about(), again ? 'registered again' : 'registered')
        attempt = 0
        void this.#watch(session)
        await this.#lookAfter(session)
        if (signal.aborted) return
        const { message: reason } = session.lost.reason as Error
        this.#logger.warn({ ...this.#about(), reason }, 'lease lost; registering again')
      } catch (error) {
        if (signal.aborted) return
        this.#noteFailure(error as Error)
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
    await this.#putFirst(session)
    this.#registered.resolve()
    return session
  }

  /**
   * Puts the key under a new lease. When that fails, the lease is kept for the next attempt: a put without an answer may have
   * succeeded, and the node would be gone with the lease. Only that of the very first put is revoked. Such a put replaces
   * whatever is there, so it must find no lease when etcd carries it out late.
   *
   * @throws Error when the session is over
   */
  async #putFirst(session: LeaseSession): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        // A key that is not there has gone with its lease, so an operator's edits still apply.
        if (!(await this.#put(session, this.#revision)) && this.#revision !== undefined) {
          await this.#put(session, undefined)
        }
        this.#isFailing = false
        return
      } catch (error) {
        session.noteError(error)
        if (!this.#everPut) await session.end()
        if (!session.over.aborted) {
          this.#noteFailure(error as Error)
          await sleep(this.#clock, jitteredBackoffMs(attempt, Math.random), session.over)
        }
        if (session.over.aborted) throw error
      }
    }
  }

  #noteFailure({ message: reason }: Error): void {
    if (!this.#isFailing) this.#logger.warn({ ...this.#about(), reason }, 'registration failed; retrying')
    this.#isFailing = true
  }

  /**
   * Puts the key, unless it has been written or deleted since `replaces`. Why, is for a check to find out.
   *
   * @returns whether it was put
   */
  async #put(session: LeaseSession, replaces: bigint | undefined): Promise<boolean> {
    const version = this.#wanted
    const lease = session.id
    const encoded = encodeNode(this.node)
    const value = Buffer.from(encoded)
    this.#leases = withNewest(this.#leases, session)
    this.#puts = withNewest(this.#puts, encoded)
    let revision: bigint | undefined
    try {
      revision = this.#everPut
        ? await putIfFree(this.#client, { key: this.#key, value, lease, replaces })
        : BigInt((await this.#client.kv.put({ key: this.#key, value, lease })).header.revision)
    } finally {
      if (revision === undefined) this.#doubts++
    }
    if (revision === undefined) return false
    this.#everPut = true
    this.#displaced = false
    this.#revision = revision
    this.#leases = [session]
    this.#puts = [encoded]
    this.#noteWritten(version)
    return true
  }

  /** Leaves the key to another process. */
  #leave(): void {
    this.#displaced = true
    // An etcd that has lost its data gives revisions again.
    this.#revision = undefined
    this.#noteWritten(this.#wanted)
  }

  #noteWritten(version: number): void {
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
        if (this.#written < this.#wanted) await this.#put(session, this.#revision)
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
    } else if (found.lease === undefined) await this.#takeOver(session, found)
    else if (!this.#leases.some(({ id }) => id === found.lease)) this.#leave()
    else if (!this.#puts.includes(found.value)) await this.#takeOver(session, found)
    else if (found.lease === session.id && found.value === encodeNode(this.node)) {
      this.#revision = found.modRevision
    } else await this.#put(session, found.modRevision)
    if (this.#displaced && !this.#isDisplacedLogged) {
      this.#logger.warn(this.#about(), 'another process registered this node; leaving the key to it')
    }
    this.#isDisplacedLogged = this.#displaced
  }

  async #putBack(session: LeaseSession): Promise<void> {
    const wasDisplaced = this.#displaced
    this.#values.forgetEdits()
    if ((await this.#put(session, undefined)) && !wasDisplaced) {
      this.#logger.warn(this.#about(), 'key was deleted; put it back')
    }
  }

  /** Handles a key that somebody else has put without a lease, or under one of ours. */
  async #takeOver(session: LeaseSession, { value, lease, modRevision }: StoredKey): Promise<void> {
    let reason: string | undefined
    const wasWithoutLease = lease === undefined
    try {
      if (!this.#values.takeOver(value)) {
        // It is a node that an operator has put in the place of this one.
        if (wasWithoutLease) return this.#leave()
        reason = 'it has another address'
      }
    } catch (error) {
      reason = (error as Error).message
    }
    if (!(await this.#put(session, modRevision))) return
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
function withNewest<T>(list: readonly T[], item: T): readonly T[] {
  const [surest, ...others] = list.filter(other => other !== item)
  return surest === undefined ? [item] : [surest, ...others.slice(-MAX_UNSURE), item]
}
