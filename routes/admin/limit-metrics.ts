import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { AddLiveMetric, LiveMetricOptions } from './live-metric.ts'

/** What is shown of how the requests of a service are held at a limit. */
export interface LimitView {
  readonly service: string
  readonly kind: 'static' | 'adaptive'
  readonly limit: number
  readonly inFlight: number
  readonly queued: number
  readonly refused: number
}

/** What is shown of all limits. */
export interface LimitsView extends Iterable<LimitView> {
  /** Undefined: the service has none. */
  of(service: string): LimitView | undefined
}

/** What is shown of the guard of the event loop. */
export interface LoopView {
  readonly refused: number
}

/**
 * The metrics of what is refused because somebody has too much to do.
 *
 * @param nodes services that nobody has asked are shown, too: another process may know them
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
  perService('gauge', 'waygate_limit', 'Requests that a service may have under way.', each => each.limit)
  perService(
    'gauge',
    'waygate_limit_in_flight',
    'Requests under way that count in the limit of their service.',
    each => each.inFlight,
  )
  perService(
    'gauge',
    'waygate_limit_queued',
    'Requests that wait for a place in the limit of their service.',
    each => each.queued,
  )
  perService(
    'counter',
    'waygate_overloaded_total',
    'Requests refused because their service was at its limit.',
    each => each.refused,
  )
  live(
    'counter',
    'waygate_loop_overloaded_total',
    'Requests refused because the event loop was late.',
    'sum',
    () => [{ labels: {}, value: loop.refused }],
  )
}
