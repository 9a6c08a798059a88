import type { Etcd3 } from 'etcd3'
import type { Node, NodeInput } from '../../internal/nodes/node.ts'
import { encodeNode } from '../codecs/waygate.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { RegisteredNode } from '../registered-node.ts'
import type { Registration, RegistrationChanges } from '../registry.ts'
import { type Clock, jitteredBackoffMs, sleep, systemClock } from './clock.ts'
import { LeaseSession } from './lease-session.ts'
import { type LeasedOptions, ttlMsOf } from './leased-options.ts'
import { putIfFree } from './put-if-free.ts'
import { watchKey } from './watch-key.ts'

/** Below this, one slow moment of the store or of the service would take a healthy node away. */
const MIN_TTL_SECONDS = 6
/** A watch tells sooner, as long as there is one. */
const CHECK_MS = 30_000
const MAX_UNSURE = 4

/** The TTL is at least 6 s. */
export interface RegistrarOptions extends LeasedOptions {
  readonly key: string
  readonly node: NodeInput
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
  /** How often to look whether the key is still there, whatever the watch on it says. Default 30,000. */
  readonly checkMs?: number | undefined
  /** Called once, when `unregister()` has done what it could. */
  readonly onLeave?: (() => void) | undefined
}

/**
 * Keeps one node in etcd under a lease of its own, whatever happens to the store, the key or the lease:
 *
 *     lease ──► put ──► look after the key ──► (lease lost) ──► lease
 *
 * A key that another lease has taken over is left alone: of two processes with one id, the one that
 * registered last is the living one. It is taken back when it is free again. A watch tells when the key is gone,
 * within a second; while there is none, a look every 30 s does.
 *
 * Whoever made it calls `start()`, and `unregister()` at the end.
 */
export class Registrar implements Registration {
  readonly key: string
  readonly #client: Etcd3
  readonly #key: Buffer
  readonly #onLeave: (() => void) | undefined
  readonly #ttlMs: number
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #random: () => number
  readonly #checkMs: number
  readonly #leaving = new AbortController()
  readonly #registered = Promise.withResolvers<void>()
  readonly #values: RegisteredNode
  #running: Promise<void> | undefined
  /** The lease the node is, or is being put, under. */
  #session: LeaseSession | undefined
  /** Leases that the key may still be under, for a put without an answer may have been made. The surest first. */
  #formers: readonly string[] = []
  #everPut = false
  #displaced = false
  /** Counts what the store should have and what it has: `update()` waits for the second to reach the first. */
  #wanted = 1
  #written = 0
  readonly #writtenListeners = new Set<() => void>()
  /** Counts reasons to look whether the key is there, and those that a look came after. */
  #doubts = 0
  #settled = 0
  #pausing: AbortController | undefined

  /** @throws TypeError when the node or the TTL is not acceptable */
  constructor(options: RegistrarOptions) {
    this.#client = options.client
    this.key = options.key
    this.#key = Buffer.from(options.key)
    this.#onLeave = options.onLeave
    this.#values = new RegisteredNode(options.node)
    this.#ttlMs = ttlMsOf(options, MIN_TTL_SECONDS)
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#checkMs = options.checkMs ?? CHECK_MS
    // Whoever does not await start() must not crash over its end.
    this.#registered.promise.catch(() => {})
  }

  get node(): Node {
    return this.#values.node
  }

  /** Resolves when the store has the node; keeps trying until it has. Rejects when `unregister()` comes first. */
  start(): Promise<void> {
    this.#running ??= this.#run()
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
    this.#registered.reject(new Error('unregistered before the store had the node'))
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
        this.#logger.warn({ ...this.#about(), reason }, 'registering again')
      } catch (error) {
        if (signal.aborted) return
        const reason = (error as Error).message
        if (!failing) this.#logger.warn({ ...this.#about(), reason }, 'cannot register yet; trying on')
        failing = true
      }
      await sleep(this.#clock, jitteredBackoffMs(attempt++, this.#random), signal)
    }
  }

  /** Gets a lease and puts the node under it. */
  async #establish(): Promise<LeaseSession> {
    const session = new LeaseSession({
      client: this.#client,
      ttlMs: this.#ttlMs,
      logger: this.#logger,
      about: this.#about(),
      clock: this.#clock,
      random: this.#random,
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

  async #put(session: LeaseSession): Promise<void> {
    const version = this.#wanted
    const lease = session.id
    const value = Buffer.from(encodeNode(this.node))
    const [surest, ...others] = this.#formers.filter(former => former !== lease)
    const formers = surest === undefined ? [] : [surest, ...others.slice(-MAX_UNSURE)]
    this.#formers = [...formers, lease]
    if (this.#everPut) {
      const done = await putIfFree(this.#client, { key: this.#key, value, lease, formers })
      if (!done && !this.#displaced) {
        this.#logger.warn(this.#about(), 'another process has registered this node; leaving it the key')
      }
      this.#displaced = !done
    } else {
      await this.#client.kv.put({ key: this.#key, value, lease })
      this.#everPut = true
    }
    this.#formers = [lease]
    this.#written = version
    for (const listener of this.#writtenListeners) listener()
  }

  #watch(session: LeaseSession): Promise<void> {
    return watchKey({
      client: this.#client,
      key: this.key,
      clock: this.#clock,
      random: this.#random,
      signal: session.over,
      onDoubt: () => {
        this.#doubts++
        this.#pausing?.abort()
      },
    })
  }

  /** Writes updates and puts the key back when it is gone, until the lease is lost or we leave. */
  async #lookAfter(session: LeaseSession): Promise<void> {
    let checkAt = this.#clock.now() + this.#checkMs
    let failures = 0
    for (;;) {
      if (failures > 0) await this.#pause(session, jitteredBackoffMs(failures, this.#random))
      else if (this.#written === this.#wanted && this.#settled === this.#doubts) {
        await this.#pause(session, checkAt - this.#clock.now())
      }
      if (this.#leaving.signal.aborted || session.lost.aborted) return
      try {
        if (this.#written < this.#wanted) await this.#put(session)
        const doubts = this.#doubts
        if (this.#settled < doubts || this.#clock.now() >= checkAt) {
          await this.#check(session)
          this.#settled = doubts
          checkAt = this.#clock.now() + this.#checkMs
        }
        failures = 0
      } catch (error) {
        session.noteError(error)
        failures++
      }
    }
  }

  /** A key of ours that is gone is put back. */
  async #check(session: LeaseSession): Promise<void> {
    const keys = await session.keys()
    if (keys.some(key => key.equals(this.#key))) return
    const wasDisplaced = this.#displaced
    await this.#put(session)
    if (!this.#displaced && !wasDisplaced) {
      this.#logger.warn(this.#about(), 'the key had been deleted; put back')
    }
  }

  /** Until there is something to do. */
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
