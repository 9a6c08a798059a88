import type { Charge } from '../../internal/limits/counters.ts'

/** Charges to other keys are dropped. */
const MAX_KEYS = 10_000

export interface OwedCharge {
  readonly key: string
  readonly charge: Charge
  /** The sum of what the key is to be charged. */
  cost: number
}

/**
 * The charges to windows of the calendar that came while the store was away. Those to windows that have ended meanwhile are
 * forgotten; those to shorter windows are never kept.
 */
export class OwedCharges {
  readonly #byKey = new Map<string, OwedCharge>()

  get size(): number {
    return this.#byKey.size
  }

  /** Returns false when the charge is dropped. */
  keep(key: string, charge: Charge, cost = charge.cost): boolean {
    if (charge.windowEndsAt === undefined || charge.windowEndsAt <= Date.now()) return false
    const owed = this.#byKey.get(key)
    if (owed) {
      owed.cost += cost
      return true
    }
    if (this.#byKey.size >= MAX_KEYS) return false
    this.#byKey.set(key, { key, charge, cost })
    return true
  }

  /** Removes and returns up to `max` charges that still matter. */
  takeSome(max: number): OwedCharge[] {
    const now = Date.now()
    const some: OwedCharge[] = []
    for (const [key, owed] of this.#byKey) {
      if (some.length >= max) break
      this.#byKey.delete(key)
      if (owed.charge.windowEndsAt! > now) some.push(owed)
    }
    return some
  }
}
