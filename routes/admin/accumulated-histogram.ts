import type { MetricFamily, MetricValue } from './metric-values.ts'

/**
 * A histogram whose observations only increment a number in an array. prom-client's own Histogram validates and hashes its
 * labels at each observation, which is a visible share of the time of a request.
 */
export class AccumulatedHistogram implements MetricFamily {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly #label: string
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  /** @param bounds upper bounds, ascending, without +Inf */
  constructor(name: string, help: string, label: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#label = label
    this.#bounds = bounds
  }

  observe(labelValue: string, value: number): void {
    let series = this.#series.get(labelValue)
    if (!series) {
      series = { counts: new Float64Array(this.#bounds.length + 1), sum: 0 }
      this.#series.set(labelValue, series)
    }
    let index = 0
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++
    series.counts[index]!++
    series.sum += value
  }

  *samples(): Generator<MetricValue> {
    for (const [labelValue, series] of this.#series) {
      // A page is made in several turns, and the lines of one histogram must agree.
      const { sum } = series
      const counts = series.counts.slice()
      const labels = { [this.#label]: labelValue }
      let cumulative = 0
      for (const [index, count] of counts.entries()) {
        cumulative += count
        const le = this.#bounds[index] ?? '+Inf'
        yield { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: cumulative }
      }
      yield { metricName: `${this.name}_sum`, labels, value: sum }
      yield { metricName: `${this.name}_count`, labels, value: cumulative }
    }
  }
}

interface Series {
  /** The count of each bucket, not cumulative. The last bucket is above all bounds. */
  readonly counts: Float64Array
  sum: number
}
