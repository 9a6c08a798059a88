/** How the values of several processes are merged. */
export type Aggregator = 'sum' | 'max' | 'min' | 'first' | 'average' | 'omit'

/** A metric with all its values, in the form of prom-client, which can be sent to another process. */
export interface MetricValues {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly aggregator: Aggregator
  readonly values: readonly MetricValue[]
}

export interface MetricValue {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** The name of a histogram with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string
}
