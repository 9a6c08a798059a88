import { randomBytes } from 'node:crypto'
import { type Etcd3, EtcdLeaseInvalidError, GRPCNotFoundError } from 'etcd3'
import { type Logger, silentLogger } from '../logger.ts'
import { BeatStream } from './beat-stream.ts'
import { type Clock, jitteredBackoffMs, sleep, systemClock } from './clock.ts'

const DEFAULT_TTL_SECONDS = 10
/** One day. etcd refuses much longer TTLs, and no retry would help. */
const MAX_TTL_SECONDS = 86_400

/** The options shared by everything that keeps a key under its own lease. */
export interface LeasedOptions {
  /** Must stay open until the lease has been ended. The caller closes it. */
  readonly client: Etcd3
  /** Seconds until the key is removed when its lease is not renewed. Default 10, at most 86,400. */
  readonly ttlSeconds?: number | undefined
  readonly logger?: Logger | undefined
}

/** @throws TypeError when the TTL is out of range */
export function ttlMsOf({ ttlSeconds = DEFAULT_TTL_SECONDS }: LeasedOptions, minSeconds: number): number {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < minSeconds || ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(`the TTL must be a whole number of seconds from ${minSeconds} to ${MAX_TTL_SECONDS}`)
  }
  return ttlSeconds * 1_000
}

const REVOKE_DEADLINE_MS = 2_000
const GONE = 'it expired or was revoked'
const SILENCE = 'it could not be renewed for a whole TTL'

export interface LeaseSessionOptions {
  /** Must stay open until `end()` has resolved. The caller closes it. */
  readonly client: Etcd3
  readonly ttlMs: number
  /** The lease counts as lost this long before it can expire in etcd. Default 0. */
  readonly marginMs?: number | undefined
  readonly logger?: Logger | undefined
  /** Fields to add to every log line. */
  readonly about?: object | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
}

/** The reason of {@link LeaseSession.lost}. */
export class LeaseLostError extends Error {
  /** @param reason what happened to the lease, for people */
  constructor(reason: string) {
    super(`the lease was lost: ${reason}`)
    this.name = 'LeaseLostError'
  }
}

/**
 * One lease, from its grant until it is lost or ended. It is renewed every third of the TTL on a keepalive
 * stream. When no answer comes within a quarter of the TTL, a new stream to another host is opened.
 *
 * etcd counts the TTL from when it receives a beat, which is after we sent it. Here the time counts from when
 * the last answered beat was sent. The lease is therefore lost here before it can expire in etcd, even when
 * this process was stopped in between.
 *
 * The caller calls `grant()`, and later `end()`, whether or not the grant succeeded.
 */
export class LeaseSession {
  /** The lease's id, decimal. We choose it, so that it is known even if the answer to the grant is lost. */
  readonly id: string = newLeaseId()
  readonly #client: Etcd3
  readonly #ttlMs: number
  readonly #marginMs: number
  readonly #logger: Logger
  readonly #about: object
  readonly #clock: Clock
  readonly #random: () => number
  readonly #lost = new AbortController()
  readonly #over = new AbortController()
  #granted: Promise<boolean> = Promise.resolve(false)
  #goodUntil = 0
  #ending: Promise<void> | undefined

  constructor(options: LeaseSessionOptions) {
    this.#client = options.client
    this.#ttlMs = options.ttlMs
    this.#marginMs = options.marginMs ?? 0
    this.#logger = options.logger ?? silentLogger
    this.#about = { lease: this.id, ...options.about }
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
  }

  /** Aborts with a {@link LeaseLostError} when the lease is lost, but not when it is ended. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Aborts when the lease is lost or ended. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Whether the lease is valid right now. Correct even when no timer has run for a while. */
  isAlive(): boolean {
    return !this.#over.signal.aborted && this.#isInTime()
  }

  /**
   * Requests the lease and renews it from then on. Call it only once.
   *
   * @throws Error when etcd did not grant the lease, or when `end()` was called meanwhile
   */
  async grant(): Promise<void> {
    const sentAt = this.#clock.now()
    const granting = this.#client.leaseClient.leaseGrant({ ID: this.id, TTL: String(this.#ttlMs / 1_000) })
    this.#granted = granting.then(
      () => true,
      () => false,
    )
    await granting
    if (this.#over.signal.aborted) throw new Error('the session was ended while the lease was being granted')
    if (!this.#renewed(sentAt)) throw this.lost.reason
    this.#watchTime()
    void this.#keep()
  }

  /**
   * Reads the keys under the lease from etcd.
   *
   * @throws LeaseLostError when etcd no longer has the lease; the session is then lost too
   */
  async keys(): Promise<readonly Buffer[]> {
    const answer = await this.#client.leaseClient.leaseTimeToLive({ ID: this.id, keys: true })
    if (Number(answer.TTL) <= 0) this.lose(GONE)
    this.lost.throwIfAborted()
    return answer.keys
  }

  /** Marks the lease as lost. For callers that notice that the lease, or the key it protects, is gone. */
  lose(reason: string): void {
    if (this.#over.signal.aborted) return
    this.#lost.abort(new LeaseLostError(reason))
    this.#over.abort()
  }

  /** Calls {@link lose} when `error` is etcd's answer that the lease does not exist. */
  noteError(error: unknown): void {
    if (isLeaseGone(error)) this.lose(GONE)
  }

  /**
   * Stops renewing the lease and revokes it, which deletes its keys. Resolves when etcd has confirmed, or
   * after 2 s. A lease that could not be revoked expires by itself.
   */
  end(): Promise<void> {
    this.#over.abort()
    this.#ending ??= this.#revoke()
    return this.#ending
  }

  async #keep(): Promise<void> {
    const { signal } = this.#over
    let stream: BeatStream | undefined
    let failures = 0
    let isWaiting = false
    while (!signal.aborted) {
      const pauseMs =
        failures === 0
          ? this.#ttlMs / 3
          : Math.min(jitteredBackoffMs(failures, this.#random), this.#ttlMs / 4)
      await sleep(this.#clock, pauseMs, signal)
      if (signal.aborted || !this.#isInTime()) break
      const sentAt = this.#clock.now()
      isWaiting = true
      try {
        // Not before the pause, so that the client knows by now which host to avoid.
        stream ??= new BeatStream({ client: this.#client, clock: this.#clock, lease: this.id, signal })
        const isAlive = await stream.beat(this.#ttlMs / 4)
        isWaiting = false
        failures = 0
        if (!isAlive) this.lose(GONE)
        else this.#renewed(sentAt)
      } catch (error) {
        this.noteError(error)
        if (signal.aborted) break
        failures++
        this.#logger.debug({ ...this.#about, err: error }, 'lease renewal failed; opening a new stream')
        stream?.close(true)
        stream = undefined
      }
    }
    stream?.close(isWaiting && this.lost.aborted)
  }

  /** @returns false when the lease's time is over nevertheless, because the answer took too long to arrive */
  #renewed(sentAt: number): boolean {
    this.#goodUntil = sentAt + this.#ttlMs - this.#marginMs
    return this.#isInTime()
  }

  #isInTime(): boolean {
    if (this.#clock.now() < this.#goodUntil) return true
    this.lose(SILENCE)
    return false
  }

  /** Runs on its own, because a beat may still be waiting for its answer when the time is over. */
  async #watchTime(): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted && this.#isInTime()) {
      await sleep(this.#clock, this.#goodUntil - this.#clock.now(), signal)
    }
  }

  async #revoke(): Promise<void> {
    const stop = new AbortController()
    const timeUp = sleep(this.#clock, REVOKE_DEADLINE_MS, stop.signal)
    const deadline = Date.now() + REVOKE_DEADLINE_MS
    const revoked = this.#granted.then(async isGranted => {
      if (!isGranted) return
      await this.#client.leaseClient.leaseRevoke({ ID: this.id }, { deadline }).catch(error => {
        if (isLeaseGone(error)) return
        this.#logger.warn({ ...this.#about, reason: error.message }, 'revoking the lease failed')
      })
    })
    await Promise.race([revoked, timeUp])
    stop.abort()
  }
}

/** Whether an error is etcd's answer that it does not have the lease. */
export function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError || error instanceof GRPCNotFoundError
}

/** Returns a positive id of 63 bits. etcd stores lease ids as int64, and 0 would let it choose one. */
function newLeaseId(): string {
  return String((randomBytes(8).readBigUInt64BE() >> 1n) | 1n)
}
