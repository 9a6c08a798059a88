import type { Filter } from '../../../internal/telemetry/filter.ts'
import type { LiveFigures } from '../api-types.ts'

/** What filters see of a route. */
interface RouteFields {
  readonly path: string
  readonly service: string
}

type Rows = Pick<LiveFigures, 'routes' | 'services' | 'nodes'>

/** Where a row has its number of requests. */
const REQUESTS_AT = { services: 0, routes: 0, nodes: 1 } as const
const KINDS = Object.keys(REQUESTS_AT) as (keyof Rows)[]

/** Returns how many rows figures have. */
export function rowsOf(rows: Rows): number {
  return KINDS.reduce((sum, kind) => sum + Object.keys(rows[kind]).length, 0)
}

/**
 * Returns the figures of the rows that fit a filter; of these, the ones with the most requests. It runs each second for
 * thousands of rows, so it makes no object for a row that is left out.
 *
 * @param max how many rows at most
 * @param fits undefined = all fit
 * @param fieldsOf what is known of a route, by its id
 */
export function cutFigures(
  figures: LiveFigures,
  max: number,
  fits?: Filter,
  fieldsOf: (id: string) => RouteFields | undefined = () => undefined,
): LiveFigures {
  const fitting = fits === undefined ? figures : fittingRows(figures, fits, fieldsOf)
  return { ...figures, ...busiestRows(fitting, max) }
}

function fittingRows(
  { services, routes, nodes }: Rows,
  fits: Filter,
  fieldsOf: (id: string) => RouteFields | undefined,
): Rows {
  return {
    services: pick(services, service => fits({ service })),
    routes: pick(routes, route => fits({ route, ...fieldsOf(route) })),
    nodes: pick(nodes, name => {
      const at = name.indexOf('/')
      return fits({ service: name.slice(0, at), node: name.slice(at + 1) })
    }),
  }
}

function busiestRows(rows: Rows, max: number): Rows {
  const total = rowsOf(rows)
  if (total <= max) return rows
  const counts = new Float64Array(total)
  let i = 0
  for (const kind of KINDS) {
    for (const name in rows[kind]) counts[i++] = rows[kind][name]![REQUESTS_AT[kind]]
  }
  counts.sort()
  const least = counts[total - max]!
  // Of those that have as many as the last one, so many as there is room for.
  let room = max - (total - counts.findLastIndex(count => count <= least) - 1)
  const isBusy = (requests: number) => requests > least || (requests === least && room-- > 0)
  return {
    services: pick(rows.services, (_, row) => isBusy(row[REQUESTS_AT.services])),
    routes: pick(rows.routes, (_, row) => isBusy(row[REQUESTS_AT.routes])),
    nodes: pick(rows.nodes, (_, row) => isBusy(row[REQUESTS_AT.nodes])),
  }
}

function pick<Row>(
  rows: Readonly<Record<string, Row>>,
  isWanted: (name: string, row: Row) => boolean,
): Record<string, Row> {
  const picked: Record<string, Row> = {}
  for (const name in rows) {
    const row = rows[name]!
    if (isWanted(name, row)) picked[name] = row
  }
  return picked
}
