import { getOrMake } from '../../internal/get-or-make.ts'
import { GoneRoutes } from '../../routes/admin/metrics/gone-routes.ts'
import { mergeMetrics } from '../../routes/admin/metrics/merge-metrics.ts'
import type { Labels, MetricValues } from '../../routes/admin/metrics/metric-values.ts'
import { Turns } from '../../routes/admin/turns.ts'

/** Has every node of a table. */
const OF_NODES = 'waygate_node_tries_total'
/** Has every route of a table. */
const OF_ROUTES = 'waygate_route_info'
/** What nodes and routes are called that a page has no room for. */
const OTHER = 'other'

/** By metric, the nodes and routes that have series. */
type Present = ReadonlyMap<string, ReadonlySet<string>>

/**
 * The totals of workers that have ended, which are added to those of the others, so that no total falls. A series of a node or
 * route that is gone ends with the last worker that has it: what is left of it would look like a counter that began anew.
 */
export class PastTotals {
  #values: readonly MetricValues[] = []
  readonly #gone: GoneRoutes

  /** @param now returns milliseconds of a clock that never goes back */
  constructor(now?: () => number) {
    this.#gone = new GoneRoutes(now)
  }

  get values(): readonly MetricValues[] {
    return this.#values
  }

  /** Adds the last values of a worker. */
  async add(last: readonly MetricValues[]): Promise<void> {
    const totals = last.filter(
      ({ name, type }) => name.startsWith('waygate_') && (type === 'counter' || type === 'histogram'),
    )
    const merged = await mergeMetrics([...this.#values, ...totals])
    const nodes = (await presentIn(totals)).get(OF_NODES)
    // Nodes come and go. Keeping the totals of all that have gone would grow without limit, as nobody may read them.
    this.#keep(merged, (_, labels) => nodes?.has(nodeOf(labels)) === true)
  }

  /**
   * Drops the series of nodes that are gone, and of routes that have been for ten minutes, unless one of the workers still has them.
   *
   * @param present the values of all workers that answer
   */
  async drop(present: readonly MetricValues[]): Promise<void> {
    if (this.#values.length === 0 || present.length === 0) return
    const named = await presentIn(present)
    const [nodes, routes] = [named.get(OF_NODES), named.get(OF_ROUTES)]
    if (routes !== undefined && !routes.has(routeOf({ route: OTHER }))) {
      const counted = this.#values.flatMap(({ values }) => values.map(({ labels }) => labels.route ?? OTHER))
      const ids = Array.from(routes, route => ({ id: route.slice(ROUTE.length) }))
      const turns = new Turns()
      for (const _ of this.#gone.look(counted.map(String), ids)) if (turns.isOver) await turns.next()
    }
    const isCut = nodes?.has(OTHER) !== false
    this.#keep(
      this.#values,
      (name, labels) => isCut || nodes.has(nodeOf(labels)) || named.get(name)?.has(nodeOf(labels)) === true,
      (name, labels) =>
        !this.#gone.has(String(labels.route)) || named.get(name)?.has(routeOf(labels)) === true,
    )
  }

  #keep(
    all: readonly MetricValues[],
    isNodeKept: (name: string, labels: Labels) => boolean,
    isRouteKept: (name: string, labels: Labels) => boolean = () => true,
  ): void {
    this.#values = all.map(metric => ({
      ...metric,
      values: metric.values.filter(
        ({ labels }) =>
          (!labels.node || labels.node === OTHER || isNodeKept(metric.name, labels)) &&
          (labels.route === undefined || isRouteKept(metric.name, labels)),
      ),
    }))
  }
}

async function presentIn(metrics: readonly MetricValues[]): Promise<Present> {
  const turns = new Turns()
  const present = new Map<string, Set<string>>()
  for (const { name, values } of metrics) {
    const named = getOrMake(present, name, () => new Set<string>())
    for (const { labels } of values) {
      if (labels.node) named.add(labels.node === OTHER ? OTHER : nodeOf(labels))
      if (labels.route !== undefined) named.add(routeOf(labels))
      if (turns.isOver) await turns.next()
    }
  }
  return present
}

/** Not the beginning of the text for a node, which begins with the name of its service. */
const ROUTE = ' '

function nodeOf(labels: Labels): string {
  return `${labels.service} ${labels.node}`
}

function routeOf(labels: Labels): string {
  return `${ROUTE}${labels.route}`
}
