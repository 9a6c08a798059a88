import { LiveTimes, quantileOf, roundMs, TimesMark } from './live-times.ts'

/** Ten minutes in steps of 5 s. */
export const SAMPLES = 120
/** Before so many requests, no time is out of the ordinary. */
const MIN_REQUESTS = 100
/** How many requests the usual 99th percentile goes back. */
const USUAL_REQUESTS = 2_000
const SLOW_FACTOR = 4

/**
 * Requests; those with status 4xx, with 5xx; the median and the 99th percentile in milliseconds, null without requests; and the
 * tries beyond the first one of each request, absent when there were none.
 */
export type SampleFigures = readonly [
  n: number,
  c4: number,
  c5: number,
  p50: number | null,
  p99: number | null,
  retries?: number,
]

/**
 * The requests of one route, of one service or of the whole process: counts since the start, and samples of the last ten
 * minutes. It takes less than 6 KB.
 */
export class TrafficSeries {
  n = 0
  c4 = 0
  c5 = 0
  retries = 0
  readonly times = new LiveTimes()
  /** The time above which a request is out of the ordinary, milliseconds: 4 times the usual 99th percentile. */
  slowMs = Number.POSITIVE_INFINITY
  /** How many samples were taken since the last one that had requests. */
  idleSamples = 0
  readonly #mark = new TimesMark()
  #before: readonly [n: number, c4: number, c5: number, retries: number] = [0, 0, 0, 0]
  readonly #counts = new Uint32Array(4 * SAMPLES)
  readonly #quantiles = new Float32Array(2 * SAMPLES)
  #usualP99 = 0
  #judged = 0

  /**
   * @param ms undefined for a connection that became a tunnel, which lasts as long as its ends like
   * @param retries tries beyond the first
   */
  record(status: number, ms: number | undefined, retries = 0): void {
    this.n++
    this.retries += retries
    if (status >= 500) this.c5++
    else if (status >= 400) this.c4++
    if (ms !== undefined) this.times.add(ms)
  }

  /** @param slot 0 to 119; the sample that was there before is replaced */
  sample(slot: number): void {
    const [n, c4, c5, retries] = this.#before
    const count = this.n - n
    this.#counts[4 * slot] = count
    if (count === 0) {
      this.idleSamples++
      return
    }
    this.idleSamples = 0
    this.#counts[4 * slot + 1] = this.c4 - c4
    this.#counts[4 * slot + 2] = this.c5 - c5
    this.#counts[4 * slot + 3] = this.retries - retries
    this.#before = [this.n, this.c4, this.c5, this.retries]
    const pairs = this.#mark.take(this.times)
    const p99 = quantileOf(pairs, 0.99)
    this.#quantiles[2 * slot] = quantileOf(pairs, 0.5) ?? Number.NaN
    this.#quantiles[2 * slot + 1] = p99 ?? Number.NaN
    if (p99 !== null) this.#judge(p99, count)
  }

  #judge(p99: number, count: number): void {
    this.#judged = Math.min(this.#judged + count, USUAL_REQUESTS)
    this.#usualP99 += (p99 - this.#usualP99) * Math.min(1, count / this.#judged)
    if (this.#judged >= MIN_REQUESTS) this.slowMs = SLOW_FACTOR * this.#usualP99
  }

  /** Returns the sample of a slot; undefined when it had no requests. */
  figuresOf(slot: number): SampleFigures | undefined {
    const n = this.#counts[4 * slot]!
    if (n === 0) return undefined
    const [p50, p99] = [this.#quantiles[2 * slot]!, this.#quantiles[2 * slot + 1]!]
    const retries = this.#counts[4 * slot + 3]!
    return toFigures(
      n,
      this.#counts[4 * slot + 1]!,
      this.#counts[4 * slot + 2]!,
      shown(p50),
      shown(p99),
      retries,
    )
  }
}

/** Makes figures, without retries where there were none. */
export function toFigures(
  n: number,
  c4: number,
  c5: number,
  p50: number | null,
  p99: number | null,
  retries: number,
): SampleFigures {
  return retries === 0 ? [n, c4, c5, p50, p99] : [n, c4, c5, p50, p99, retries]
}

/** A Float32 has 7 digits. */
function shown(ms: number): number | null {
  return Number.isNaN(ms) ? null : roundMs(ms)
}
