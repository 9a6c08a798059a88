import { EtcdError } from './errors.ts'
import { AT_ONCE, type CallTurns } from './journal.ts'
import type { LeaseTable } from './lease-table.ts'

/** The longest delay of setTimeout. */
const MAX_DELAY_MS = 2_147_483_647
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
 * Ends leases on time, with one timer for the lease that expires first.
 *
 * After a stall of this process every lease starts its full time again, as in etcd when a new leader takes
 * over, because the holders' renewals are still waiting in sockets that were not read.
 */
export class LeaseExpiry {
  readonly #options: LeaseExpiryOptions
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(options: LeaseExpiryOptions) {
    this.#options = options
  }

  /** Schedules a granted lease. Renewals and removals are noticed when the timer fires. */
  schedule(expiresAtMs: number): void {
    if (expiresAtMs >= this.#dueAtMs) return
    clearTimeout(this.#timer)
    const now = this.#options.now()
    this.#dueAtMs = Math.min(expiresAtMs, now + MAX_DELAY_MS)
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(this.#dueAtMs - now)))
    this.#timer.unref()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #fire(): void {
    const { leases, now, turns = AT_ONCE } = this.#options
    if (now() - this.#dueAtMs > STALL_MS) leases.renewAll()
    turns.run(
      () => this.#expireAll(),
      areAllGone => {
        this.#dueAtMs = Number.POSITIVE_INFINITY
        if (!this.#isClosed) this.schedule(areAllGone ? leases.nextExpiryMs() : now() + RETRY_MS)
      },
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
