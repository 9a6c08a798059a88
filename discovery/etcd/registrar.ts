import { randomBytes } from 'node:crypto'
import { type Etcd3, EtcdLeaseInvalidError, GRPCNotFoundError } from 'etcd3'
import { createNode, type Node, type NodeInput } from '../../internal/node.ts'
import { encodeNode } from '../codecs/waygate.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Registration } from '../registry.ts'
import { BeatStream } from './beat-stream.ts'
import { backoffMs, type Clock, sleep, systemClock } from './clock.ts'
import { putIfFree } from './put-if-free.ts'

const DEFAULT_TTL_SECONDS = 10
/** Below this, one slow moment of the store or of the service would take a healthy node away. */
const MIN_TTL_SECONDS = 6
const CHECK_MS = 30_000
const LEAVE_DEADLINE_MS = 2_000

export interface RegistrarOptions {
  /** Stays open until after `unregister()`; closed by whoever made it. */
  readonly client: Etcd3
  readonly key: string
  readonly node: NodeInput
  /** Default 10, at least 6. */
  readonly ttlSeconds?: number | undefined
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
  /** How often to look whether the key is still there. Default 30,000. */
  readonly checkMs?: number | undefined
  /** Called once, when `unregister()` has done what it could. */
  readonly onLeave?: (() => void) | undefined
}

/**
 * Keeps one node in etcd under a lease of its own, whatever happens to the store, the key or the lease:
 *
 *     grant ──► put ──► beat every third of the TTL ──► (lease lost) ──► grant
 *
 * A key that another lease has taken over is left alone: of two processes with one id, the one that
 * registered last is the living one. It is taken back when it is free again.
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
  #node: Node
  #running: Promise<void> | undefined
  /** The lease the node is, or is being put, under; kept over its loss to know our own key by. */
  #lease: string | undefined
  #everPut = false
  #displaced = false
  /** Counts what the store should have and what it has: `update()` waits for the second to reach the first. */
  #wanted = 1
  #written = 0
  #writtenListeners = new Set<() => void>()
  #pausing: AbortController | undefined

  /** @throws TypeError when the node or the TTL is not acceptable */
  constructor(options: RegistrarOptions) {
    const ttlSeconds = options.ttlSeconds ?? DEFAULT_TTL_SECONDS
    if (!Number.isInteger(ttlSeconds) || ttlSeconds < MIN_TTL_SECONDS) {
      throw new TypeError(`the TTL must be a whole number of seconds, at least ${MIN_TTL_SECONDS}`)
    }
    this.#client = options.client
    this.key = options.key
    this.#key = Buffer.from(options.key)
    this.#onLeave = options.onLeave
    this.#node = createNode(options.node)
    this.#ttlMs = ttlSeconds * 1_000
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#checkMs = options.checkMs ?? CHECK_MS
    // Whoever does not await start() must not crash over its end.
    this.#registered.promise.catch(() => {})
  }

  get node(): Node {
    return this.#node
  }

  /** Resolves when the store has the node; keeps trying until it has. Rejects when `unregister()` comes first. */
  start(): Promise<void> {
    this.#running ??= this.#run()
    return this.#registered.promise
  }

  async update(changes: Parameters<Registration['update']>[0]): Promise<void> {
    this.#node = createNode({ ...this.#node, ...changes })
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
    const lease = this.#lease
    this.#running = lease === undefined ? Promise.resolve() : this.#revoke(lease)
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
        await this.#establish()
        if (signal.aborted) return
        this.#logger.info(this.#about(), again ? 'registered again' : 'registered')
        attempt = 0
        failing = false
        const reason = await this.#keep()
        if (signal.aborted) return
        this.#logger.warn({ ...this.#about(), reason }, 'the lease is lost; registering again')
      } catch (error) {
        if (signal.aborted) return
        const reason = (error as Error).message
        if (!failing) this.#logger.warn({ ...this.#about(), reason }, 'cannot register yet; trying on')
        failing = true
      }
      await sleep(this.#clock, backoffMs(attempt++, this.#random), signal)
    }
  }

  /** Grants a lease and puts the node under it. */
  async #establish(): Promise<void> {
    const former = this.#lease
    // Our own id, so that the lease can be revoked even if the answer to the grant never comes.
    const lease = newLeaseId()
    this.#lease = lease
    await this.#client.leaseClient.leaseGrant({ ID: lease, TTL: String(this.#ttlMs / 1_000) })
    if (this.#leaving.signal.aborted) {
      await this.#revoke(lease)
      return
    }
    try {
      await this.#put(former)
    } catch (error) {
      await this.#revoke(lease)
      throw error
    }
    this.#registered.resolve()
  }

  /** @param former a lease whose key is ours too */
  async #put(former?: string): Promise<void> {
    const version = this.#wanted
    const lease = this.#lease!
    const value = Buffer.from(encodeNode(this.#node))
    if (this.#everPut) {
      const done = await putIfFree(this.#client, { key: this.#key, value, lease, former })
      if (!done && !this.#displaced) {
        this.#logger.warn(this.#about(), 'another process has registered this node; leaving it the key')
      }
      this.#displaced = !done
    } else {
      await this.#client.kv.put({ key: this.#key, value, lease })
      this.#everPut = true
    }
    this.#written = version
    for (const listener of this.#writtenListeners) listener()
  }

  /** Resolves with the reason when the lease is lost, or when leaving. */
  async #keep(): Promise<string> {
    const { signal } = this.#leaving
    const beatMs = this.#ttlMs / 3
    let stream = this.#openStream()
    let confirmedAt = this.#clock.now()
    let checkAt = confirmedAt + this.#checkMs
    let failures = 0
    try {
      for (;;) {
        const before = this.#clock.now()
        await this.#pause(
          failures === 0
            ? Math.min(beatMs, Math.max(0, checkAt - before))
            : backoffMs(failures, this.#random),
        )
        if (signal.aborted) return 'leaving'
        // Our own process stood still for longer than the lease lives.
        if (this.#clock.now() - before > this.#ttlMs) checkAt = 0
        try {
          if (this.#written < this.#wanted) await this.#put()
          if (this.#clock.now() >= checkAt) {
            if (!(await this.#check())) return 'it expired or was revoked'
            checkAt = this.#clock.now() + this.#checkMs
          }
          if (!(await stream.beat(this.#ttlMs / 4))) return 'it expired or was revoked'
          confirmedAt = this.#clock.now()
          failures = 0
        } catch (error) {
          if (signal.aborted) return 'leaving'
          if (isLeaseGone(error)) return 'it expired or was revoked'
          failures++
          this.#logger.debug({ ...this.#about(), err: error }, 'no answer to a beat; trying a new stream')
          stream.close(true)
          // No answer for as long as the lease lives: whatever the store says next, it is a new lease.
          if (this.#clock.now() - confirmedAt > this.#ttlMs) return 'etcd did not answer for a whole TTL'
          stream = this.#openStream()
        }
      }
    } finally {
      stream.close(false)
    }
  }

  /** Whether the lease lives; a key of ours that is gone is put back. */
  async #check(): Promise<boolean> {
    const answer = await this.#client.leaseClient.leaseTimeToLive({ ID: this.#lease!, keys: true })
    if (Number(answer.TTL) <= 0) return false
    if (answer.keys.some(key => key.equals(this.#key))) return true
    const wasDisplaced = this.#displaced
    await this.#put()
    if (!this.#displaced && !wasDisplaced) {
      this.#logger.warn(this.#about(), 'the key had been deleted; put back')
    }
    return true
  }

  #openStream(): BeatStream {
    return new BeatStream({
      client: this.#client,
      clock: this.#clock,
      lease: this.#lease!,
      signal: this.#leaving.signal,
    })
  }

  /** Until the next beat, an update or the end. */
  async #pause(delayMs: number): Promise<void> {
    if (this.#written < this.#wanted || this.#leaving.signal.aborted) return
    this.#pausing = new AbortController()
    await sleep(this.#clock, delayMs, this.#pausing.signal)
    this.#pausing = undefined
  }

  async #revoke(lease: string): Promise<void> {
    const deadline = Date.now() + LEAVE_DEADLINE_MS
    const revoked = this.#client.leaseClient.leaseRevoke({ ID: lease }, { deadline }).then(
      () => {},
      // What is not revoked runs out by itself.
      error => {
        if (!isLeaseGone(error))
          this.#logger.warn({ ...this.#about(), reason: error.message }, 'the lease was not revoked')
      },
    )
    const stop = new AbortController()
    await Promise.race([revoked, sleep(this.#clock, LEAVE_DEADLINE_MS, stop.signal)])
    stop.abort()
  }

  #about(): { service: string; id: string } {
    return { service: this.#node.service, id: this.#node.id }
  }
}

function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError || error instanceof GRPCNotFoundError
}

/** Positive and 63 bits: etcd keeps lease ids as int64, and 0 asks it to choose one. */
function newLeaseId(): string {
  return String((randomBytes(8).readBigUInt64BE() >> 1n) | 1n)
}
