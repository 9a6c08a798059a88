import type { Call } from '../../internal/call.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Sample } from './live-metric.ts'

/** Series of removed nodes are kept until the next scrape has seen them, or until there are this many series. */
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
  readonly #series = new Map<string, Series>()
  /** Sums of the series that were forgotten. Bounded by the routes that ever had requests. */
  readonly #forgotten = new Map<string, RouteCounts>()

  constructor(nodes: NodeTable) {
    this.#nodes = nodes
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

  /** Yields the counts for a scrape, and then drops the series of removed nodes. */
  *samples(): Generator<Sample> {
    for (const { labels, count } of this.#series.values()) yield { labels, value: count }
    this.#dropGone()
  }

  /** Sums by the id of the route, since the start of the process. */
  byRoute(): ReadonlyMap<string, RouteCounts> {
    const sums = new Map(this.#forgotten)
    for (const series of this.#series.values()) addTo(sums, series)
    return sums
  }

  #find({ peer, route }: Call, status: number): Series {
    const node = peer?.node.id ?? ''
    const service = peer?.node.service ?? route?.service ?? ''
    const key = `${route?.id ?? ''} ${service} ${node} ${status}`
    let series = this.#series.get(key)
    if (!series) {
      if (this.#series.size >= MAX_SERIES) this.#dropGone()
      series = new Series(route?.id ?? '', service, node, status)
      this.#series.set(key, series)
    }
    series.route = route
    return series
  }

  #dropGone(): void {
    for (const [key, series] of this.#series) {
      const { service, node } = series.labels
      if (node === '' || this.#nodes.service(service)?.peers.some(peer => peer.node.id === node)) continue
      series.isDropped = true
      addTo(this.#forgotten, series)
      this.#series.delete(key)
    }
  }
}

function addTo(sums: Map<string, RouteCounts>, { labels, isFailure, count }: Series): void {
  const { requests, failures } = sums.get(labels.route) ?? { requests: 0, failures: 0 }
  sums.set(labels.route, { requests: requests + count, failures: failures + (isFailure ? count : 0) })
}

class Series {
  readonly labels: {
    readonly route: string
    readonly service: string
    readonly node: string
    readonly status: string
  }
  readonly #status: number
  /**
   * The route of the last request that looked the series up. A new version of a route is another object with the same
   * id.
   */
  route: Route | undefined = undefined
  isDropped = false
  count = 0

  constructor(route: string, service: string, node: string, status: number) {
    this.labels = { route, service, node, status: String(status) }
    this.#status = status
  }

  get isFailure(): boolean {
    return this.#status >= 500
  }

  isFor(route: Route | undefined, status: number): boolean {
    return this.#status === status && this.route === route && !this.isDropped
  }
}
