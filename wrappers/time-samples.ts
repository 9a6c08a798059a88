const NO_TIMES = new Float64Array(0)

/** A ring of measured times, in milliseconds. It holds the last `capacity` of them; the oldest is overwritten first. */
export class TimeSamples {
  readonly #capacity: number
  /** Allocated with the first sample, because most services are never asked. */
  #times = NO_TIMES
  #count = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Samples added since the last `clear()`, including those that were overwritten. */
  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    if (this.#times === NO_TIMES) this.#times = new Float64Array(this.#capacity)
    this.#times[this.#count++ % this.#capacity] = ms
  }

  clear(): void {
    this.#count = 0
  }

  /**
   * Returns the time that a share of the samples did not exceed, by the nearest-rank method.
   *
   * @param share above 0, up to 1: 0.5 for the median
   * @returns NaN when there are no samples
   */
  quantile(share: number): number {
    const sorted = this.#times.slice(0, Math.min(this.#count, this.#times.length)).sort()
    return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
  }
}
