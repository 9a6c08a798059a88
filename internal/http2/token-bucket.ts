/** How often something may happen on one connection. */
export interface BucketLimit {
  /** How often at once; 0 = no limit. */
  readonly burst: number
  /** How many more in each second. */
  readonly perSecond: number
  /** How many more for each HEADERS or DATA frame that we sent. */
  readonly perFrameSent?: number
  /** The most that can be saved up. Default: `burst`. */
  readonly most?: number
}

/** Counts what may still happen on one connection. */
export class TokenBucket {
  readonly #limit: BucketLimit
  #tokens: number
  #countedMs: number
  #countedFrames = 0

  /** @param nowMs on a clock in milliseconds that never goes back */
  constructor(limit: BucketLimit, nowMs: number) {
    this.#limit = limit
    this.#tokens = limit.burst
    this.#countedMs = nowMs
  }

  /**
   * Counts one more.
   *
   * @param framesSent so far, for limits with `perFrameSent`
   * @returns false when the limit is exceeded
   */
  take(nowMs: number, framesSent = 0): boolean {
    const { burst, perSecond, perFrameSent = 0, most = burst } = this.#limit
    if (burst === 0) return true
    const earned =
      ((nowMs - this.#countedMs) / 1_000) * perSecond + (framesSent - this.#countedFrames) * perFrameSent
    this.#tokens = Math.min(most, this.#tokens + earned)
    this.#countedMs = nowMs
    this.#countedFrames = framesSent
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
