import { byLabel, type LiveMetrics } from './live-metric.ts'

/** What became of the HTTP/2 connections to nodes, since the start. */
export interface SessionsView {
  readonly goaways: number
  readonly retired: Readonly<Record<string, number>>
}

/** What became of look-ups of nodes' names, since the start. */
export interface LookUpsView {
  readonly found: number
  readonly unknown: number
  readonly failed: number
}

export function addNodeConnectionMetrics(
  live: LiveMetrics,
  sessions: SessionsView,
  lookUps: LookUpsView,
): void {
  live.counter('waygate_node_goaways_total', 'GOAWAY frames that nodes have sent.', () => sessions.goaways)
  live.counter(
    'waygate_node_sessions_retired_total',
    'HTTP/2 connections to nodes that take no further requests, by the reason: goaway, cancels, ids, address, age, flood.',
    () => byLabel('reason', Object.entries(sessions.retired)),
  )
  live.counter('waygate_name_lookups_total', "Look-ups of nodes' names, by their result.", () =>
    byLabel('result', Object.entries(lookUps)),
  )
}
