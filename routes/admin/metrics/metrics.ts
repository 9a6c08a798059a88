import type { Call } from '../../../internal/call.ts'
import { loadOnce } from '../../../internal/load-once.ts'
import { Turns } from '../turns.ts'
import { GoneRoutes } from './gone-routes.ts'
import { addInfoMetrics } from './info-metrics.ts'
import { addTo } from './live-metric.ts'
import { type MetricFamily, type MetricValues, toFamily } from './metric-values.ts'
import { MetricsPage } from './metrics-page.ts'
import type { PageFormat } from './metrics-text.ts'
import { RefusalCounts, RequestCounts, type RouteCounts } from './request-counts.ts'
import { RequestDurations } from './request-durations.ts'
import { addTableMetrics, type MetricViews } from './table-metrics.ts'
import { addVariantMetrics, VariantCounts } from './variant-metrics.ts'

export interface Metrics {
  /** Counts a request that has ended. */
  record(call: Call, status: number, totalMs: number): void
  /** Finished requests by the id of their route, since the start. */
  countsByRoute(): ReadonlyMap<string, RouteCounts>
  /** Call it when `byNode` may return something else than before. */
  relabel(): void
  /** Returns all metrics in this format, in pieces. */
  render(format?: PageFormat): Promise<readonly string[]>
  /** Yields the values of all metrics, metric by metric; large ones come in several parts. */
  values(): AsyncIterable<MetricValues>
}

/**
 * Creates everything that /metrics shows. Counters are plain numbers, which are read at each scrape. prom-client, which
 * measures the process, is loaded with the first scrape, since many gateways have none; what it measures begins then.
 */
export function createMetrics(views: MetricViews): Metrics {
  const requests = new RequestCounts(views.nodes, views.byNode)
  const durations = new RequestDurations()
  const refusals = new RefusalCounts()
  const variants = new VariantCounts()
  const page = new MetricsPage()
  const families: MetricFamily[] = [...durations.families, variants.durations]
  if (views.limitStore !== undefined) families.push(views.limitStore.counts.durations)
  const live = addTo(families)
  live.counter(
    'waygate_requests_total',
    'Requests that have ended, by route, service, node and status. 499: the client left.',
    () => requests.samples(),
  )
  refusals.addTo(live)
  addInfoMetrics(live, views.version, () => views.table.routes())
  addTableMetrics(live, views)
  addVariantMetrics(live, variants)

  const open = loadOnce(openProcessMetrics)
  /** Returns all metrics, of which those of the process have been read. */
  async function all(): Promise<MetricFamily[]> {
    const ofProcess = await (await open())()
    return [...ofProcess.map(toFamily), ...families]
  }

  const gone = new GoneRoutes()
  const byRoute = [durations, variants, views.policies, views.grpc]
  async function dropGone(): Promise<void> {
    const turns = new Turns()
    const counted = byRoute.flatMap(counts => [...counts.routes()])
    for (const _ of gone.look(counted, views.table.routes())) if (turns.isOver) await turns.next()
    for (const counts of byRoute) counts.drop(gone)
    for (const _ of requests.dropGone(gone)) if (turns.isOver) await turns.next()
  }

  return {
    countsByRoute: () => requests.byRoute(),
    relabel: () => requests.relabel(),
    async render(format) {
      const pieces = await page.text(await all(), format)
      await dropGone()
      return pieces
    },
    async *values() {
      yield* page.values(await all())
      await dropGone()
    },
    record(call, status, totalMs) {
      requests.count(call, status)
      durations.record(call, totalMs)
      refusals.count(call)
      if (call.rpc !== undefined || call.grpcStatus !== undefined) views.grpc.count(call)
      if (call.variant !== undefined) variants.record(call, status, totalMs)
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
