import type { Exemplar, Labels, MetricFamily, MetricValue } from './metric-values.ts'

/**
 * A histogram whose observations only increment a number in an array. prom-client's own Histogram validates and hashes its
 * labels at each observation, which is a visible share of the time of a request. Here the owner keeps the series, and finds
 * the one of a request as suits it.
 */
export class AccumulatedHistogram implements MetricFamily {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly #bounds: readonly number[]
  readonly #series = new Set<HistogramSeries>()

  /** @param bounds upper bounds, ascending, without +Inf */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#bounds = bounds
  }

  /** Adds a series. The caller keeps it: labels that were added before are not looked for. */
  add(labels: Labels): HistogramSeries {
    const series = new HistogramSeries(labels, this.#bounds)
    this.#series.add(series)
    return series
  }

  /** Drops a series. What is observed in it from now on is lost. */
  remove(series: HistogramSeries): void {
    this.#series.delete(series)
  }

  *samples(): Generator<MetricValue> {
    for (const series of this.#series) {
      // A page is made in several turns, and the lines of one histogram must agree.
      const { labels, sum, exemplars } = series
      const counts = series.counts.slice()
      let cumulative = 0
      for (const [index, count] of counts.entries()) {
        cumulative += count
        const le = this.#bounds[index] ?? '+Inf'
        const exemplar = exemplars?.[index]
        yield {
          metricName: `${this.name}_bucket`,
          labels: { le, ...labels },
          value: cumulative,
          ...(exemplar && { exemplar }),
        }
      }
      yield { metricName: `${this.name}_sum`, labels, value: sum }
      yield { metricName: `${this.name}_count`, labels, value: cumulative }
    }
  }
}

/** The observations of a histogram that have the same labels. */
export class HistogramSeries {
  readonly labels: Labels
  readonly #bounds: readonly number[]
  /** The count of each bucket, not cumulative. The last bucket is above all bounds. */
  readonly counts: Float64Array
  sum = 0
  /** The latest exemplar of each bucket; undefined = there is none yet. */
  exemplars: Exemplar[] | undefined = undefined

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** @param traceId becomes the exemplar of the bucket */
  observe(value: number, traceId?: string): void {
    const bounds = this.#bounds
    let index = 0
    while (index < bounds.length && value > bounds[index]!) index++
    this.counts[index]!++
    this.sum += value
    if (traceId === undefined) return
    this.exemplars ??= []
    this.exemplars[index] = { traceId, value, time: Date.now() / 1000 }
  }
}
