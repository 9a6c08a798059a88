/** How the values of several processes become one. */
export type Aggregator = 'sum' | 'max' | 'min' | 'first' | 'average' | 'omit'

/** A metric with all its values, as prom-client has it and as it can be sent to another process. */
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
  /** Of a histogram: its name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string
}
