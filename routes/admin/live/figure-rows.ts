import type { Filter } from '../../../internal/telemetry/filter.ts'
import type { LiveFigures } from '../api-types.ts'

/** What filters see of a route. */
interface RouteFields {
  readonly path: string
  readonly service: string
}

/** Returns how many rows figures have. */
export function rowsOf({ routes, services, nodes }: LiveFigures): number {
  return [routes, services, nodes].reduce((sum, rows) => sum + Object.keys(rows).length, 0)
}

/**
 * Returns the figures of the rows that fit a filter; of these, the ones with the most requests.
 *
 * @param max how many rows at most
 * @param fieldsOf what is known of a route, by its id
 */
export function cutFigures(
  figures: LiveFigures,
  max: number,
  fits: Filter = () => true,
  fieldsOf: (id: string) => RouteFields | undefined = () => undefined,
): LiveFigures {
  const rows = [
    ...rowsThatFit('services', figures.services, service => fits({ service }), 0),
    ...rowsThatFit('routes', figures.routes, route => fits({ route, ...fieldsOf(route) }), 0),
    ...rowsThatFit('nodes', figures.nodes, name => fits(nodeFields(name)), 1),
  ]
  const kept = rows.length <= max ? rows : rows.sort((a, b) => b.requests - a.requests).slice(0, max)
  const of = <T>(kind: Kind, all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(kept.filter(row => row.kind === kind).map(({ name }) => [name, all[name]!]))
  return {
    ...figures,
    services: of('services', figures.services),
    routes: of('routes', figures.routes),
    nodes: of('nodes', figures.nodes),
  }
}

type Kind = 'routes' | 'services' | 'nodes'

/** @param at where the number of requests stands */
function rowsThatFit(
  kind: Kind,
  all: Readonly<Record<string, readonly unknown[]>>,
  fits: (name: string) => boolean,
  at: number,
) {
  return Object.entries(all)
    .filter(([name]) => fits(name))
    .map(([name, row]) => ({ kind, name, requests: row[at] as number }))
}

/** @param name `service/id` */
function nodeFields(name: string): { readonly service: string; readonly node: string } {
  const at = name.indexOf('/')
  return { service: name.slice(0, at), node: name.slice(at + 1) }
}
