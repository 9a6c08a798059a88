import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Metric, Registry } from 'prom-client'
import type { Call } from '../../internal/call.ts'
import { AccumulatedHistogram } from './accumulated-histogram.ts'
import { type AddLiveMetric, liveMetric } from './live-metric.ts'
import type { MetricValues } from './metric-values.ts'
import { RequestCounts, type RouteCounts } from './request-counts.ts'
import { addTableMetrics, type MetricViews } from './table-metrics.ts'

/** Seconds: from the time of an answer out of memory to the time after which clients give up. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface Metrics {
  /** Counts a request that has ended. */
  record(call: Call, status: number, totalMs: number): void
  /** Finished requests by the id of their route, since the start. */
  countsByRoute(): ReadonlyMap<string, RouteCounts>
  /** Returns all metrics in the Prometheus text format. */
  render(): Promise<string>
  /** Yields the values of all metrics, metric by metric. */
  values(): AsyncIterable<MetricValues>
}

/**
 * Creates everything that /metrics shows. Counters are plain numbers, which prom-client reads at each scrape. prom-client is
 * loaded with the first scrape, since many gateways have none; what it measures itself begins then.
 */
export function createMetrics(views: MetricViews): Metrics {
  const requests = new RequestCounts(views.nodes)
  const durations = new AccumulatedHistogram(
    'waygate_request_duration_seconds',
    'Time from the arrival of a request to the end of its answer, by route.',
    'route',
    DURATION_BOUNDS,
  )
  const upstreamDurations = new AccumulatedHistogram(
    'waygate_upstream_duration_seconds',
    "Time from a request's first try to the head of its answer, over all tries, by route.",
    'route',
    DURATION_BOUNDS,
  )
  let opened: Promise<Registry> | undefined
  const open = () => {
    opened ??= createRegistry()
    return opened
  }

  async function createRegistry(): Promise<Registry> {
    const { collectDefaultMetrics, Registry } = await import('prom-client')
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    registry.registerMetric(durations.asMetric())
    registry.registerMetric(upstreamDurations.asMetric())
    const live: AddLiveMetric = (type, name, help, aggregator, samples) =>
      registry.registerMetric(liveMetric({ type, name, help, aggregator, samples }))
    live(
      'counter',
      'waygate_requests_total',
      'Requests that have ended, by route, service, node and status. 499: the client left.',
      'sum',
      () => requests.samples(),
    )
    addTableMetrics(live, views)
    return registry
  }

  /** Renders one metric in each turn of the event loop, because each takes long with thousands of nodes. */
  async function render(): Promise<string> {
    const registry = await open()
    const texts: string[] = []
    for (const metric of registry.getMetricsAsArray()) {
      texts.push(await registry.getSingleMetricAsString(metric.name))
      await nextTurn()
    }
    return `${texts.join('\n\n')}\n`
  }

  return {
    countsByRoute: () => requests.byRoute(),
    render,
    async *values() {
      const registry = await open()
      for (const { name } of registry.getMetricsAsArray()) {
        yield await valuesOf(registry.getSingleMetric(name)!)
        await nextTurn()
      }
    },
    record(call, status, totalMs) {
      const route = call.route?.id ?? ''
      requests.count(call, status)
      durations.observe(route, totalMs / 1000)
      if (call.rpc !== undefined || call.grpcStatus !== undefined) views.grpc.count(call)
      if (call.upstreamMs >= 0) upstreamDurations.observe(route, call.upstreamMs / 1000)
    },
  }
}

async function valuesOf(metric: Metric): Promise<MetricValues> {
  // Each class of prom-client declares a type of its own for `get`, but all of them return this.
  return (await metric.get()) as unknown as MetricValues
}
