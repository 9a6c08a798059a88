import type { ClientConnectionsView } from '../middleware/client-connections.ts'
import type { LiveMetricOptions } from './live-metric.ts'

/** What /metrics shows of the connections of clients. */
export function connectionMetrics(connections: ClientConnectionsView): readonly LiveMetricOptions[] {
  const by = (label: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))
  return [
    {
      type: 'gauge',
      name: 'waygate_client_connections',
      help: 'Connections of clients.',
      aggregator: 'sum',
      samples: () => [{ labels: {}, value: connections.open }],
    },
    {
      type: 'counter',
      name: 'waygate_client_connections_refused_total',
      help: 'Connections not taken, by the limit that was reached: total or address.',
      aggregator: 'sum',
      samples: () => by('limit', connections.refused),
    },
    {
      type: 'counter',
      name: 'waygate_client_connections_ended_total',
      help: 'Connections ended because the client sent nothing of its body, or took nothing of its answer.',
      aggregator: 'sum',
      samples: () => by('reason', connections.ended),
    },
  ]
}
