import type { Aggregator, MetricFamily, MetricValue } from './metric-values.ts'

/** One value of a metric, with its labels. */
export interface LabelledValue extends MetricValue {
  readonly labels: Readonly<Record<string, string>>
}

export type LiveType = 'gauge' | 'counter'

/**
 * Adds a metric that reads its values at each scrape from where they are kept anyway. prom-client's own Gauge and Counter
 * hash the labels of every value that they are given, which takes long with thousands of nodes.
 *
 * @param aggregator how the values of several processes are merged
 * @param samples is called at least once at each scrape
 */
export type AddLiveMetric = (
  type: LiveType,
  name: string,
  help: string,
  aggregator: Aggregator,
  samples: () => Iterable<LabelledValue>,
) => void

/** Returns a function that adds live metrics to a list. */
export function addTo(families: MetricFamily[]): AddLiveMetric {
  return (type, name, help, aggregator, samples) =>
    void families.push({ type, name, help, aggregator, samples })
}
