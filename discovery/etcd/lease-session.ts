import { randomBytes } from 'node:crypto'
import { type Etcd3, EtcdLeaseInvalidError, GRPCNotFoundError } from 'etcd3'
import { type Logger, silentLogger } from '../logger.ts'
import { BeatStream } from './beat-stream.ts'
import { type Clock, jitteredBackoffMs, sleep, systemClock } from './clock.ts'

const REVOKE_DEADLINE_MS = 2_000
const GONE = 'it expired or was revoked'
const SILENCE = 'it was not renewed for a whole TTL'

export interface LeaseSessionOptions {
  /** Stays open until after `end()`; closed by whoever made it. */
  readonly client: Etcd3
  readonly ttlMs: number
  /** How long before the lease can have run out in etcd it counts as lost. Default 0. */
  readonly marginMs?: number | undefined
  readonly logger?: Logger | undefined
  /** What every line of the log says besides. */
  readonly about?: object | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
}

/** The reason of {@link LeaseSession.lost}. */
export class LeaseLostError extends Error {
  /** @param reason what happened to the lease, for people */
  constructor(reason: string) {
    super(`the lease is lost: ${reason}`)
    this.name = 'LeaseLostError'
  }
}

/**
 * One lease, from its grant to its loss or its end. It is renewed every third of the TTL on a keepalive
 * stream; when no answer comes within a quarter of the TTL, on a new stream to another host.
 *
 * etcd counts the TTL from when it gets a beat, which is after we sent it. Counted from when the last
 * answered beat was sent, the lease is therefore lost here before it can run out there, also when this
 * process was stopped meanwhile.
 *
 * Whoever made it calls `grant()`, and `end()` whatever came of it.
 */
export class LeaseSession {
  /** The lease's id, decimal. Our own, so that the lease is known even if the answer to the grant is lost. */
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

  /** Aborts with a {@link LeaseLostError} when the lease is lost; not when it is ended. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Aborts when there is nothing more to renew, lost or ended. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Whether the lease can be relied on at this moment, also when no timer has had its turn for a while. */
  isAlive(): boolean {
    return !this.#over.signal.aborted && this.#isInTime()
  }

  /**
   * Asks for the lease and renews it from then on. Once only.
   *
   * @throws Error when etcd gave none, or `end()` was called meanwhile
   */
  async grant(): Promise<void> {
    const sentAt = this.#clock.now()
    const granting = this.#client.leaseClient.leaseGrant({ ID: this.id, TTL: String(this.#ttlMs / 1_000) })
    this.#granted = granting.then(
      () => true,
      () => false,
    )
    await granting
    if (this.#over.signal.aborted) throw new Error('the session was ended while the lease was granted')
    if (!this.#renewed(sentAt)) throw this.lost.reason
    this.#watchTime()
    void this.#keep()
  }

  /**
   * The keys under the lease, as etcd has them.
   *
   * @throws LeaseLostError when there is no such lease, which is then lost here too
   */
  async keys(): Promise<readonly Buffer[]> {
    const answer = await this.#client.leaseClient.leaseTimeToLive({ ID: this.id, keys: true })
    if (Number(answer.TTL) <= 0) this.lose(GONE)
    this.lost.throwIfAborted()
    return answer.keys
  }

  /** To be told of what was found out elsewhere: that the lease, or what it stood for, is gone. */
  lose(reason: string): void {
    if (this.#over.signal.aborted) return
    this.#lost.abort(new LeaseLostError(reason))
    this.#over.abort()
  }

  /** {@link lose}s the lease when `error` is etcd's word that there is none of this id. */
  noteError(error: unknown): void {
    if (isLeaseGone(error)) this.lose(GONE)
  }

  /**
   * Stops renewing and revokes the lease, which deletes its keys. Resolves when etcd has confirmed, or after
   * 2 s: what is not revoked runs out by itself.
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
        // Not before the pause: the client then knows which host to pass over.
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
        this.#logger.debug({ ...this.#about, err: error }, 'no answer to a beat; trying a new stream')
        stream?.close(true)
        stream = undefined
      }
    }
    stream?.close(isWaiting && this.lost.aborted)
  }

  /** @returns false when even so the time is over, because the answer took so long to reach us */
  #renewed(sentAt: number): boolean {
    this.#goodUntil = sentAt + this.#ttlMs - this.#marginMs
    return this.#isInTime()
  }

  #isInTime(): boolean {
    if (this.#clock.now() < this.#goodUntil) return true
    this.lose(SILENCE)
    return false
  }

  /** Of its own, because a beat may wait for its answer when the time is over. */
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
        this.#logger.warn({ ...this.#about, reason: error.message }, 'the lease was not revoked')
      })
    })
    await Promise.race([revoked, timeUp])
    stop.abort()
  }
}

function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError || error instanceof GRPCNotFoundError
}

/** Positive and 63 bits: etcd keeps lease ids as int64, and 0 asks it to choose one. */
function newLeaseId(): string {
  return String((randomBytes(8).readBigUInt64BE() >> 1n) | 1n)
}
