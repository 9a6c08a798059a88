import type { Call } from '../../../internal/call.ts'
import type { FindMethod } from '../../../internal/grpc/rpc.ts'
import { GRPC_STATUS } from '../../../internal/grpc/status.ts'
import type { CountedByRoute, GoneRoutes } from './gone-routes.ts'
import type { LabelledValue, LiveMetrics } from './live-metric.ts'
import { OTHER, routeLabel, serviceLabel } from './request-labels.ts'

/** Beyond so many series, calls share one whose labels are `other`. */
const MAX_SERIES = 20_000

interface Series {
  readonly labels: { readonly route: string } & Readonly<Record<string, string>>
  value: number
}

/** Counts gRPC calls that have ended, by route, service, method and status. */
export class GrpcCounts implements CountedByRoute {
  readonly #findMethod: FindMethod
  readonly #series = new Map<string, Series>()

  /** @param findMethod knows the methods that have a series of their own, because clients may ask for any */
  constructor(findMethod: FindMethod) {
    this.#findMethod = findMethod
  }

  count(call: Call): void {
    const { rpc, grpcStatus = GRPC_STATUS.CANCELLED } = call
    const service = serviceLabel(call)
    const isKnown = rpc !== undefined && this.#findMethod(service, rpc) !== undefined
    this.#find(routeLabel(call), service, isKnown ? rpc : OTHER, grpcStatus).value++
  }

  samples(): Iterable<LabelledValue> {
    return this.#series.values()
  }

  *routes(): Generator<string> {
    for (const { labels } of this.#series.values()) yield labels.route
  }

  drop(gone: Pick<GoneRoutes, 'has'>): void {
    for (const [key, { labels }] of this.#series) if (gone.has(labels.route)) this.#series.delete(key)
  }

  #find(route: string, service: string, method: string, status: number): Series {
    const key = `${route} ${service} ${method} ${status}`
    let series = this.#series.get(key)
    if (series) return series
    if (this.#series.size >= MAX_SERIES && route !== OTHER) return this.#find(OTHER, OTHER, OTHER, status)
    series = { labels: { route, service, method, grpc_status: String(status) }, value: 0 }
    this.#series.set(key, series)
    return series
  }
}

export function addGrpcMetrics(live: LiveMetrics, counts: GrpcCounts): void {
  live.counter(
    'waygate_grpc_calls_total',
    'gRPC calls that have ended, by route, service, method and status. 1: also clients that left.',
    () => counts.samples(),
  )
}
