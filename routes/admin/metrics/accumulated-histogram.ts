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
  readonly #labelsOf: (key: string) => Readonly<Record<string, string>>
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  /**
   * @param label the name of the only label, whose value is the key of a series; or a function that returns all labels of one
   * @param bounds upper bounds, ascending, without +Inf
   */
  constructor(
    name: string,
    help: string,
    label: string | ((key: string) => Readonly<Record<string, string>>),
    bounds: readonly number[],
  ) {
    this.name = name
    this.help = help
    this.#labelsOf = typeof label === 'string' ? key => ({ [label]: key }) : label
    this.#bounds = bounds
  }

  observe(key: string, value: number): void {
    let series = this.#series.get(key)
    if (!series) {
      series = { counts: new Float64Array(this.#bounds.length + 1), sum: 0 }
      this.#series.set(key, series)
    }
    let index = 0
    while (index < this.#bounds.length && value > this.#bounds[index]!) index++
    series.counts[index]!++
    series.sum += value
  }

  *samples(): Generator<MetricValue> {
    for (const [key, series] of this.#series) {
      // A page is made in several turns, and the lines of one histogram must agree.
      const { sum } = series
      const counts = series.counts.slice()
      const labels = this.#labelsOf(key)
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
