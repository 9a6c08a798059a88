import { etcdError } from './errors.ts'
import type { StoreEvent } from './key-value.ts'

const MAX_TTL_SECONDS = 9_000_000_000n

interface Lease {
  readonly id: bigint
  readonly ttlSeconds: bigint
  readonly keys: Set<string>
  expiresAtMs: number
}

export interface LeaseTableOptions {
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number
  /** Returns a new id, 1..2^63-1. */
  readonly randomId: () => bigint
  /** Shorter TTLs are raised to it. */
  readonly minTtlSeconds: bigint
}

/** Holds the leases, when they expire, and the keys that expire with them. It has no timers. */
export class LeaseTable {
  readonly #leases = new Map<bigint, Lease>()
  readonly #options: LeaseTableOptions

  constructor(options: LeaseTableOptions) {
    this.#options = options
  }

  has(id: bigint): boolean {
    return this.#leases.has(id)
  }

  /**
   * Creates a lease. With id 0 the table chooses the id.
   *
   * @throws EtcdError when the id is taken or the TTL is above etcd's maximum
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
    this.#leases.set(id, { id, ttlSeconds, keys: new Set(), expiresAtMs })
    return { id, ttlSeconds, expiresAtMs }
  }

  /** Restarts the time of a lease. Returns its TTL in seconds, or 0 when there is no such lease. */
  renew(id: bigint): bigint {
    const lease = this.#leases.get(id)
    if (!lease) return 0n
    lease.expiresAtMs = this.#end(lease.ttlSeconds)
    return lease.ttlSeconds
  }

  /** Removes a lease. Returns the names of its keys in order, or undefined when there is no such lease. */
  remove(id: bigint): string[] | undefined {
    const lease = this.#leases.get(id)
    if (!lease) return undefined
    this.#leases.delete(id)
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

  /** Restarts the time of every lease. */
  renewAll(): void {
    for (const id of this.#leases.keys()) this.renew(id)
  }

  /**
   * Applies changes of the store: a key belongs to the lease of its last put, and to none once it is deleted.
   */
  committed(events: readonly StoreEvent[]): void {
    for (const { name, kv, previous } of events) {
      if (previous && previous.lease !== kv.lease) this.#leases.get(previous.lease)?.keys.delete(name)
      if (kv.lease !== 0n) this.#leases.get(kv.lease)?.keys.add(name)
    }
  }

  #end(ttlSeconds: bigint): number {
    return this.#options.now() + Number(ttlSeconds) * 1_000
  }
}
