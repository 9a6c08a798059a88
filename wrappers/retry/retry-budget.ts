/** The share of requests that may be retries. */
const SHARE = 0.2
/** This many retries are always allowed, so that a quiet service has some. */
const MIN_RETRIES = 3
/** This many are always allowed after broken connections, because a node that dies breaks all of its own at once. */
const MIN_BROKEN_RETRIES = 100
/** Requests count for one to two half windows. */
const HALF_WINDOW_MS = 5_000

/**
 * The retry budget of one service. It keeps retries from adding load to nodes that fail because they are overloaded.
 * Two limits apply together, and each allows at least 3 retries:
 *
 * - At most 20% of the requests in flight are retries.
 * - At most 20% of the requests of the last 5 to 10 s had a retry in vain, one that brought nothing better. A retry
 *   that helped costs nothing: when one node of two fails, every request may need one. When all nodes fail, they
 *   receive at most 1.2 times what clients sent.
 *
 * Broken connections are treated differently. A node that dies breaks all of its connections at once, which may carry
 * half of the requests in flight, and retries can hide that from all of their clients. So the first limit does not
 * apply to them, and the second allows at least 100. The same holds for the requests in flight at a node that was found
 * to hang.
 *
 * Source: the first limit is Envoy's retry budget, the second Finagle's `RetryBudget`. That only retries in vain count
 * is taken from gRPC's retry throttling (gRFC A6).
 */
export class RetryBudget {
  #active = 0
  #retrying = 0
  #requests = 0
  #inVain = 0
  #requestsBefore = 0
  #inVainBefore = 0
  #halfEndsAt = 0
  /** Retries begun, including those that cost no budget. */
  retries = 0
  /** Hedges: second tries that were sent beside the first. */
  hedges = 0
  /** Retries and hedges that the budget did not allow. */
  refused = 0
  #isExhausted = false
  #refusedBefore = 0
  readonly #onChange: (isExhausted: boolean) => void

  /**
   * @param onChange is called with true when the budget does not allow a retry, and with false when it has allowed all
   *   for 5 to 10 s
   */
  constructor(onChange: (isExhausted: boolean) => void = () => {}) {
    this.#onChange = onChange
  }

  /** Whether the budget refused a retry within the last 5 to 10 s. */
  get isExhausted(): boolean {
    return this.#isExhausted
  }

  /** Requests in flight. */
  get active(): number {
    return this.#active
  }

  /** Retries in flight. */
  get retrying(): number {
    return this.#retrying
  }

  /**
   * Counts a request that begins.
   *
   * @param now milliseconds on the monotonic clock
   */
  begin(now: number): void {
    if (now >= this.#halfEndsAt) this.#turn(now)
    this.#active++
    this.#requests++
  }

  /** Counts a request that has its answer, or will have none. */
  end(): void {
    this.#active--
  }

  /**
   * Takes a retry out of the budget. Call `giveBack` when the retry is over.
   *
   * @param isBroken whether the try before failed because its connection broke, or was given up because its node hangs
   * @returns whether the budget allows the retry
   */
  take(now: number, isBroken = false): boolean {
    if (now >= this.#halfEndsAt) this.#turn(now)
    const isLeft = this.#isLeft(this.#retrying + 1, isBroken)
    if (isLeft) this.#retrying++
    else this.#refuse()
    return isLeft
  }

  /** Ends a retry that was taken. @param inVain whether the retry brought nothing better */
  giveBack(inVain: boolean): void {
    this.#retrying--
    if (inVain) this.#inVain++
  }

  #refuse(): void {
    this.refused++
    if (this.#isExhausted) return
    this.#isExhausted = true
    this.#onChange(true)
  }

  #isLeft(taken: number, isBroken: boolean): boolean {
    if (!isBroken && taken > allowance(this.#active, MIN_RETRIES)) return false
    const least = isBroken ? MIN_BROKEN_RETRIES : MIN_RETRIES
    const spent = taken + this.#inVain + this.#inVainBefore
    return spent <= allowance(this.#requests + this.#requestsBefore, least)
  }

  #turn(now: number): void {
    if (this.#isExhausted && this.refused === this.#refusedBefore) {
      this.#isExhausted = false
      this.#onChange(false)
    }
    this.#refusedBefore = this.refused
    const isNext = now < this.#halfEndsAt + HALF_WINDOW_MS
    this.#requestsBefore = isNext ? this.#requests : 0
    this.#inVainBefore = isNext ? this.#inVain : 0
    this.#requests = 0
    this.#inVain = 0
    this.#halfEndsAt = isNext ? this.#halfEndsAt + HALF_WINDOW_MS : now + HALF_WINDOW_MS
  }
}

function allowance(requests: number, least: number): number {
  return Math.max(least, SHARE * requests)
}

/** The retry budgets of all services. Bounded by the services that were ever asked. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>()
  readonly #onChange: (service: string, isExhausted: boolean) => void

  /** @param onChange is called when the budget of a service is found exhausted, and when it no longer is */
  constructor(onChange: (service: string, isExhausted: boolean) => void = () => {}) {
    this.#onChange = onChange
  }

  /** Returns undefined for a service that was never asked. */
  get(service: string): RetryBudget | undefined {
    return this.#budgets.get(service)
  }

  /** Returns the budget of a service, which is created on first use. */
  of(service: string): RetryBudget {
    let budget = this.#budgets.get(service)
    if (!budget) {
      budget = new RetryBudget(isExhausted => this.#onChange(service, isExhausted))
      this.#budgets.set(service, budget)
    }
    return budget
  }

  /** Iterates over the services that were asked, with their budgets. */
  [Symbol.iterator](): IterableIterator<[string, RetryBudget]> {
    return this.#budgets.entries()
  }
}
