import type { Filter } from '../../../internal/telemetry/filter.ts'
import type { Figures, LiveFigures, NodeFigures } from '../api-types.ts'
import type { ListedRoute } from '../page-types.ts'

/** What filters see of a route. */
export type RouteFields = Pick<ListedRoute, 'path' | 'service'>

type Rows = Pick<LiveFigures, 'routes' | 'services' | 'nodes'>

const KINDS = ['services', 'routes', 'nodes'] as const satisfies (keyof Rows)[]
/** Nodes that are not well come before all that are. */
const UNWELL = 2 ** 40

/** Returns how many rows figures have. */
function rowsOf(rows: Rows): number {
  return KINDS.reduce((sum, kind) => sum + Object.keys(rows[kind]).length, 0)
}

/** Above so many rows, a viewer gets some of them. */
const MAX_ROWS = 2_000

/** The event `figures` of one second, as each viewer gets it. Texts that several viewers get are made once. */
export class FiguresTexts {
  readonly #changed: LiveFigures
  readonly #wholeOf: () => LiveFigures
  readonly #fieldsOf: (id: string) => RouteFields | undefined
  #whole: LiveFigures | undefined
  #changedText: string | undefined
  #wholeText: string | undefined

  /**
   * @param changed the rows that are another than a second ago
   * @param wholeOf returns all rows
   * @param fieldsOf what is known of a route, by its id
   */
  constructor(
    changed: LiveFigures,
    wholeOf: () => LiveFigures,
    fieldsOf: (id: string) => RouteFields | undefined,
  ) {
    this.#changed = changed
    this.#wholeOf = wholeOf
    this.#fieldsOf = fieldsOf
  }

  /**
   * Returns the JSON for a viewer. Of too many rows it gets some, and must be told all of them again in the next second.
   *
   * @param needsAll whether it does not know the rows of the second before
   * @param rows which ones it gets of too many; undefined = those with the most requests
   */
  textFor(needsAll: boolean, rows: Filter | undefined): { readonly text: string; readonly isCut: boolean } {
    if (!needsAll && rowsOf(this.#changed) <= MAX_ROWS) {
      this.#changedText ??= JSON.stringify(this.#changed)
      return { text: this.#changedText, isCut: false }
    }
    this.#whole ??= this.#wholeOf()
    if (rowsOf(this.#whole) <= MAX_ROWS) {
      this.#wholeText ??= JSON.stringify(this.#whole)
      return { text: this.#wholeText, isCut: false }
    }
    const fitting = rows === undefined ? this.#whole : fittingRows(this.#whole, rows, this.#fieldsOf)
    const cut: LiveFigures = { ...this.#whole, omitted: 'unknown', ...busiestRows(fitting) }
    return { text: JSON.stringify(cut), isCut: true }
  }
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

/**
 * Returns at most `MAX_ROWS` rows: the nodes that are not well, and then those with the most requests. It runs each second for
 * thousands of rows, so it makes no object for a row that is left out.
 */
function busiestRows(rows: Rows): Rows {
  const total = rowsOf(rows)
  if (total <= MAX_ROWS) return rows
  const ranks = new Float64Array(total)
  let i = 0
  for (const kind of KINDS) for (const name in rows[kind]) ranks[i++] = rankOf(rows[kind][name]!)
  ranks.sort()
  const least = ranks[total - MAX_ROWS]!
  // Of those that are as busy as the last one, so many as there is room for.
  let room = MAX_ROWS - (total - ranks.findLastIndex(rank => rank <= least) - 1)
  const isBusy = (_: string, row: Figures | NodeFigures) => {
    const rank = rankOf(row)
    return rank > least || (rank === least && room-- > 0)
  }
  return {
    services: pick(rows.services, isBusy),
    routes: pick(rows.routes, isBusy),
    nodes: pick(rows.nodes, isBusy),
  }
}

function rankOf(row: Figures | NodeFigures): number {
  if (row.length !== 8) return row[0]
  const [, n, , , , breaker, health, state] = row
  return breaker === 'closed' && health !== 'unhealthy' && state === 'up' ? n : n + UNWELL
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
