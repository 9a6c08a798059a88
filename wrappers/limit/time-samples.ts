const NO_TIMES = new Float64Array(0)

/** The last times of something; holds at most `capacity` of them, the oldest forgotten first. */
export class TimeSamples {
  readonly #capacity: number
  /** Made with the first: most services are never asked. */
  #times = NO_TIMES
  #count = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** How many were added since the last `clear`, those forgotten included. */
  get count(): number {
    return this.#count
  }

  /** @param ms milliseconds */
  add(ms: number): void {
    if (this.#times === NO_TIMES) this.#times = new Float64Array(this.#capacity)
    this.#times[this.#count++ % this.#capacity] = ms
  }

  clear(): void {
    this.#count = 0
  }

  /** What half of them did not exceed, milliseconds; NaN when there is none. */
  median(): number {
    const sorted = this.#times.slice(0, Math.min(this.#count, this.#times.length)).sort()
    return sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  }
}
