/** Of the requests, how many may be retries. */
const SHARE = 0.2
/** Always allowed, so that a quiet service has retries, too. */
const LEAST = 3
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
   * @param isBurst whether it is one of many at once that have one cause, the end of a node. Those are not held
   *   against the share of requests under way: what a node had in flight can be half of all.
   * @returns whether there is one
   */
  take(now: number, isBurst = false): boolean {
    if (now >= this.#halfEndsAt) this.#turn(now)
    const taken = this.#retrying + 1
    if (!isBurst && taken > allowance(this.#active)) return false
    if (taken + this.#inVain + this.#inVainBefore > allowance(this.#requests + this.#requestsBefore))
      return false
    this.#retrying = taken
    return true
  }

  /** @param inVain whether the retry brought nothing better */
  giveBack(inVain: boolean): void {
    this.#retrying--
    if (inVain) this.#inVain++
  }

  #turn(now: number): void {
    const isNext = now < this.#halfEndsAt + HALF_WINDOW_MS
    this.#requestsBefore = isNext ? this.#requests : 0
    this.#inVainBefore = isNext ? this.#inVain : 0
    this.#requests = 0
    this.#inVain = 0
    this.#halfEndsAt = now + HALF_WINDOW_MS
  }
}

function allowance(requests: number): number {
  return Math.max(LEAST, SHARE * requests)
}

/** The budget of each service. Bounded by the services that were ever asked. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>()

  of(service: string): RetryBudget {
    let budget = this.#budgets.get(service)
    if (!budget) {
      budget = new RetryBudget()
      this.#budgets.set(service, budget)
    }
    return budget
  }
}
