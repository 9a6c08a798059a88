/** Of the requests, how many may be retries. */
const SHARE = 0.2
/** Always allowed, so that a quiet service has retries, too. */
const LEAST = 3
/** The same where connections broke: what a node had in flight when it died. */
const LEAST_BROKEN = 100
/** Requests are remembered for one to two of these. */
const HALF_WINDOW_MS = 5_000

/**
 * How many retries a service gets, so that nodes that fail because they have too much to do are not given more.
 * Two limits hold at once, each at least 3:
 *
 * - Of the requests under way, at most 20% are retries.
 * - Of the requests of the last 5 to 10 s, at most 20% had a retry that brought nothing better. A retry that helped
 *   costs nothing: where one node of two fails, every request may need one. Where all nodes fail, what reaches them
 *   is at most 1.2 times what clients sent.
 *
 * Connections that broke are another matter: a node that dies breaks all of its own at once, which may be half of what
 * is under way, and none of those clients need notice. So the first limit is not theirs, and the second is at least 100.
 * The same is true of what a node had in flight when it was found to hang.
 *
 * Source: the first is Envoy's retry budget, the second Finagle's `RetryBudget`, of which gRPC's retry throttling
 * (gRFC A6) has taught it to tell retries that help from those that do not.
 */
export class RetryBudget {
  #active = 0
  #retrying = 0
  #requests = 0
  #inVain = 0
  #requestsBefore = 0
  #inVainBefore = 0
  #halfEndsAt = 0
  /** Retries that were begun, those that cost nothing included. */
  retries = 0
  /** Second tries that were sent beside the first. */
  hedges = 0
  /** Retries and hedges that there was no budget for. */
  refused = 0
  #isExhausted = false
  #refusedBefore = 0
  readonly #onChange: (isExhausted: boolean) => void

  /** @param onChange told when there was no budget for a retry, and when that has not happened for 5 to 10 s */
  constructor(onChange: (isExhausted: boolean) => void = () => {}) {
    this.#onChange = onChange
  }

  /** Whether there was no budget for a retry of late. */
  get isExhausted(): boolean {
    return this.#isExhausted
  }

  /** Requests under way. */
  get active(): number {
    return this.#active
  }

  /** Retries under way. */
  get retrying(): number {
    return this.#retrying
  }

  /**
   * A request begins.
   *
   * @param now milliseconds on the monotonic clock
   */
  begin(now: number): void {
    if (now >= this.#halfEndsAt) this.#turn(now)
    this.#active++
    this.#requests++
  }

  /** It has its answer, or will have none. */
  end(): void {
    this.#active--
  }

  /**
   * Takes a retry out of the budget; `giveBack` when it is over.
   *
   * @param isBroken whether a connection broke, or was given up because its node hangs
   * @returns whether there is one
   */
  take(now: number, isBroken = false): boolean {
    if (now >= this.#halfEndsAt) this.#turn(now)
    const isLeft = this.#isLeft(this.#retrying + 1, isBroken)
    if (isLeft) this.#retrying++
    else this.#refuse()
    return isLeft
  }

  /** @param inVain whether the retry brought nothing better */
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
    if (!isBroken && taken > allowance(this.#active, LEAST)) return false
    const least = isBroken ? LEAST_BROKEN : LEAST
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

/** The budget of each service. Bounded by the services that were ever asked. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>()
  readonly #onChange: (service: string, isExhausted: boolean) => void

  /** @param onChange told when the budget of a service was found exhausted, and when it no longer is */
  constructor(onChange: (service: string, isExhausted: boolean) => void = () => {}) {
    this.#onChange = onChange
  }

  /** Undefined for a service that was never asked. */
  get(service: string): RetryBudget | undefined {
    return this.#budgets.get(service)
  }

  of(service: string): RetryBudget {
    let budget = this.#budgets.get(service)
    if (!budget) {
      budget = new RetryBudget(isExhausted => this.#onChange(service, isExhausted))
      this.#budgets.set(service, budget)
    }
    return budget
  }

  /** Each service that was asked, with its budget. */
  [Symbol.iterator](): IterableIterator<[string, RetryBudget]> {
    return this.#budgets.entries()
  }
}
