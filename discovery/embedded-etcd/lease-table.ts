import { etcdError } from './errors.ts'
import { type Journal, type KeptLease, NO_JOURNAL } from './journal.ts'
import type { StoreEvent } from './key-value.ts'

const MAX_TTL_SECONDS = 9_000_000_000n

interface Lease {
  readonly id: bigint
  readonly ttlSeconds: bigint
  readonly keys: Set<string>
  expiresAtMs: number
  /** When it ends according to the journal, in milliseconds since 1970. */
  untilMs: number
  /** Whether the journal says that it was renewed since. */
  isRenewed: boolean
}

export interface LeaseTableOptions {
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number
  /** Milliseconds since 1970, for what outlives the process. */
  readonly wallNow: () => number
  /** Returns a new id, 1..2^63-1. */
  readonly randomId: () => bigint
  /** Shorter TTLs are raised to it. */
  readonly minTtlSeconds: bigint
}

/**
 * Holds the leases, when they expire, and the keys that expire with them. It has no timers.
 *
 * The journal gets the end of each lease, and once that it was renewed, so renewals cost no write each. After a restart, a lease
 * that nobody renewed ends when it would have ended; one that was renewed has its whole time again. The restart notes that new end, so
 * a lease whose holder is gone ends however often the process restarts.
 */
export class LeaseTable {
  readonly #leases = new Map<bigint, Lease>()
  readonly #options: LeaseTableOptions
  #journal: Journal = NO_JOURNAL

  constructor(options: LeaseTableOptions) {
    this.#options = options
  }

  /** From now on, changes are kept in a journal. */
  keepIn(journal: Journal): void {
    this.#journal = journal
  }

  /** Adds a lease from before a restart, without its keys; or replaces what is known of its time. */
  restore({ id, ttlSeconds, untilMs, isRenewed }: KeptLease): void {
    const { now, wallNow } = this.#options
    const ttlMs = Number(ttlSeconds) * 1_000
    // The clock may have been set back meanwhile.
    const leftMs = isRenewed ? ttlMs : Math.min(Math.max(0, untilMs - wallNow()), ttlMs)
    const { keys = new Set<string>() } = this.#leases.get(id) ?? {}
    this.#leases.set(id, { id, ttlSeconds, keys, expiresAtMs: now() + leftMs, untilMs, isRenewed })
  }

  /** Returns what has to be restored. */
  kept(): KeptLease[] {
    return [...this.#leases.values()].map(({ id, ttlSeconds, untilMs, isRenewed }) => ({
      ...{ id, ttlSeconds, untilMs, isRenewed },
    }))
  }

  /** Notes the new end of each lease that has its whole time again since a restart. */
  keepNewEnds(): void {
    if (this.#journal.isRefusing) return
    for (const lease of this.#leases.values()) {
      if (!lease.isRenewed) continue
      const { untilMs } = lease
      lease.untilMs = this.#options.wallNow() + lease.expiresAtMs - this.#options.now()
      lease.isRenewed = false
      this.#journal.add({ kind: 'lease', lease: { ...lease } }, () => {
        lease.untilMs = untilMs
        lease.isRenewed = true
      })
    }
  }

  get count(): number {
    return this.#leases.size
  }

  has(id: bigint): boolean {
    return this.#leases.has(id)
  }

  /**
   * Creates a lease. With id 0 the table chooses the id.
   *
   * @throws EtcdError when the id is taken, the TTL is above etcd's maximum, or the lease cannot be kept
   */
  grant(
    wantedId: bigint,
    wantedTtlSeconds: bigint,
  ): Readonly<Pick<Lease, 'id' | 'ttlSeconds' | 'expiresAtMs'>> {
    if (wantedTtlSeconds > MAX_TTL_SECONDS) throw etcdError('leaseTtlTooLarge')
    if (this.#leases.has(wantedId)) throw etcdError('leaseExists')
    let id = wantedId
    while (id === 0n || (wantedId === 0n && this.#leases.has(id))) id = this.#options.randomId()
    const { minTtlSeconds } = this.#options
    const ttlSeconds = wantedTtlSeconds < minTtlSeconds ? minTtlSeconds : wantedTtlSeconds
    const expiresAtMs = this.#end(ttlSeconds)
    const untilMs = this.#options.wallNow() + Number(ttlSeconds) * 1_000
    this.#journal.permit()
    this.#leases.set(id, { id, ttlSeconds, keys: new Set(), expiresAtMs, untilMs, isRenewed: false })
    const kept = { id, ttlSeconds, untilMs, isRenewed: false }
    this.#journal.add({ kind: 'lease', lease: kept }, () => void this.#leases.delete(id))
    return { id, ttlSeconds, expiresAtMs }
  }

  /** Restarts the time of a lease. Returns its TTL in seconds, or 0 when there is no such lease. */
  renew(id: bigint): bigint {
    const lease = this.#leases.get(id)
    if (!lease) return 0n
    lease.expiresAtMs = this.#end(lease.ttlSeconds)
    // On a full disk it lives on all the same: its holder is there.
    if (!lease.isRenewed && !this.#journal.isRefusing) {
      lease.isRenewed = true
      this.#journal.add({ kind: 'renew', id }, () => {
        lease.isRenewed = false
      })
    }
    return lease.ttlSeconds
  }

  /**
   * Removes a lease. Returns the names of its keys in order, or undefined when there is no such lease.
   *
   * @throws EtcdError when the removal cannot be kept
   */
  remove(id: bigint): string[] | undefined {
    const lease = this.#leases.get(id)
    if (!lease) return undefined
    this.#journal.permit()
    this.#leases.delete(id)
    this.#journal.add({ kind: 'revoke', id }, () => void this.#leases.set(id, lease))
    return [...lease.keys].sort()
  }

  /**
   * Returns the whole seconds left, the granted time and the keys of a lease; undefined when there is none.
   */
  describe(id: bigint): { ttlSeconds: bigint; grantedSeconds: bigint; keys: string[] } | undefined {
    const lease = this.#leases.get(id)
    if (!lease) return undefined
    const leftMs = Math.max(0, lease.expiresAtMs - this.#options.now())
    return {
      ttlSeconds: BigInt(Math.trunc(leftMs / 1_000)),
      grantedSeconds: lease.ttlSeconds,
      keys: [...lease.keys].sort(),
    }
  }

  /** Returns the ids of all leases, ordered by when they expire. */
  list(): bigint[] {
    return [...this.#leases.values()].sort((a, b) => a.expiresAtMs - b.expiresAtMs).map(lease => lease.id)
  }

  /** Returns when the next lease expires; Infinity when there is none. */
  nextExpiryMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { expiresAtMs } of this.#leases.values()) next = Math.min(next, expiresAtMs)
    return next
  }

  /** Returns the ids of the leases that have expired. */
  expired(): bigint[] {
    const now = this.#options.now()
    return [...this.#leases.values()].filter(lease => lease.expiresAtMs <= now).map(lease => lease.id)
  }

  /** Gives every lease more time, at most its full time from now on. A restart knows nothing of it, since no holder was heard. */
  prolongAll(byMs: number): void {
    for (const lease of this.#leases.values()) {
      lease.expiresAtMs = Math.min(lease.expiresAtMs + byMs, this.#end(lease.ttlSeconds))
    }
  }

  /**
   * Applies changes of the store: a key belongs to the lease of its last put, and to none once it is deleted.
   */
  applied(events: readonly StoreEvent[]): void {
    for (const { name, kv, previous } of events) {
      if (previous && previous.lease !== kv.lease) this.#leases.get(previous.lease)?.keys.delete(name)
      if (kv.lease !== 0n) this.#leases.get(kv.lease)?.keys.add(name)
    }
  }

  #end(ttlSeconds: bigint): number {
    return this.#options.now() + Number(ttlSeconds) * 1_000
  }
}
