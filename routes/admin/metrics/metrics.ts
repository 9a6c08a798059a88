import type { Call } from '../../../internal/call.ts'
import { Turns } from '../turns.ts'
import { AccumulatedHistogram } from './accumulated-histogram.ts'
import { addTo } from './live-metric.ts'
import { type MetricFamily, type MetricValues, toFamily } from './metric-values.ts'
import { MetricsPage } from './metrics-page.ts'
import { RequestCounts, type RouteCounts } from './request-counts.ts'
import { addTableMetrics, type MetricViews } from './table-metrics.ts'
import { addVariantMetrics, VariantCounts } from './variant-metrics.ts'

/** Seconds: from the time of an answer out of memory to the time after which clients give up. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface Metrics {
  /** Counts a request that has ended. */
  record(call: Call, status: number, totalMs: number): void
  /** Finished requests by the id of their route, since the start. */
  countsByRoute(): ReadonlyMap<string, RouteCounts>
  /** Returns all metrics in the Prometheus text format, in pieces. */
  render(): Promise<readonly string[]>
  /** Yields the values of all metrics, metric by metric; large ones come in several parts. */
  values(): AsyncIterable<MetricValues>
}

/**
 * Creates everything that /metrics shows. Counters are plain numbers, which are read at each scrape. prom-client, which
 * measures the process, is loaded with the first scrape, since many gateways have none; what it measures begins then.
 */
export function createMetrics(views: MetricViews): Metrics {
  const requests = new RequestCounts(views.nodes, views.labels.node)
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
  const variants = new VariantCounts(DURATION_BOUNDS)
  const page = new MetricsPage()
  const families: MetricFamily[] = [durations, upstreamDurations, variants.durations]
  if (views.limitStore !== undefined) families.push(views.limitStore.counts.durations)
  const live = addTo(families)
  live(
    'counter',
    'waygate_requests_total',
    'Requests that have ended, by route, service, node and status. 499: the client left.',
    'sum',
    () => requests.samples(),
  )
  addTableMetrics(live, views)
  addVariantMetrics(live, variants)

  let opened: Promise<() => Promise<MetricValues[]>> | undefined
  /** Returns all metrics, of which those of the process have been read. */
  async function all(): Promise<MetricFamily[]> {
    opened ??= openProcessMetrics()
    const ofProcess = await (await opened)()
    return [...ofProcess.map(toFamily), ...families]
  }

  async function dropGone(): Promise<void> {
    const turns = new Turns()
    for (const _ of requests.dropGone()) if (turns.isOver) await turns.next()
  }

  return {
    countsByRoute: () => requests.byRoute(),
    async render() {
      const pieces = await page.text(await all())
      await dropGone()
      return pieces
    },
    async *values() {
      yield* page.values(await all())
      await dropGone()
    },
    record(call, status, totalMs) {
      const route = call.route?.id ?? ''
      requests.count(call, status)
      durations.observe(route, totalMs / 1000)
      if (call.rpc !== undefined || call.grpcStatus !== undefined) views.grpc.count(call)
      if (call.variant !== undefined) variants.record(call, status, totalMs)
      if (call.upstreamMs >= 0) upstreamDurations.observe(route, call.upstreamMs / 1000)
    },
  }
}

async function openProcessMetrics(): Promise<() => Promise<MetricValues[]>> {
  // In the bundle, a CommonJS package that is loaded later has this export alone.
  const { collectDefaultMetrics, Registry } = (await import('prom-client')).default
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // The declared type has no values.
  return async () => (await registry.getMetricsAsJSON()) as unknown as MetricValues[]
}
