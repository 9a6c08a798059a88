import { QuietError } from '../http/quiet-error.ts'

/** How one rule counts. Every request that it counts has the same object. */
export interface CountedRule {
  /**
   * Says which counts are one: two rules with the same text share the counts of their keys, in every process that asks the
   * same store. It names the scope, the rule, what its key is read from, the algorithm and the window, but not `limit`, so that counts survive a new
   * limit. Any characters.
   */
  readonly id: string
  /**
   * `gcra`: an even rate with a burst. `exact`: never more than `limit` in any window. `fixed`: windows of the clock, each
   * counted by itself; they begin at multiples of `windowMicros` since 1970.
   */
  readonly algorithm: 'gcra' | 'exact' | 'fixed'
  /** Requests of cost 1 in each window. At most 1,000 for `exact`. */
  readonly limit: number
  /** Whole microseconds. */
  readonly windowMicros: number
  /** For `gcra`: requests that may come at once. */
  readonly burst: number
}

/** What one request asks of one rule. */
export interface Charge {
  readonly rule: CountedRule
  /** The key of the request, as `compileRequestKey` makes it: any characters. */
  readonly key: string
  /** A whole number, 0..1,000. A request of cost 0 is never refused. */
  readonly cost: number
  /** True: the request is tested, and nothing is charged. */
  readonly isTest: boolean
  /**
   * For `fixed`: the end of the window, milliseconds since 1970, when it is one of the calendar. `key` then names the
   * window, and `windowMicros` means nothing. Undefined = windows of `windowMicros`.
   */
  readonly windowEndsAt?: number | undefined
}

/** What a rule says about one request. */
export interface Verdict {
  readonly allowed: boolean
  /** How many requests of cost 1 would be admitted at once now, after what this request was charged. */
  readonly remaining: number
  /** Milliseconds until one request of cost 1 would be admitted; 0 while `remaining` is above 0. */
  readonly nextMs: number
  /** For a refused request: milliseconds until one of its cost would be admitted; Infinity = never. 0 when allowed. */
  readonly retryMs: number
}

/** Counters that all gateways share, because they are in a store. */
export interface SharedCounters {
  /**
   * Tests all charges, and writes them only if every rule allows its own. Returns the verdicts in the order of the
   * charges, synchronously where the store need not be asked.
   *
   * @throws StoreUnavailable when the store gives no answer in time; a promise rejects with it
   */
  take(charges: readonly Charge[]): readonly Verdict[] | Promise<readonly Verdict[]>
  /**
   * Charges without a test, in the background. While the store is away, charges to windows of the calendar are kept and
   * added on its return, those of 10,000 keys at most, and others are dropped.
   */
  add(charges: readonly Charge[]): void
}

/** The store of shared counters gives no answer in time. */
export class StoreUnavailable extends QuietError {
  override readonly name = 'StoreUnavailable'
  /** Whether the store was asked and may have charged the request, although it did not answer. */
  readonly mayHaveCounted: boolean

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly mayHaveCounted?: boolean } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.mayHaveCounted = options.mayHaveCounted === true
  }
}
