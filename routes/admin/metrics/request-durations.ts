import type { Call } from '../../../internal/call.ts'
import { AccumulatedHistogram, type HistogramSeries } from './accumulated-histogram.ts'
import type { CountedByRoute, GoneRoutes } from './gone-routes.ts'
import type { MetricFamily } from './metric-values.ts'
import { OTHER, routeLabel, sampledTraceOf, serviceLabel } from './request-labels.ts'

/** Seconds: from the time of an answer out of memory to the time after which clients give up. */
export const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** Seconds: the gateway's own part takes less than a millisecond, unless it asks somebody else. */
const OVERHEAD_BOUNDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1]

/** Pairs of route and service beyond so many share the labels `other`. */
const MAX_PAIRS = 20_000

/** The series of one route and service. */
interface Pair {
  readonly whole: HistogramSeries
  /** Undefined until a request was sent to a node. */
  upstream: HistogramSeries | undefined
}

/** How long requests took, by route and service. */
export class RequestDurations implements CountedByRoute {
  readonly #whole = new AccumulatedHistogram(
    'waygate_request_duration_seconds',
    'Time from the arrival of a request to the end of its answer, by route and service.',
    DURATION_BOUNDS,
  )
  readonly #upstream = new AccumulatedHistogram(
    'waygate_upstream_duration_seconds',
    "Time from a request's first try to the head of its answer, over all tries, by route and service.",
    DURATION_BOUNDS,
  )
  readonly #overhead = new AccumulatedHistogram(
    'waygate_overhead_seconds',
    'Time from the arrival of a request to its first try: what the gateway itself takes before a node is asked.',
    OVERHEAD_BOUNDS,
  )
  readonly #ownPart = this.#overhead.add({})
  readonly #pairs = new Map<string, Map<string, Pair>>()
  #size = 0

  /** The histograms, for the page. */
  get families(): readonly MetricFamily[] {
    return [this.#whole, this.#upstream, this.#overhead]
  }

  /** Notes a request that has ended. */
  record(call: Call, totalMs: number): void {
    const pair = this.#pairOf(routeLabel(call), serviceLabel(call))
    const traceId = sampledTraceOf(call)
    pair.whole.observe(totalMs / 1000, traceId)
    if (call.upstreamMs < 0) return
    pair.upstream ??= this.#upstream.add(pair.whole.labels)
    pair.upstream.observe(call.upstreamMs / 1000, traceId)
    this.#ownPart.observe((call.upstreamAt - call.startedAt) / 1000, traceId)
  }

  routes(): Iterable<string> {
    return this.#pairs.keys()
  }

  drop(gone: Pick<GoneRoutes, 'has'>): void {
    for (const [route, byService] of this.#pairs) {
      if (!gone.has(route)) continue
      for (const { whole, upstream } of byService.values()) {
        this.#whole.remove(whole)
        if (upstream !== undefined) this.#upstream.remove(upstream)
      }
      this.#size -= byService.size
      this.#pairs.delete(route)
    }
  }

  #pairOf(route: string, service: string): Pair {
    let byService = this.#pairs.get(route)
    const known = byService?.get(service)
    if (known) return known
    if (this.#size >= MAX_PAIRS && route !== OTHER) return this.#pairOf(OTHER, OTHER)
    const pair: Pair = { whole: this.#whole.add({ route, service }), upstream: undefined }
    if (!byService) {
      byService = new Map()
      this.#pairs.set(route, byService)
    }
    byService.set(service, pair)
    this.#size++
    return pair
  }
}
