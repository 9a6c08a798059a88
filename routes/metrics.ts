import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Call } from '../internal/call.ts'
import type { NodeTable } from '../internal/node-table.ts'
import type { BreakerState } from '../internal/peer.ts'
import { AccumulatedHistogram } from './accumulated-histogram.ts'
import type { SourceDetails, TableView } from './table-view.ts'

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
  readonly contentType: string
}

/** Everything /metrics shows. Counting is done in plain numbers; prom-client sees them at each scrape. */
export function createMetrics(nodes: NodeTable, table: TableView): Metrics {
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

  new Counter({
    name: 'waygate_requests_total',
    help: 'Requests answered, by route, service, node and status. 499: the client left.',
    labelNames: ['route', 'service', 'node', 'status'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { count, ...labels } of requests.values()) this.inc({ ...labels }, count)
      dropGoneNodes()
    },
  })
  const perNode = (
    name: string,
    help: string,
    value: (peer: PeerView) => number,
    Type: typeof Gauge | typeof Counter,
  ) =>
    new Type({
      name,
      help,
      labelNames: ['service', 'node'],
      registers: [registry],
      collect() {
        this.reset()
        for (const service of nodes.services()) {
          for (const peer of service.peers) {
            this.inc({ service: service.name, node: peer.node.id }, value(peer))
          }
        }
      },
    })
  perNode('waygate_node_tries_total', 'Tries sent to a node.', peer => peer.requests, Counter)
  perNode(
    'waygate_node_failures_total',
    'Tries that failed or were answered 5xx.',
    peer => peer.failures,
    Counter,
  )
  perNode('waygate_node_in_flight', 'Tries whose answer has not ended.', peer => peer.inFlight, Gauge)
  perNode(
    'waygate_breaker_state',
    'Circuit breaker of a node: 0 closed, 1 half-open, 2 open.',
    peer => BREAKER_VALUES[peer.breaker],
    Gauge,
  )

  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  gauge('waygate_table_services', 'Services in the table.', () => [...nodes.services()].length)
  gauge('waygate_table_nodes', 'Nodes in the table.', () =>
    [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
  )
  gauge('waygate_table_routes', 'Routes in the table, automatic ones included.', () => table.routes().length)
  gauge('waygate_table_problems', 'Registry values that are not used.', () => table.problems().length)
  gauge('waygate_table_revision', 'Revision of the registry that the table shows.', () =>
    Number(table.source().revision ?? 0),
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
  const ofSources = (
    name: string,
    help: string,
    Type: typeof Gauge | typeof Counter,
    labelNames: readonly string[],
    add: (source: SourceDetails, inc: (labels: Record<string, string>, value: number) => void) => void,
  ) =>
    new Type({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset()
        for (const source of table.source().sources) add(source, (labels, value) => this.inc(labels, value))
      },
    })
  ofSources(
    'waygate_registry_drift_total',
    'Differences a full comparison found although no event was missed; stays 0.',
    Counter,
    ['source'],
    ({ name, drift }, inc) => inc({ source: name }, drift),
  )
  ofSources(
    'waygate_registry_relists_total',
    'Full listings of the registry, by what made them necessary.',
    Counter,
    ['source', 'reason'],
    ({ name, relists }, inc) => {
      for (const [reason, count] of Object.entries(relists)) inc({ source: name, reason }, count)
    },
  )
  gauge('waygate_registry_connected', '1 while the registry is followed, else 0.', () =>
    Number(table.source().connected),
  )

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
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
