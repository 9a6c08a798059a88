import type { ClientConnectionsView } from '../../middleware/connection/client-connections.ts'
import type { AddLiveMetric } from './live-metric.ts'

/** Adds the metrics of client connections. */
export function addConnectionMetrics(live: AddLiveMetric, connections: ClientConnectionsView): void {
  const by = (label: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))
  live('gauge', 'waygate_client_connections', 'Open connections of clients.', 'sum', () => [
    { labels: {}, value: connections.open },
  ])
  live(
    'counter',
    'waygate_client_connections_refused_total',
    'Client connections refused, by the limit that was reached: total or address.',
    'sum',
    () => by('limit', connections.refused),
  )
  live(
    'counter',
    'waygate_client_connections_ended_total',
    'Client connections ended because the client was too slow (to send a head or a body, or to read its answer) or sent nothing but empty lines.',
    'sum',
    () => by('reason', connections.ended),
  )
}
