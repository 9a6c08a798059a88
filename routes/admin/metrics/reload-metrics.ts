import { byLabel, type LiveMetrics } from './live-metric.ts'

/** Loads of the configuration after the first, by their outcome. */
export interface ReloadCounts {
  succeeded: number
  failed: number
}

/** Adds the metric of reloads, in the process that does them. */
export function addReloadMetrics(live: LiveMetrics, counts: ReloadCounts): void {
  live.counter('waygate_config_reloads_total', 'Reloads of the configuration, by result.', () =>
    byLabel('result', Object.entries(counts)),
  )
}
