import { AccumulatedHistogram, type HistogramSeries } from './accumulated-histogram.ts'
import { byLabel, type LiveMetrics } from './live-metric.ts'

/** The store of shared limits, as metrics show it. */
export interface LimitStoreView {
  readonly counts: LimitStoreCounts
  isUp(): boolean
}

/** Seconds: from a store beside the gateway to one that is given up. */
const BOUNDS = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]

const RESULTS = ['answered', 'timeout', 'error', 'away', 'remembered'] as const
type Result = (typeof RESULTS)[number]

/** Counts how often the store was asked, and what became of it. */
export class LimitStoreCounts {
  readonly #calls = new Map<Result, number>(RESULTS.map(result => [result, 0]))
  readonly durations = new AccumulatedHistogram(
    'waygate_limit_store_seconds',
    'Time that requests waited for the store of shared limits, by result: answered, timeout, error.',
    BOUNDS,
  )
  readonly #durationsOf = new Map<Result, HistogramSeries>()

  /** @param seconds how long the store was asked; undefined where it was not */
  add(result: Result, seconds: number | undefined): void {
    this.#calls.set(result, this.#calls.get(result)! + 1)
    if (seconds === undefined) return
    let series = this.#durationsOf.get(result)
    if (!series) {
      series = this.durations.add({ result })
      this.#durationsOf.set(result, series)
    }
    series.observe(seconds)
  }

  get calls(): ReadonlyMap<Result, number> {
    return this.#calls
  }
}

/** Adds the metrics of the store, except for its durations. */
export function addLimitStoreMetrics(live: LiveMetrics, { counts, isUp }: LimitStoreView): void {
  live.gauge(
    'waygate_limit_store_up',
    'Whether the store of shared limits answers: 1, or 0 while a process counts by itself.',
    'min',
    () => (isUp() ? 1 : 0),
  )
  live.counter(
    'waygate_limit_store_calls_total',
    'Requests that shared limits were asked about, by result: answered, timeout, error; away and remembered were not sent to the store.',
    () => byLabel('result', counts.calls),
  )
}
