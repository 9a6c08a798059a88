/** Remembered, the oldest forgotten first. */
const KEPT = 256
/** Below this, a percentile says nothing. */
const LEAST = 20
/** How many come between two looks at all of them. */
const STALE_AFTER = 16

/** The last times of something, and how long most of them were. */
export class RecentTimes {
  readonly #times = new Float64Array(KEPT)
  #count = 0
  #p95 = 0
  #countedAt = 0

  /** @param ms milliseconds */
  add(ms: number): void {
    this.#times[this.#count++ % KEPT] = ms
  }

  /** What 95% of them did not exceed, milliseconds; undefined while there are too few. */
  get p95(): number | undefined {
    if (this.#count < LEAST) return undefined
    if (this.#countedAt === 0 || this.#count - this.#countedAt >= STALE_AFTER) {
      const sorted = this.#times.slice(0, Math.min(this.#count, KEPT)).sort()
      this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1]!
      this.#countedAt = this.#count
    }
    return this.#p95
  }
}
