import type { Metric } from 'prom-client'

/**
 * A prom-client histogram whose observations only increment a number in an array. prom-client's own Histogram validates
 * and hashes its labels at each observation, which is a visible share of the time of a request.
 */
export class AccumulatedHistogram {
  readonly name: string
  readonly #help: string
  readonly #label: string
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  /** @param bounds upper bounds, ascending, without +Inf */
  constructor(name: string, help: string, label: string, bounds: readonly number[]) {
    this.name = name
    this.#help = help
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

  /** Returns the values for prom-client's registry, which calls this at each scrape. */
  async get() {
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = []
    for (const [labelValue, { counts, sum }] of this.#series) {
      const labels = { [this.#label]: labelValue }
      let cumulative = 0
      for (const [index, count] of counts.entries()) {
        cumulative += count
        const le = this.#bounds[index] ?? '+Inf'
        values.push({ metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: cumulative })
      }
      values.push({ metricName: `${this.name}_sum`, labels, value: sum })
      values.push({ metricName: `${this.name}_count`, labels, value: cumulative })
    }
    return { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
  }

  reset(): void {
    this.#series.clear()
  }

  /** Casts for `Registry.registerMetric`, whose type lists prom-client's own classes. */
  asMetric(): Metric {
    return this as unknown as Metric
  }
}

interface Series {
  /** The count of each bucket, not cumulative. The last bucket is above all bounds. */
  readonly counts: Float64Array
  sum: number
}
