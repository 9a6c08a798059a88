import { laneOf, speaksHttp1 } from '../../../internal/nodes/node.ts'
import type { NodeTable, PeerCounts } from '../../../internal/nodes/node-table.ts'
import type { BreakerState, Peer } from '../../../internal/nodes/peer.ts'
import type { LabelledValue, LiveMetrics } from './live-metric.ts'
import { type Aggregator, MERGE } from './metric-values.ts'

const BREAKER_VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }

/**
 * Adds the metrics that each node has.
 *
 * @param byNode returns whether each node has series of its own. If not, those of a service are merged, and the counts of its
 *   removed nodes stay in them, since a counter must not fall
 */
export function addNodeMetrics(live: LiveMetrics, nodes: NodeTable, byNode: () => boolean): void {
  const gauge = (
    name: string,
    help: string,
    aggregator: Aggregator,
    value: (peer: Peer) => number | undefined,
  ) =>
    live.gauge(name, help, aggregator, () =>
      byNode() ? perNode(nodes, value) : perService(nodes, value, MERGE[aggregator]!),
    )
  const counter = (name: string, help: string, count: keyof PeerCounts) =>
    live.counter(name, help, () =>
      byNode()
        ? perNode(nodes, peer => peer[count])
        : perService(nodes, peer => peer[count], MERGE.sum!, count),
    )
  counter('waygate_node_tries_total', 'Tries sent to a node.', 'requests')
  counter('waygate_node_failures_total', 'Tries that failed or were answered with a 5xx status.', 'failures')
  counter(
    'waygate_node_timeouts_total',
    'Tries that were not answered in time; also counted as failures.',
    'timeouts',
  )
  gauge('waygate_node_in_flight', 'Tries whose answer has not ended.', 'sum', peer => peer.inFlight)
  gauge(
    'waygate_breaker_state',
    'Circuit breaker of a node: 0 closed, 1 half-open, 2 open.',
    'max',
    peer => BREAKER_VALUES[peer.breaker],
  )
  gauge(
    'waygate_node_healthy',
    'Health of nodes that are checked: 1 healthy, 0 unhealthy.',
    'min',
    ({ health }) => (health === 'unchecked' ? undefined : Number(health === 'healthy')),
  )
  gauge('waygate_node_sessions', 'Open HTTP/2 connections to a node.', 'sum', ({ node, sessions = 0 }) =>
    speaksHttp1(node) || laneOf(node) === undefined ? undefined : sessions,
  )
}

function* perNode(nodes: NodeTable, read: (peer: Peer) => number | undefined): Generator<LabelledValue> {
  for (const { name, peers } of nodes.services()) {
    for (const peer of peers) {
      const value = read(peer)
      if (value !== undefined) yield { labels: { service: name, node: peer.node.id }, value }
    }
  }
}

function* perService(
  nodes: NodeTable,
  read: (peer: Peer) => number | undefined,
  merge: (a: number, b: number) => number,
  removed?: keyof PeerCounts,
): Generator<LabelledValue> {
  for (const { name, peers, past } of nodes.services()) {
    let merged: number | undefined = removed && past[removed]
    for (const peer of peers) {
      const value = read(peer)
      if (value !== undefined) merged = merged === undefined ? value : merge(merged, value)
    }
    if (merged !== undefined) yield { labels: { service: name }, value: merged }
  }
}
