/** The limit is never lower. So few requests are not the reason for an overload. */
const MIN_LIMIT = 100
/** Factor by which the limit shrinks in each interval in which the loop is overloaded. */
const SHRINK = 0.9
/** Number of steps in which the limit grows back to its first value. */
const STEPS_BACK = 8

/** Even the shortest turn of an interval must be over the target. An interval has at least this length and many turns. */
const INTERVAL_MS = 500
const INTERVAL_TURNS = 3

/**
 * Computes how many requests this process may have in flight while its event loop is overloaded. It has no timers and no
 * clock of its own.
 *
 * The loop counts as overloaded when even the shortest turn of 500 ms took longer than the target. CoDel (Nichols and
 * Jacobson, ACM Queue 2012) tells a standing queue from a burst in the same way. One long pause, for a garbage collection
 * or because the machine had no time for this process, does not count.
 *
 * The limit starts at the number of requests in flight, shrinks with each overloaded interval, and grows by even steps
 * when the overload is over (additive increase, multiplicative decrease: Chiu and Jain, 1989). It is lifted when it is
 * back at its first value, or when no request reaches it.
 */
export class LoopLimit {
  /** How long a turn may take. */
  targetMs: number
  #limit = Number.POSITIVE_INFINITY
  #startLimit = 0
  /** The most requests in flight in this interval. */
  #peak = 0
  #intervalAt: number
  #turns = 0
  #shortestMs = Number.POSITIVE_INFINITY

  /**
   * @param targetMs how long a turn may take
   * @param now milliseconds on the monotonic clock, here and below
   */
  constructor(targetMs: number, now: number) {
    this.targetMs = targetMs
    this.#intervalAt = now
  }

  /** The current limit; Infinity while there is none. */
  get limit(): number {
    return this.#limit
  }

  /**
   * Returns whether a request must be refused.
   *
   * @param inFlight number of requests in flight, with this one
   */
  refuses(inFlight: number): boolean {
    if (inFlight > this.#peak) this.#peak = inFlight
    return inFlight > this.#limit
  }

  /**
   * Records a turn of the event loop, and adjusts the limit at the end of each interval.
   *
   * @param turnMs length of the turn, in milliseconds
   * @param inFlight number of requests in flight
   * @returns the shortest turn of the interval that this turn ends, in milliseconds; undefined when it ends none
   */
  recordTurn(turnMs: number, inFlight: number, now: number): number | undefined {
    if (turnMs < this.#shortestMs) this.#shortestMs = turnMs
    this.#turns++
    if (now - this.#intervalAt < INTERVAL_MS || this.#turns < INTERVAL_TURNS) return undefined
    const shortestMs = this.#shortestMs
    this.#shortestMs = Number.POSITIVE_INFINITY
    this.#turns = 0
    this.#intervalAt = now
    this.#adjust(shortestMs > this.targetMs, inFlight)
    return shortestMs
  }

  #adjust(isOverloaded: boolean, inFlight: number): void {
    const peak = Math.max(this.#peak, inFlight)
    const isReached = peak >= this.#limit
    this.#peak = 0
    if (isOverloaded) {
      if (this.#limit === Number.POSITIVE_INFINITY) {
        if (inFlight <= MIN_LIMIT) return
        this.#startLimit = inFlight
        this.#limit = inFlight
      }
      this.#limit = Math.max(MIN_LIMIT, Math.floor(SHRINK * Math.min(this.#limit, peak)))
      return
    }
    if (this.#limit === Number.POSITIVE_INFINITY) return
    this.#limit += Math.max(1, Math.ceil(this.#startLimit / STEPS_BACK))
    if (!isReached || this.#limit >= this.#startLimit) this.#limit = Number.POSITIVE_INFINITY
  }
}
