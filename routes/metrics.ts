import { setImmediate as nextTurn } from 'node:timers/promises'
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { Call } from '../internal/call.ts'
import { AccumulatedHistogram } from './accumulated-histogram.ts'
import { type AddLiveMetric, liveMetric } from './live-metric.ts'
import type { MetricValues } from './metric-values.ts'
import { addTableMetrics, type MetricViews } from './table-metrics.ts'

/** Seconds; from what a cache in memory answers in to what clients give up at. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
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
export function createMetrics(views: MetricViews): Metrics {
  const { nodes } = views
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

  const live: AddLiveMetric = (type, name, help, aggregator, samples) =>
    registry.registerMetric(liveMetric({ type, name, help, aggregator, samples }))

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
  addTableMetrics(live, views)

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

interface RequestSeries {
  readonly route: string
  readonly service: string
  readonly node: string
  readonly status: string
  count: number
}
