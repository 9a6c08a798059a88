/** With so few under way it is not they who make the loop late, and none is refused. */
const LEAST = 100
/** Share that the limit keeps for each interval in which the loop is late. */
const SHRINK = 0.9
/** Steps in which it comes back to where it began. */
const STEPS_BACK = 8

/** For so long, and so often, even the quickest turn must have been late. */
const INTERVAL_MS = 500
const INTERVAL_TURNS = 3

/**
 * How many requests this process may have under way while its event loop is late: arithmetic alone.
 *
 * As CoDel (Nichols and Jacobson, ACM Queue 2012) tells a standing queue from a burst, the loop counts as late only
 * where even the quickest turn of 500 ms took longer than the target: one long pause, for garbage or because the
 * machine had no time for this process, is none.
 *
 * Then the limit shrinks with each such interval, from what is under way, and grows by even steps when the loop is no
 * longer late (additive increase, multiplicative decrease: Chiu and Jain, 1989). It is gone when it is back where it
 * began, or when no request meets it any more.
 */
export class LoopLimit {
  readonly #targetMs: number
  #limit = Number.POSITIVE_INFINITY
  #begunAt = 0
  /** The most that was under way in this interval. */
  #peak = 0
  #intervalAt: number
  #turns = 0
  #quickestMs = Number.POSITIVE_INFINITY

  /**
   * @param targetMs how long a turn may take
   * @param now milliseconds on the monotonic clock, here and below
   */
  constructor(targetMs: number, now: number) {
    this.#targetMs = targetMs
    this.#intervalAt = now
  }

  /** Infinity while there is none. */
  get limit(): number {
    return this.#limit
  }

  /** @param underWay requests, with the one that asks. @returns whether that one is beyond the limit */
  refuses(underWay: number): boolean {
    if (underWay > this.#peak) this.#peak = underWay
    return underWay > this.#limit
  }

  /**
   * A turn of the loop is over.
   *
   * @param turnMs how long it took
   * @param underWay requests
   * @returns how long the quickest of the interval took that is over with it, milliseconds; undefined: none is
   */
  turned(turnMs: number, underWay: number, now: number): number | undefined {
    if (turnMs < this.#quickestMs) this.#quickestMs = turnMs
    this.#turns++
    if (now - this.#intervalAt < INTERVAL_MS || this.#turns < INTERVAL_TURNS) return undefined
    const quickestMs = this.#quickestMs
    this.#quickestMs = Number.POSITIVE_INFINITY
    this.#turns = 0
    this.#intervalAt = now
    this.#adjust(quickestMs > this.#targetMs, underWay)
    return quickestMs
  }

  #adjust(isLate: boolean, underWay: number): void {
    const peak = Math.max(this.#peak, underWay)
    const isMet = peak >= this.#limit
    this.#peak = 0
    if (isLate) {
      if (this.#limit === Number.POSITIVE_INFINITY) {
        if (underWay <= LEAST) return
        this.#begunAt = underWay
        this.#limit = underWay
      }
      this.#limit = Math.max(LEAST, Math.floor(SHRINK * Math.min(this.#limit, peak)))
      return
    }
    if (this.#limit === Number.POSITIVE_INFINITY) return
    this.#limit += Math.max(1, Math.ceil(this.#begunAt / STEPS_BACK))
    if (!isMet || this.#limit >= this.#begunAt) this.#limit = Number.POSITIVE_INFINITY
  }
}
