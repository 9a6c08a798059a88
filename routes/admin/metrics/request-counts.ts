import type { Call } from '../../../internal/call.ts'
import { ERRORS } from '../../../internal/http/errors.ts'
import type { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { Route } from '../../../internal/routing/route.ts'
import type { GoneRoutes } from './gone-routes.ts'
import { byLabel, type LabelledValue, type LiveMetrics } from './live-metric.ts'
import { NO_ROUTE, OTHER, serviceLabel } from './request-labels.ts'

/** Beyond so many series, those of a route and service with one status share the node `other`. */
const MAX_SERIES = 50_000

/** The finished requests of a route. */
export interface RouteCounts {
  readonly requests: number
  /** The requests that were answered 5xx, by a node or by the gateway. */
  readonly failures: number
}

/** Counts requests that have ended, by route, service, node and status. */
export class RequestCounts {
  readonly #nodes: NodeTable
  readonly #byNode: () => boolean
  readonly #series = new Map<string, Series>()
  /** Sums of the series that were forgotten. Bounded by the routes that ever had requests. */
  readonly #forgotten = new Map<string, RouteCounts>()

  /** @param byNode returns whether each node has series of its own */
  constructor(nodes: NodeTable, byNode: () => boolean) {
    this.#nodes = nodes
    this.#byNode = byNode
  }

  count(call: Call, status: number): void {
    const { peer, route } = call
    // Most requests to a node are on one route and end well, so the peer remembers the series of the last one.
    const last = peer?.lastCounted as Series | undefined
    if (last?.isFor(route, status)) last.count++
    else {
      const series = this.#find(call, status)
      series.count++
      if (peer) peer.lastCounted = series
    }
  }

  /** Lets requests be counted in other series, because the labels have changed. The counts so far stay. */
  relabel(): void {
    for (const { peers } of this.#nodes.services()) for (const peer of peers) peer.lastCounted = undefined
  }

  /** Yields the counts for a scrape. */
  *samples(): Generator<LabelledValue> {
    for (const series of this.#series.values()) yield new CountSample(series)
  }

  /**
   * Drops the series of removed nodes, and of routes that are gone, whose counts were shown. Yields after each series, as a
   * place to pause.
   */
  *dropGone(gone: Pick<GoneRoutes, 'has'>): Generator<void> {
    for (const [key, series] of this.#series) {
      if (series.count === series.shown && (gone.has(series.routeId) || this.#isGone(series))) {
        series.isDropped = true
        addTo(this.#forgotten, series)
        this.#series.delete(key)
      }
      yield
    }
  }

  /** Sums by the id of the route, since the start of the process. */
  byRoute(): ReadonlyMap<string, RouteCounts> {
    const sums = new Map(this.#forgotten)
    for (const series of this.#series.values()) addTo(sums, series)
    return sums
  }

  #find(call: Call, status: number): Series {
    const node = this.#byNode() ? (call.peer?.node.id ?? '') : undefined
    const series = this.#seriesOf(call.route?.id ?? '', serviceLabel(call), node, status)
    series.route = call.route
    return series
  }

  #seriesOf(route: string, service: string, node: string | undefined, status: number): Series {
    const key = `${route} ${service} ${node} ${status}`
    const known = this.#series.get(key)
    if (known) return known
    if (this.#series.size >= MAX_SERIES && node && node !== OTHER) {
      return this.#seriesOf(route, service, OTHER, status)
    }
    const series = new Series(route, service, node, status)
    this.#series.set(key, series)
    return series
  }

  #isGone({ labels: { service, node } }: Series): boolean {
    if (!node || node === OTHER) return false
    const peers = this.#nodes.service(service)?.peers ?? []
    // They are ordered by id.
    let [low, high] = [0, peers.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (peers[middle]!.node.id < node) low = middle + 1
      else high = middle
    }
    return peers[low]?.node.id !== node
  }
}

function addTo(sums: Map<string, RouteCounts>, { routeId, isFailure, count }: Series): void {
  const { requests, failures } = sums.get(routeId) ?? { requests: 0, failures: 0 }
  sums.set(routeId, { requests: requests + count, failures: failures + (isFailure ? count : 0) })
}

class CountSample implements LabelledValue {
  readonly labels: Series['labels']
  readonly value: number
  readonly #series: Series

  constructor(series: Series) {
    this.labels = series.labels
    this.value = series.count
    this.#series = series
  }

  noteShown(): void {
    this.#series.shown = this.value
  }
}

class Series {
  readonly labels: {
    readonly route: string
    readonly service: string
    readonly node?: string
    readonly status: string
  }
  /** '' = no route matches. A route may have the id that the label then has. */
  readonly routeId: string
  readonly #status: number
  /**
   * The route of the last request that looked the series up. A new version of a route is another object with the same
   * id.
   */
  route: Route | undefined = undefined
  isDropped = false
  count = 0
  /** The count that a page has shown last. */
  shown = 0

  /** @param node undefined = the series has no label for it */
  constructor(route: string, service: string, node: string | undefined, status: number) {
    this.routeId = route
    this.labels = {
      route: route || NO_ROUTE,
      service,
      ...(node !== undefined && { node }),
      status: String(status),
    }
    this.#status = status
  }

  get isFailure(): boolean {
    return this.#status >= 500
  }

  isFor(route: Route | undefined, status: number): boolean {
    return this.#status === status && this.route === route && !this.isDropped
  }
}

/** Counts the errors that the gateway itself answered with, by their code. */
export class RefusalCounts {
  /** All codes are there from the start, so that the first error of a kind shows as an increase. */
  readonly #counts = new Map<string, number>(Object.keys(ERRORS).map(code => [code, 0]))

  count({ errorCode }: Call): void {
    if (errorCode !== undefined) this.#counts.set(errorCode, this.#counts.get(errorCode)! + 1)
  }

  addTo(live: LiveMetrics): void {
    live.counter(
      'waygate_refused_total',
      'Requests that the gateway answered with an error of its own, by the code of the error.',
      () => byLabel('code', this.#counts),
    )
  }
}
