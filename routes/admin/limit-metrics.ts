import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { AddLiveMetric, LiveMetricOptions } from './live-metric.ts'

/** The concurrency limit of a service, as pages and metrics show it. */
export interface LimitView {
  readonly service: string
  readonly kind: 'static' | 'adaptive'
  readonly limit: number
  readonly inFlight: number
  readonly queued: number
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
  live: AddLiveMetric,
  limits: LimitsView,
  nodes: NodeTable,
  loop: LoopView,
): void {
  const perService = (
    type: LiveMetricOptions['type'],
    name: string,
    help: string,
    value: (limit: LimitView) => number,
  ) =>
    live(type, name, help, 'sum', function* () {
      for (const { name } of nodes.services()) limits.of(name)
      for (const each of limits) yield { labels: { service: each.service }, value: value(each) }
    })
  perService(
    'gauge',
    'waygate_limit',
    'Concurrency limit of a service: the requests that it may have in flight.',
    each => each.limit,
  )
  perService(
    'gauge',
    'waygate_limit_in_flight',
    'Requests in flight that count in the concurrency limit of their service.',
    each => each.inFlight,
  )
  perService(
    'gauge',
    'waygate_limit_queued',
    'Requests that wait for a slot in the concurrency limit of their service.',
    each => each.queued,
  )
  perService(
    'counter',
    'waygate_overloaded_total',
    'Requests refused because their service was at its concurrency limit.',
    each => each.refused,
  )
  live(
    'counter',
    'waygate_loop_overloaded_total',
    'Requests refused because the event loop was delayed.',
    'sum',
    () => [{ labels: {}, value: loop.refused }],
  )
}
