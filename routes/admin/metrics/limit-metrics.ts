import type { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { ClientConnectionsView } from '../../../middleware/connection/client-connections.ts'
import type { LimitPage } from '../page-types.ts'
import { byLabel, type LiveMetrics } from './live-metric.ts'

/** The concurrency limit of a service, as pages and metrics show it. */
export interface LimitView extends LimitPage {
  readonly service: string
  readonly refused: number
}

/** The concurrency limits of all services. */
export interface LimitsView extends Iterable<LimitView> {
  /** Returns undefined for a service without a limit. */
  of(service: string): LimitView | undefined
}

/** The overload protection of the event loop, as metrics show it. */
export interface LoopView {
  readonly refused: number
}

/**
 * Adds the metrics of concurrency limits and of refusals under overload.
 *
 * @param nodes its services are shown even when this process was never asked for them, because another process may have
 *   been
 */
export function addLimitMetrics(
  live: LiveMetrics,
  limits: LimitsView,
  nodes: NodeTable,
  loop: LoopView,
): void {
  const perService = (value: (limit: LimitView) => number) =>
    function* () {
      for (const { name } of nodes.services()) limits.of(name)
      for (const each of limits) yield { labels: { service: each.service }, value: value(each) }
    }
  live.gauge(
    'waygate_limit',
    'Concurrency limit of a service: the requests that it may have in flight.',
    'sum',
    perService(each => each.limit),
  )
  live.gauge(
    'waygate_limit_in_flight',
    'Requests in flight that count in the concurrency limit of their service.',
    'sum',
    perService(each => each.inFlight),
  )
  live.gauge(
    'waygate_limit_queued',
    'Requests that wait for a slot in the concurrency limit of their service.',
    'sum',
    perService(each => each.queued),
  )
  live.counter(
    'waygate_overloaded_total',
    'Requests refused because their service was at its concurrency limit.',
    perService(each => each.refused),
  )
  live.counter(
    'waygate_loop_overloaded_total',
    'Requests refused because the event loop was delayed.',
    () => loop.refused,
  )
}

/** The HTTP/2 connections of clients, as metrics show them. */
export interface Http2View {
  /** Requests in flight. */
  readonly streams: number
  readonly bufferedBytes: number
  /** RST_STREAM frames since the start, by the side that sent them. */
  readonly resets: Readonly<Record<string, number>>
  /** Connections and streams that the gateway ended since the start, by reason. */
  readonly ended: Readonly<Record<string, number>>
}

/** What a lack of file descriptors has led to, as metrics show it. */
export interface FilesView {
  /** Connections to nodes that were not made for want of a file descriptor, since the start. */
  readonly outOfFiles: number
}

/** The connections that were refused because they did not begin with a valid header of the PROXY protocol. */
export interface ProxyProtocolView {
  /** Since the start, by reason. */
  readonly refused: Readonly<Record<string, number>>
}

/** Adds the metrics of client connections, and of the file descriptors that they share with those to nodes. */
export function addConnectionMetrics(
  live: LiveMetrics,
  connections: ClientConnectionsView,
  http2: Http2View,
  files: FilesView,
  proxyProtocol: ProxyProtocolView | undefined,
): void {
  live.gauge(
    'waygate_client_connections',
    'Open connections of clients, by protocol: h1 or h2.',
    'sum',
    () => [
      { labels: { protocol: 'h1' }, value: connections.open - connections.http2 },
      { labels: { protocol: 'h2' }, value: connections.http2 },
    ],
  )
  live.gauge(
    'waygate_client_connections_max',
    'Most connections that clients may have at the same time; 0 = no limit.',
    'sum',
    () => connections.max,
  )
  live.counter(
    'waygate_out_of_files_total',
    'Connections to nodes that were not made because no file descriptor was left.',
    () => files.outOfFiles,
  )
  live.counter(
    'waygate_client_connections_refused_total',
    'Client connections refused, by the limit that was reached: total or address.',
    () => byLabel('limit', Object.entries(connections.refused)),
  )
  live.counter(
    'waygate_proxy_protocol_refused_total',
    'Connections from addresses in proxyProtocol.from that were ended because they did not begin with a valid header, by reason: missing, invalid, too-long or late.',
    () => byLabel('reason', Object.entries(proxyProtocol?.refused ?? {})),
  )
  live.counter(
    'waygate_client_connections_ended_total',
    'Client connections ended because the client was too slow (to send a head or a body, or to read its answer) or sent nothing but empty lines, or because an idle one made room for another.',
    () => byLabel('reason', Object.entries(connections.ended)),
  )
  live.gauge(
    'waygate_http2_streams',
    'Requests in flight on HTTP/2 connections of clients.',
    'sum',
    () => http2.streams,
  )
  live.gauge(
    'waygate_http2_buffered_bytes',
    'Bytes of bodies held for HTTP/2 clients, because the node or the client does not take them.',
    'sum',
    () => http2.bufferedBytes,
  )
  live.counter(
    'waygate_http2_ended_total',
    'HTTP/2 connections and streams of clients that the gateway ended because of what the client did, by reason.',
    () => byLabel('reason', Object.entries(http2.ended)),
  )
  live.counter(
    'waygate_http2_stream_resets_total',
    'HTTP/2 streams of clients that ended with RST_STREAM, by the side that sent it: client or gateway.',
    () => byLabel('side', Object.entries(http2.resets)),
  )
}
