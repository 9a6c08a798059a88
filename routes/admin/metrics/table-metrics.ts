import type { LocalCounters } from '../../../internal/limits/local-counters.ts'
import type { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { ClientConnectionsView } from '../../../middleware/connection/client-connections.ts'
import type { BudgetsView, BudgetView, HealthView, LostLinesView, TableView } from '../views.ts'
import { addGrpcMetrics, type GrpcCounts } from './grpc-metrics.ts'
import {
  addConnectionMetrics,
  addLimitMetrics,
  type FilesView,
  type Http2View,
  type LimitsView,
  type LoopView,
  type ProxyProtocolView,
} from './limit-metrics.ts'
import { addLimitStoreMetrics, type LimitStoreView } from './limit-store-metrics.ts'
import type { LiveMetrics } from './live-metric.ts'
import type { Aggregator } from './metric-values.ts'
import { addNodeConnectionMetrics, type LookUpsView, type SessionsView } from './node-connection-metrics.ts'
import { addNodeMetrics } from './node-metrics.ts'
import { addLocalCounterMetrics, type PolicyCounts } from './policy-metrics.ts'
import { addReloadMetrics, type ReloadCounts } from './reload-metrics.ts'
import { addSpanMetrics, type SpansView } from './span-metrics.ts'
import { addTlsMetrics, type TlsView } from './tls-metrics.ts'
import { addTranscodeMetrics, type DescriptorsView, type TranscodeCounts } from './transcode-metrics.ts'

/** The sources from which metrics are read. */
export interface MetricViews {
  /** The version of Waygate. */
  readonly version: string
  /** Returns whether each node has series of its own, which may be many. */
  readonly byNode: () => boolean
  readonly nodes: NodeTable
  readonly table: TableView
  readonly budgets: BudgetsView
  readonly health: HealthView
  readonly limits: LimitsView
  readonly loop: LoopView
  readonly connections: ClientConnectionsView
  /** Undefined = no client needs a header of the PROXY protocol. */
  readonly proxyProtocol: ProxyProtocolView | undefined
  readonly http2: Http2View
  readonly files: FilesView
  readonly policies: PolicyCounts
  /** The counters of rate limits in memory. */
  readonly localCounters: LocalCounters
  /** Undefined = no store is configured. */
  readonly limitStore: LimitStoreView | undefined
  readonly sessions: SessionsView
  readonly lookUps: LookUpsView
  readonly grpc: GrpcCounts
  readonly transcode: TranscodeCounts
  readonly descriptors: DescriptorsView
  readonly lostLines: LostLinesView
  /** Undefined = nothing is traced, nor ever will be. */
  readonly spans?: SpansView | undefined
  /** Loads of the configuration after the first; undefined = another process counts them. */
  readonly reloads?: ReloadCounts | undefined
  /** Undefined = there is no TLS for clients. */
  readonly tls?: TlsView | undefined
}

/** Adds the metrics of the table, its nodes and their services, which are read at each scrape. */
export function addTableMetrics(live: LiveMetrics, views: MetricViews): void {
  const { nodes, table, budgets, health, lostLines } = views
  addNodeMetrics(live, nodes, views.byNode)
  live.gauge(
    'waygate_service_panicking',
    '1 while every node of the service fails its check, so that all of them are used, else 0.',
    'max',
    function* () {
      for (const { name, isPanicking } of nodes.services()) {
        yield { labels: { service: name }, value: Number(isPanicking) }
      }
    },
  )
  live.gauge(
    'waygate_health_checked_nodes',
    'Nodes that this process checks.',
    'sum',
    () => health.checks.nodes,
  )
  live.counter('waygate_health_checks_total', 'Health checks made, by result.', () => [
    { labels: { result: 'passed' }, value: health.checks.passed },
    { labels: { result: 'failed' }, value: health.checks.failed },
  ])

  const perService = (value: (budget: BudgetView) => number) =>
    function* () {
      for (const [service, budget] of budgets) yield { labels: { service }, value: value(budget) }
    }
  live.counter(
    'waygate_retries_total',
    'Retries begun.',
    perService(budget => budget.retries),
  )
  live.counter(
    'waygate_hedges_total',
    'Hedges: second tries sent beside the first.',
    perService(budget => budget.hedges),
  )
  live.counter(
    'waygate_retries_refused_total',
    'Retries and hedges that the retry budget of the service did not allow.',
    perService(budget => budget.refused),
  )
  live.gauge(
    'waygate_retry_budget_exhausted',
    '1 while the retry budget of the service has recently refused a retry, else 0.',
    'max',
    perService(budget => Number(budget.isExhausted)),
  )
  live.gauge(
    'waygate_retries_in_flight',
    'Retries and hedges in flight that count in the retry budget.',
    'sum',
    perService(budget => budget.retrying),
  )

  addLimitMetrics(live, views.limits, nodes, views.loop)
  addConnectionMetrics(live, views.connections, views.http2, views.files, views.proxyProtocol)
  if (views.tls !== undefined) addTlsMetrics(live, views.tls)
  views.policies.addTo(live)
  addLocalCounterMetrics(live, views.localCounters)
  if (views.spans !== undefined) addSpanMetrics(live, views.spans)
  if (views.reloads !== undefined) addReloadMetrics(live, views.reloads)
  if (views.limitStore !== undefined) addLimitStoreMetrics(live, views.limitStore)
  addNodeConnectionMetrics(live, views.sessions, views.lookUps)
  addGrpcMetrics(live, views.grpc)
  addTranscodeMetrics(live, views.transcode, views.descriptors)
  live.gauge(
    'waygate_routes_closed',
    'Routes whose document cannot be used; they answer 503.',
    'max',
    () => table.routes().filter(route => route.isBroken && !route.isDisabled).length,
  )

  live.counter(
    'waygate_log_lines_lost_total',
    'Lines of the log that were dropped because its reader was too slow or it could not be written.',
    () => [
      { labels: { reason: 'slow-reader' }, value: lostLines.slowReader },
      { labels: { reason: 'write-error' }, value: lostLines.writeError },
    ],
  )

  // Of several processes, the largest value is the one to worry about, and the fullest table is the newest.
  const gauge = (name: string, help: string, value: () => number, aggregator: Aggregator = 'max') =>
    live.gauge(name, help, aggregator, () => value())
  gauge('waygate_table_services', 'Services in the table.', () => [...nodes.services()].length)
  gauge('waygate_table_nodes', 'Nodes in the table.', () =>
    [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
  )
  gauge('waygate_table_routes', 'Routes in the table, automatic ones included.', () => table.routes().length)
  gauge(
    'waygate_table_problems',
    'Registry values that are not used, or only in part.',
    () => table.problems().length,
  )
  gauge(
    'waygate_table_last_good',
    'Keys whose value is refused, so that their last good value is in use.',
    () => table.lastGood().count,
  )
  gauge(
    'waygate_table_last_good_age_seconds',
    'Seconds for which the oldest of these values has been in use; 0 when there is none.',
    () => table.lastGood().ageMs / 1000,
  )
  gauge(
    'waygate_table_former_services',
    'Services with nodes that get no automatic route, because they had a route document and have none now.',
    () => table.formerServices(),
  )
  gauge(
    'waygate_table_revision',
    'Registry revision of the table.',
    () => Number(table.source().revision ?? 0),
    'min',
  )
  gauge(
    'waygate_table_age_seconds',
    'Seconds since the registry last confirmed the table.',
    () => (table.source().ageMs ?? Number.NaN) / 1000,
  )
  gauge('waygate_table_stale', '1 while the table may lag behind the registry, else 0.', () =>
    Number(table.source().stale),
  )
  gauge(
    'waygate_table_suspects',
    'Keys that are gone from the registry and still used, because the registry may have lost them.',
    () => table.source().suspects,
  )
  live.counter(
    'waygate_registry_drift_total',
    'Differences that a full comparison found although no event was missed; stays 0.',
    () => table.source().sources.map(({ name, drift }) => ({ labels: { source: name }, value: drift })),
  )
  live.counter(
    'waygate_registry_relists_total',
    'Full listings of the registry, by the reason for them.',
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
    '1 while the registry is connected, else 0.',
    () => Number(table.source().connected),
    'min',
  )
}
