import type { LeaseTable } from './lease-table.ts'

/** The longest delay of setTimeout. */
const MAX_DELAY_MS = 2_147_483_647
/** A timer that fires this late shows that the process was stopped or its event loop was blocked. */
const STALL_MS = 1_000

export interface LeaseExpiryOptions {
  readonly leases: LeaseTable
  readonly now: () => number
  /** Called with each lease that has expired. */
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
    clearTimeout(this.#timer)
  }

  #fire(): void {
    const { leases, now, expire } = this.#options
    if (now() - this.#dueAtMs > STALL_MS) leases.renewAll()
    for (const id of leases.expired()) expire(id)
    this.#dueAtMs = Number.POSITIVE_INFINITY
    this.schedule(leases.nextExpiryMs())
  }
}
