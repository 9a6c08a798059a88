import type { Aggregator, MetricFamily, MetricHead, MetricValue } from './metric-values.ts'

/** One value of a metric, with its labels. */
export interface LabelledValue extends MetricValue {
  readonly labels: Readonly<Record<string, string>>
}

/** Reads a metric: its values, or the only one, which has no labels. */
type Read = () => Iterable<LabelledValue> | number

/**
 * Adds metrics that read their values at each scrape from where they are kept anyway. prom-client's own Gauge and Counter
 * hash the labels of every value that they are given, which takes long with thousands of nodes.
 */
export interface LiveMetrics {
  /** Adds a counter. The values of several processes are summed. */
  counter(name: string, help: string, read: Read): void
  /** @param aggregator how the values of several processes are merged */
  gauge(name: string, help: string, aggregator: Aggregator, read: Read): void
}

/** Returns what adds live metrics to a list. Each is read at least once at each scrape. */
export function addTo(families: MetricFamily[]): LiveMetrics {
  const add = (head: MetricHead, read: Read) => {
    const samples = () => {
      const values = read()
      return typeof values === 'number' ? [{ labels: {}, value: values }] : values
    }
    families.push({ ...head, samples })
  }
  return {
    counter: (name, help, read) => add({ type: 'counter', name, help, aggregator: 'sum' }, read),
    gauge: (name, help, aggregator, read) => add({ type: 'gauge', name, help, aggregator }, read),
  }
}

/** Returns values that one label tells apart. */
export function byLabel(label: string, counts: Iterable<readonly [string, number]>): LabelledValue[] {
  return Array.from(counts, ([name, value]) => ({ labels: { [label]: name }, value }))
}
