import { collectDefaultMetrics, Registry } from 'prom-client'
import { liveMetric } from './live-metric.ts'
import type { MetricValues } from './metric-values.ts'

export interface PrimaryCounts {
  /** Processes that take connections now. */
  readonly workers: () => number
  readonly restarts: () => number
  /** Times that a worker did not answer. */
  readonly silent: () => number
}

/** What the primary of several processes adds to their metrics: its own processor time and memory, and how they are. */
export function createPrimaryMetrics(counts: PrimaryCounts): () => Promise<readonly MetricValues[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const live = (type: 'gauge' | 'counter', name: string, help: string, value: () => number) =>
    registry.registerMetric(
      liveMetric({ type, name, help, aggregator: 'sum', samples: () => [{ labels: {}, value: value() }] }),
    )
  live('gauge', 'waygate_workers', 'Processes that take connections.', counts.workers)
  live(
    'counter',
    'waygate_worker_restarts_total',
    'Workers that were replaced because they had crashed.',
    counts.restarts,
  )
  live(
    'counter',
    'waygate_worker_silent_total',
    'Times that a worker did not answer the admin listener in time, and was left out.',
    counts.silent,
  )
  return async () => (await registry.getMetricsAsJSON()) as unknown as MetricValues[]
}
