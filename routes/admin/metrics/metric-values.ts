/** How the values of several processes, or of several series that become one, are merged. */
export type Aggregator = 'sum' | 'max' | 'min' | 'first' | 'average' | 'omit'

export type Labels = Readonly<Record<string, string | number>>

/** One observation of a histogram that can be looked up as a trace. */
export interface Exemplar {
  readonly traceId: string
  readonly value: number
  /** Seconds since 1970. */
  readonly time: number
}

/** One series of a metric, with its present value. */
export interface MetricValue {
  readonly labels: Labels
  readonly value: number
  /** The name of a histogram with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string
  /** Of a bucket: the latest observation of a sampled trace. Histograms of prom-client have null. */
  readonly exemplar?: Exemplar | null
  /** Is called once a page has it, under its own name or among others. A page may read it without having room for it. */
  noteShown?(): void
}

/** A metric without its series. */
export interface MetricHead {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly aggregator: Aggregator
}

/** A metric whose series are read one by one at each scrape. */
export interface MetricFamily extends MetricHead {
  /** The series of one histogram follow each other, in the order of its buckets. */
  samples(): Iterable<MetricValue>
}

/** A metric with values, in the form of prom-client, which can be sent to another process. */
export interface MetricValues extends MetricHead {
  readonly values: readonly MetricValue[]
}

/** Returns the values as a metric that is read. */
export function toFamily({ values, ...head }: MetricValues): MetricFamily {
  return { ...head, samples: () => values }
}

/** Merges two values; undefined where the first is kept. */
export const MERGE: Partial<Record<Aggregator, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  average: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}
