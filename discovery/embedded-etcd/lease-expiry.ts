import type { LeaseTable } from './lease-table.ts'

/** setTimeout's longest. */
const MAX_DELAY_MS = 2_147_483_647
/** A timer this late means that the process was stopped or its event loop was held up. */
const STALL_MS = 1_000

export interface LeaseExpiryOptions {
  readonly leases: LeaseTable
  readonly now: () => number
  /** Called with each lease whose time is over. */
  readonly expire: (id: bigint) => void
}

/**
 * Ends leases on time, with one timer for the one that ends first.
 *
 * After a stall of this process every lease starts anew, as etcd's do when a new leader takes over: the
 * holders' renewals are waiting in sockets that nobody has read.
 */
export class LeaseExpiry {
  readonly #options: LeaseExpiryOptions
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Number.POSITIVE_INFINITY

  constructor(options: LeaseExpiryOptions) {
    this.#options = options
  }

  /** To be told of each granted lease. Renewed and removed ones are noticed when the timer fires. */
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
