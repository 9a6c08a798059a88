import { laneOf, speaksHttp1 } from '../../internal/nodes/node.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { AddLiveMetric } from './live-metric.ts'

/** What became of the HTTP/2 connections to nodes, since the start. */
export interface SessionsView {
  readonly goaways: number
  readonly retired: Readonly<Record<string, number>>
}

/** Adds the metrics of HTTP/2 connections to nodes. */
export function addSessionMetrics(live: AddLiveMetric, nodes: NodeTable, sessions: SessionsView): void {
  live('gauge', 'waygate_node_sessions', 'Open HTTP/2 connections to a node.', 'sum', function* () {
    for (const { name, peers } of nodes.services()) {
      for (const peer of peers) {
        if (speaksHttp1(peer.node) || laneOf(peer.node) === undefined) continue
        yield { labels: { service: name, node: peer.node.id }, value: peer.sessions ?? 0 }
      }
    }
  })
  live('counter', 'waygate_node_goaways_total', 'GOAWAY frames that nodes have sent.', 'sum', () => [
    { labels: {}, value: sessions.goaways },
  ])
  live(
    'counter',
    'waygate_node_sessions_retired_total',
    'HTTP/2 connections to nodes that take no further requests, by the reason: goaway, cancels, ids, address.',
    'sum',
    () => Object.entries(sessions.retired).map(([reason, value]) => ({ labels: { reason }, value })),
  )
}
