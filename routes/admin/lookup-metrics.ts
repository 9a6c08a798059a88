import type { AddLiveMetric } from './live-metric.ts'

/** What became of look-ups of nodes' names, since the start. */
export interface LookUpsView {
  readonly found: number
  readonly unknown: number
  readonly failed: number
}

/** Adds the metric of look-ups of nodes' names. */
export function addLookUpMetrics(live: AddLiveMetric, lookUps: LookUpsView): void {
  live('counter', 'waygate_name_lookups_total', "Look-ups of nodes' names, by their result.", 'sum', () =>
    Object.entries(lookUps).map(([result, value]) => ({ labels: { result }, value })),
  )
}
