import { setImmediate as nextTurn } from 'node:timers/promises'
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { Call } from '../internal/call.ts'
import type { NodeTable } from '../internal/node-table.ts'
import type { BreakerState } from '../internal/peer.ts'
import type { ClientConnectionsView } from '../middleware/client-connections.ts'
import { AccumulatedHistogram } from './accumulated-histogram.ts'
import { connectionMetrics } from './connection-metrics.ts'
import { type LiveMetricOptions, liveMetric } from './live-metric.ts'
import type { Aggregator, MetricValues } from './metric-values.ts'
import type { TableView } from './table-view.ts'

/** Seconds; from what a cache in memory answers in to what clients give up at. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const BREAKER_VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }
/** A series whose node is gone is kept until the next scrape has seen it, or until there are too many. */
const MAX_SERIES = 50_000

export interface Metrics {
  /** Counts a request that is over. */
  record(call: Call, status: number, totalMs: number): void
  /** Prometheus text. */
  render(): Promise<string>
  /** The same, metric by metric. */
  values(): AsyncIterable<MetricValues>
}

/** Everything /metrics shows. Counting is done in plain numbers; prom-client sees them at each scrape. */
export function createMetrics(
  nodes: NodeTable,
  table: TableView,
  budgets: Iterable<readonly [service: string, BudgetView]>,
  connections: ClientConnectionsView,
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Map<string, RequestSeries>()
  const durations = new AccumulatedHistogram(
    'waygate_request_duration_seconds',
    'From the arrival of a request to the end of its answer, by route.',
    'route',
    DURATION_BOUNDS,
  )
  const upstreamDurations = new AccumulatedHistogram(
    'waygate_upstream_duration_seconds',
    "From a request's first try to the head of its answer, over all tries, by route.",
    'route',
    DURATION_BOUNDS,
  )
  registry.registerMetric(durations.asMetric())
  registry.registerMetric(upstreamDurations.asMetric())

  function dropGoneNodes(): void {
    for (const [key, { service, node }] of requests) {
      if (node !== '' && !nodes.get(service)?.peers.some(peer => peer.node.id === node)) requests.delete(key)
    }
  }

  const live = (
    type: LiveMetricOptions['type'],
    name: string,
    help: string,
    aggregator: Aggregator,
    samples: LiveMetricOptions['samples'],
  ) => registry.registerMetric(liveMetric({ type, name, help, aggregator, samples }))

  live(
    'counter',
    'waygate_requests_total',
    'Requests answered, by route, service, node and status. 499: the client left.',
    'sum',
    function* () {
      for (const { count, ...labels } of requests.values()) yield { labels, value: count }
      dropGoneNodes()
    },
  )
  const perNode = (
    type: LiveMetricOptions['type'],
    name: string,
    help: string,
    aggregator: Aggregator,
    value: (peer: PeerView) => number,
  ) =>
    live(type, name, help, aggregator, function* () {
      for (const service of nodes.services()) {
        for (const peer of service.peers) {
          yield { labels: { service: service.name, node: peer.node.id }, value: value(peer) }
        }
      }
    })
  perNode('counter', 'waygate_node_tries_total', 'Tries sent to a node.', 'sum', peer => peer.requests)
  perNode(
    'counter',
    'waygate_node_failures_total',
    'Tries that failed or were answered 5xx.',
    'sum',
    peer => peer.failures,
  )
  perNode(
    'gauge',
    'waygate_node_in_flight',
    'Tries whose answer has not ended.',
    'sum',
    peer => peer.inFlight,
  )
  perNode(
    'gauge',
    'waygate_breaker_state',
    'Circuit breaker of a node: 0 closed, 1 half-open, 2 open.',
    'max',
    peer => BREAKER_VALUES[peer.breaker],
  )

  const perService = (
    type: LiveMetricOptions['type'],
    name: string,
    help: string,
    value: (budget: BudgetView) => number,
  ) =>
    live(type, name, help, 'sum', function* () {
      for (const [service, budget] of budgets) yield { labels: { service }, value: value(budget) }
    })
  perService('counter', 'waygate_retries_total', 'Retries begun.', budget => budget.retries)
  perService(
    'counter',
    'waygate_hedges_total',
    'Second tries sent beside the first, on routes that hedge.',
    budget => budget.hedges,
  )
  perService(
    'counter',
    'waygate_retries_refused_total',
    'Retries and hedges that the budget of the service did not allow.',
    budget => budget.refused,
  )
  perService(
    'gauge',
    'waygate_retries_in_flight',
    'Retries and hedges under way that count in the budget.',
    budget => budget.retrying,
  )

  // The largest of several processes is the one to worry about, and of their tables the fullest is the newest.
  const gauge = (name: string, help: string, value: () => number, aggregator: Aggregator = 'max') =>
    live('gauge', name, help, aggregator, () => [{ labels: {}, value: value() }])
  gauge('waygate_table_services', 'Services in the table.', () => [...nodes.services()].length)
  gauge('waygate_table_nodes', 'Nodes in the table.', () =>
    [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
  )
  gauge('waygate_table_routes', 'Routes in the table, automatic ones included.', () => table.routes().length)
  gauge('waygate_table_problems', 'Registry values that are not used.', () => table.problems().length)
  gauge(
    'waygate_table_revision',
    'Revision of the registry that the table shows.',
    () => Number(table.source().revision ?? 0),
    'min',
  )
  gauge(
    'waygate_table_age_seconds',
    'Since the registry last confirmed the table.',
    () => (table.source().ageMs ?? Number.NaN) / 1000,
  )
  gauge('waygate_table_stale', '1 while the table may lag behind the registry, else 0.', () =>
    Number(table.source().stale),
  )
  gauge(
    'waygate_table_suspects',
    'Keys in use although the registry no longer names them, because it may have lost them.',
    () => table.source().suspects,
  )
  live(
    'counter',
    'waygate_registry_drift_total',
    'Differences a full comparison found although no event was missed; stays 0.',
    'sum',
    () => table.source().sources.map(({ name, drift }) => ({ labels: { source: name }, value: drift })),
  )
  live(
    'counter',
    'waygate_registry_relists_total',
    'Full listings of the registry, by what made them necessary.',
    'sum',
    () =>
      table.source().sources.flatMap(({ name, relists }) =>
        Object.entries(relists).map(([reason, count]) => ({
          labels: { source: name, reason },
          value: count,
        })),
      ),
  )
  gauge(
    'waygate_registry_connected',
    '1 while the registry is followed, else 0.',
    () => Number(table.source().connected),
    'min',
  )

  for (const metric of connectionMetrics(connections)) registry.registerMetric(liveMetric(metric))

  /** One metric a turn: with thousands of nodes each is long enough. */
  async function render(): Promise<string> {
    const texts: string[] = []
    for (const metric of registry.getMetricsAsArray()) {
      texts.push(await registry.getSingleMetricAsString(metric.name))
      await nextTurn()
    }
    return `${texts.join('\n\n')}\n`
  }

  return {
    render,
    async *values() {
      for (const { name } of registry.getMetricsAsArray()) {
        yield await valuesOf(registry.getSingleMetric(name)!)
        await nextTurn()
      }
    },
    record(call, status, totalMs) {
      const route = call.route?.id ?? ''
      const node = call.peer?.node.id ?? ''
      const service = call.peer?.node.service ?? call.route?.service ?? ''
      const key = `${route} ${service} ${node} ${status}`
      let series = requests.get(key)
      if (!series) {
        if (requests.size >= MAX_SERIES) dropGoneNodes()
        series = { route, service, node, status: String(status), count: 0 }
        requests.set(key, series)
      }
      series.count++
      durations.observe(route, totalMs / 1000)
      if (call.upstreamMs >= 0) upstreamDurations.observe(route, call.upstreamMs / 1000)
    },
  }
}

async function valuesOf(metric: Metric): Promise<MetricValues> {
  // The declared type of `get` is that of each class of prom-client; all of them give this.
  return (await metric.get()) as unknown as MetricValues
}

/** What is shown of the retries of a service. */
interface BudgetView {
  readonly retries: number
  readonly hedges: number
  readonly refused: number
  readonly retrying: number
}

type PeerView = {
  readonly requests: number
  readonly failures: number
  readonly inFlight: number
  readonly breaker: BreakerState
}

interface RequestSeries {
  readonly route: string
  readonly service: string
  readonly node: string
  readonly status: string
  count: number
}
