import { EtcdError } from './errors.ts'
import { AT_ONCE, type CallTurns } from './journal.ts'
import type { LeaseTable } from './lease-table.ts'

/** How often the process looks whether it runs. So a stall is measured to this, and the longest delay of setTimeout is no matter. */
const LOOK_MS = 500
/** A timer that fires this late shows that the process was stopped or its event loop was blocked. */
const STALL_MS = 1_000
/** How soon a lease is ended again whose end could not be kept. */
const RETRY_MS = 1_000

export interface LeaseExpiryOptions {
  readonly leases: LeaseTable
  readonly now: () => number
  readonly turns?: CallTurns
  /** Called with each lease that has expired. May throw an EtcdError when its end cannot be kept. */
  readonly expire: (id: bigint) => void
}

/**
 * Ends leases on time. While there are leases, one timer fires every 500 ms, or sooner when one expires.
 *
 * The time of a stall of this process does not count, because the holders' renewals are still waiting in sockets that were not
 * read. So every lease has as much time left after the stall as it had before, and ends at most its TTL and the stall after its last
 * renewal. etcd gives each lease its full TTL again when a new leader takes over, but a stall of one second is no such rare event.
 */
export class LeaseExpiry {
  readonly #options: LeaseExpiryOptions
  #timer: NodeJS.Timeout | undefined
  /** When the timer should fire. */
  #wakeAtMs = Number.POSITIVE_INFINITY
  /** When the first lease should be ended. */
  #dueAtMs = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(options: LeaseExpiryOptions) {
    this.#options = options
  }

  /** Schedules a granted lease. Renewals and removals are noticed when it is due. */
  schedule(expiresAtMs: number): void {
    this.#dueAtMs = Math.min(this.#dueAtMs, expiresAtMs)
    this.#sleep()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #sleep(): void {
    if (this.#isClosed || this.#dueAtMs === Number.POSITIVE_INFINITY) return
    const now = this.#options.now()
    const wakeAtMs = Math.min(this.#dueAtMs, now + LOOK_MS)
    if (wakeAtMs >= this.#wakeAtMs) return
    clearTimeout(this.#timer)
    this.#wakeAtMs = wakeAtMs
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, Math.ceil(wakeAtMs - now)))
    this.#timer.unref()
  }

  #wake(): void {
    const { leases, now } = this.#options
    const stalledMs = now() - this.#wakeAtMs
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    if (stalledMs > STALL_MS) {
      leases.prolongAll(stalledMs)
      // What was sent during the stall is read before any lease ends. When the next one ends is asked only in a turn: the end of a
      // lease that is being written may have to be taken back.
      this.#dueAtMs = now() + LOOK_MS
    }
    if (now() < this.#dueAtMs) this.#sleep()
    else this.#endExpired()
  }

  #endExpired(): void {
    const { leases, now, turns = AT_ONCE } = this.#options
    this.#dueAtMs = Number.POSITIVE_INFINITY
    turns.run(
      () => this.#expireAll(),
      areAllGone => this.schedule(areAllGone ? leases.nextExpiryMs() : now() + RETRY_MS),
    )
  }

  /** Returns whether the end of all leases that have expired can be kept. */
  #expireAll(): boolean {
    try {
      for (const id of this.#options.leases.expired()) this.#options.expire(id)
      return true
    } catch (error) {
      if (error instanceof EtcdError) return false
      throw error
    }
  }
}
