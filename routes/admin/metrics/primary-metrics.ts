import { collectDefaultMetrics, Registry } from 'prom-client'
import { addTo } from './live-metric.ts'
import type { MetricFamily, MetricValues } from './metric-values.ts'
import { addReloadMetrics, type ReloadCounts } from './reload-metrics.ts'

export interface PrimaryCounts {
  /** Workers that accept connections now. */
  readonly workers: () => number
  readonly restarts: () => number
  /** How often a worker did not answer in time. */
  readonly silent: () => number
  /** How many workers were killed because they did not answer. */
  readonly killed: () => number
  readonly reloads: ReloadCounts
}

/** Creates the metrics of the primary: its own processor time and memory, and the state of its workers. */
export function createPrimaryMetrics(counts: PrimaryCounts): () => Promise<readonly MetricValues[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const families: MetricFamily[] = []
  const live = addTo(families)
  live.gauge('waygate_workers', 'Workers that accept connections.', 'sum', counts.workers)
  live.counter(
    'waygate_worker_restarts_total',
    'Workers that were replaced because they crashed.',
    counts.restarts,
  )
  live.counter(
    'waygate_worker_silent_total',
    'How often a worker did not answer the admin listener in time and was left out of a page.',
    counts.silent,
  )
  live.counter(
    'waygate_worker_hung_total',
    'Workers that were killed because they did not answer for workerTimeoutMs.',
    counts.killed,
  )
  addReloadMetrics(live, counts.reloads)
  return async () => [
    ...((await registry.getMetricsAsJSON()) as unknown as MetricValues[]),
    ...families.map(({ samples, ...head }) => ({ ...head, values: [...samples()] })),
  ]
}
