import { COUNTING, type Count, NOTHING_COUNTED } from './algorithms.ts'
import type { Charge, Verdict } from './counters.ts'

export interface LocalCountersOptions {
  /** How many keys are kept, of all rules together. */
  readonly maxKeys: number
  /** Returns whole microseconds since 1970, on a clock that never goes back. */
  readonly now: () => number
  /** Returns whole microseconds since 1970, on the clock of the wall, by which fixed windows begin. */
  readonly wallNow: () => number
}

interface Entry extends Count {
  /** The id of its rule. */
  readonly id: string
  readonly key: string
  /** Whether the key was asked for since it was last looked at for eviction. */
  isUsed: boolean
  /** How many keys it counts for in the bound. */
  weight: number
}

/** A charge that was made, with `until` of its count right after it. */
interface Receipt {
  readonly charge: Charge
  readonly entry: Entry
  readonly until: number
}

/** A key with a log of so many more requests counts as one more key, since each takes memory. */
const LOGGED_PER_KEY = 16
/** How many keys are looked at to find the best one to forget. */
const LOOKS = 8

/**
 * Counters in the memory of this process, for a bounded number of keys. When there are more, keys whose count has run out are
 * forgotten first, and then those that were not asked for since the last look at them (second chance).
 *
 * A key that is forgotten too early begins anew, so a bound that is too low weakens limits, and never refuses anybody.
 */
export class LocalCounters {
  readonly #maxKeys: number
  readonly #now: () => number
  readonly #wallNow: () => number
  /** By the id of their rule. */
  readonly #tables = new Map<string, Map<string, Entry>>()
  /** All keys of all tables. */
  readonly #ring: Entry[] = []
  #hand = 0
  #weight = 0
  #evictions = 0

  constructor({ maxKeys, now, wallNow }: LocalCountersOptions) {
    this.#maxKeys = maxKeys
    this.#now = now
    this.#wallNow = wallNow
  }

  /** How many keys are kept, those whose count has run out included. */
  get keys(): number {
    return this.#ring.length
  }

  /** How many keys were forgotten before their count had run out, since the start. */
  get evictions(): number {
    return this.#evictions
  }

  /**
   * Tests all charges, and makes them only if every rule allows its own. Returns the verdicts in the order of the charges.
   */
  take(charges: readonly Charge[]): readonly Verdict[] {
    const now = this.#now()
    const waits = charges.map(charge => this.#waitOf(charge, now))
    const isAdmitted = waits.every(wait => wait === 0)
    return charges.map((charge, i) => {
      if (isAdmitted && !charge.isTest) this.#charge(charge, now)
      return this.#verdictOf(charge, waits[i]!, now)
    })
  }

  /** Makes charges without a test. */
  add(charges: readonly Charge[]): void {
    const now = this.#now()
    for (const charge of charges) this.#charge(charge, now)
  }

  /** Returns what {@link refund} takes for charges that {@link take} has made in this turn. */
  receiptsFor(charges: readonly Charge[]): readonly Receipt[] {
    return charges.flatMap(charge => {
      const entry = this.#find(charge)
      return entry === undefined || charge.isTest ? [] : { charge, entry, until: entry.until }
    })
  }

  /** Takes charges back that were made a moment ago. Of a count that was forgotten since, nothing is. */
  refund(receipts: readonly Receipt[]): void {
    const now = this.#now()
    for (const { charge, entry, until } of receipts) {
      if (this.#find(charge) !== entry) continue
      COUNTING[charge.rule.algorithm].refund(entry, charge, until, this.#clockOf(charge, now))
    }
  }

  #waitOf(charge: Charge, now: number): number {
    const entry = this.#find(charge)
    const time = this.#clockOf(charge, now)
    const algorithm = COUNTING[charge.rule.algorithm]
    if (entry === undefined) return algorithm.wait(NOTHING_COUNTED, charge, charge.cost, time)
    entry.isUsed = true
    algorithm.correct(entry, charge, time)
    // A count may be beyond its limit: charges without a test, and those from before the limit was lowered, are in it.
    return charge.cost === 0 ? 0 : algorithm.wait(entry, charge, charge.cost, time)
  }

  #verdictOf(charge: Charge, wait: number, now: number): Verdict {
    const count = this.#find(charge) ?? NOTHING_COUNTED
    const time = this.#clockOf(charge, now)
    const algorithm = COUNTING[charge.rule.algorithm]
    const remaining = algorithm.remaining(count, charge, time)
    const nextMs = remaining > 0 ? 0 : algorithm.wait(count, charge, 1, time) / 1_000
    return { allowed: wait === 0, remaining, nextMs, retryMs: wait / 1_000 }
  }

  #charge(charge: Charge, now: number): void {
    if (charge.cost === 0) return
    const entry = this.#entryOf(charge, now)
    COUNTING[charge.rule.algorithm].charge(entry, charge, this.#clockOf(charge, now))
    if (entry.log !== undefined) this.#weigh(entry, now)
  }

  #clockOf({ rule }: Charge, now: number): number {
    return rule.algorithm === 'fixed' ? this.#wallNow() : now
  }

  #find({ rule: { id }, key }: Charge): Entry | undefined {
    return this.#tables.get(id)?.get(key)
  }

  #entryOf(charge: Charge, now: number): Entry {
    const known = this.#find(charge)
    if (known !== undefined) return known
    if (this.#weight >= this.#maxKeys && this.#ring.length > 0) this.#evict(now)
    const { id } = charge.rule
    const key = flat(charge.key)
    const entry: Entry = { until: 0, charged: 0, log: undefined, id, key, isUsed: false, weight: 1 }
    const table = this.#tables.get(id)
    if (table) table.set(key, entry)
    else this.#tables.set(id, new Map([[key, entry]]))
    this.#ring.push(entry)
    this.#weight++
    return entry
  }

  /** Counts a log as the keys that would take as much memory. */
  #weigh(entry: Entry, now: number): void {
    const weight = 1 + Math.floor(entry.log!.length / LOGGED_PER_KEY)
    this.#weight += weight - entry.weight
    entry.weight = weight
    while (this.#weight > this.#maxKeys && this.#ring.length > 1) this.#evict(now, entry)
  }

  /** Forgets one key: one whose count has run out, or else one that was not asked for lately. */
  #evict(now: number, kept?: Entry): void {
    const ring = this.#ring
    let victim: number | undefined
    for (let looked = 0; looked < LOOKS; looked++) {
      this.#hand = (this.#hand + 1) % ring.length
      const entry = ring[this.#hand]!
      if (entry === kept) continue
      if (entry.until <= now) {
        victim = this.#hand
        break
      }
      if (!entry.isUsed) victim ??= this.#hand
      entry.isUsed = false
    }
    if (victim === undefined) victim = ring[this.#hand] === kept ? (this.#hand + 1) % ring.length : this.#hand
    const entry = ring[victim]!
    const last = ring.pop()!
    if (last !== entry) ring[victim] = last
    const table = this.#tables.get(entry.id)!
    table.delete(entry.key)
    if (table.size === 0) this.#tables.delete(entry.id)
    this.#weight -= entry.weight
    if (entry.until > now) this.#evictions++
  }
}

/** Copies a text, which may be a part of a longer one, such as a header line, and would keep all of it in memory. */
function flat(text: string): string {
  const encoding = IN_BYTES.test(text) ? 'latin1' : 'utf16le'
  return Buffer.from(text, encoding).toString(encoding)
}

/** Matches a text whose characters are bytes. */
const IN_BYTES = /^[\0-\xff]*$/
