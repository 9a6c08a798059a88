/** A thousand nodes with a TTL of 10 s, each of which says three times within it that it lives, are 300 calls a second. */
const A_SECOND = 500

/** Counts the calls of each caller that write into the registry, so that none of them can wear it out. */
export class CallRate {
  /** When each caller will have used up what it may, in milliseconds. There are as many as tokens. */
  readonly #until = new Map<string, number>()
  readonly #now: () => number

  /** @param now milliseconds on a monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Counts a call; returns false for one too many: more than 500 in about a second. */
  admits(caller: string): boolean {
    const now = this.#now()
    const until = Math.max(this.#until.get(caller) ?? 0, now) + 1_000 / A_SECOND
    if (until - now > 1_000) return false
    this.#until.set(caller, until)
    return true
  }
}
