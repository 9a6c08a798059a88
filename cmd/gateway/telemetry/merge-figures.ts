import { getOrMake } from '../../../internal/get-or-make.ts'
import { addPairs, quantileOf } from '../../../internal/telemetry/live-times.ts'
import { toFigures } from '../../../internal/telemetry/traffic-series.ts'
import type { Figures, LiveFigures, NodeFigures } from '../../../routes/admin/api-types.ts'
import { mergeNodeState } from '../../../routes/admin/merge-pages.ts'
import type { FiguresDelta, NodeDelta, SeriesDelta } from './figures-delta.ts'

/** When more nodes than this have had a row, all are forgotten, and shown again when they change. */
const MAX_NODES = 20_000
const AT_REST: NodeDelta = [0, 0, 0, 'closed', 'healthy', 'up', []]
const NO_REQUESTS: Figures = [0, 0, 0, null, null]

export interface MergedFigures {
  /** The rows that are another than the last time. */
  readonly changed: LiveFigures
  /** Returns those of everything that is at work, or not as it should be, for somebody who has missed some. Call it before the next merge. */
  readonly whole: () => LiveFigures
}

type Rows<Row> = Record<string, Row>

/** Adds up what several processes have seen, second by second. It knows the rows of the last time. */
export class FiguresMerger {
  #routes: ReadonlyMap<string, Figures> = new Map()
  #services: ReadonlyMap<string, Figures> = new Map()
  /** The last row of each node that a process has told of, by process. */
  readonly #told = new Map<string, Map<string, NodeDelta>>()
  readonly #nodes = new Map<string, NodeFigures>()

  /** @param deltas by process; undefined for one that has not answered, which is as it was */
  merge(deltas: ReadonlyMap<string, FiguresDelta | undefined>, t: number): MergedFigures {
    const all = [...deltas.values()].filter(delta => delta !== undefined)
    const total = figuresOf(all.map(each => each.total).reduce(addSeries, [0, 0, 0, [], 0]))
    const sums = {
      ...{ t, total },
      inFlight: all.reduce((sum, each) => sum + each.inFlight, 0),
      retries: all.reduce((sum, each) => sum + each.retries, 0),
    }
    const routes = mergeSeries(all.map(each => each.routes))
    const services = mergeSeries(all.map(each => each.services))
    const changed = {
      ...sums,
      routes: changesOf(this.#routes, routes),
      services: changesOf(this.#services, services),
      nodes: this.#mergeNodes(deltas),
    }
    this.#routes = routes
    this.#services = services
    const whole = (): LiveFigures => ({
      ...sums,
      omitted: 'none',
      routes: Object.fromEntries(routes),
      services: Object.fromEntries(services),
      nodes: Object.fromEntries([...this.#nodes].filter(([, row]) => !isAtRest(row))),
    })
    return { changed, whole }
  }

  #mergeNodes(deltas: ReadonlyMap<string, FiguresDelta | undefined>): Rows<NodeFigures> {
    const keys = new Set<string>()
    for (const [process, rows] of this.#told) {
      if (deltas.has(process)) continue
      // It has ended, and its requests with it.
      for (const key of rows.keys()) keys.add(key)
      this.#told.delete(process)
    }
    for (const [process, delta] of deltas) {
      if (delta === undefined) continue
      const told = getOrMake(this.#told, process, () => new Map<string, NodeDelta>())
      for (const [key, row] of Object.entries(delta.nodes)) {
        told.set(key, row)
        keys.add(key)
      }
    }
    const changed: Rows<NodeFigures> = {}
    for (const key of keys) {
      const told = [...this.#told.values()].map(rows => rows.get(key)).filter(row => row !== undefined)
      const row = toNodeFigures(told.reduce(addNodes, AT_REST))
      const before = this.#nodes.get(key)
      if (before === undefined || row.some((field, i) => field !== before[i])) changed[key] = row
      this.#nodes.set(key, row)
    }
    if (this.#nodes.size > MAX_NODES) {
      this.#nodes.clear()
      this.#told.clear()
    }
    return changed
  }
}

function addSeries(a: SeriesDelta, b: SeriesDelta): SeriesDelta {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], addPairs(a[3], b[3]), a[4] + b[4]]
}

function addNodes(a: NodeDelta, b: NodeDelta): NodeDelta {
  const { breaker, health, state } = mergeNodeState(stateIn(a), stateIn(b))
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], breaker, health, state, addPairs(a[6], b[6])]
}

function stateIn([, , , breaker, health, state]: NodeDelta) {
  return { breaker, health, state }
}

function toNodeFigures([inFlight, n, failures, breaker, health, state, times]: NodeDelta): NodeFigures {
  return [inFlight, n, failures, quantileOf(times, 0.5), quantileOf(times, 0.99), breaker, health, state]
}

/** Whether there is nothing to be told of a node: it has nothing to do, and could have. */
function isAtRest([inFlight, n, , , , breaker, health, state]: NodeFigures): boolean {
  return inFlight === 0 && n === 0 && breaker === 'closed' && health !== 'unhealthy' && state === 'up'
}

function figuresOf([n, c4, c5, times, retries]: SeriesDelta): Figures {
  return toFigures(n, c4, c5, quantileOf(times, 0.5), quantileOf(times, 0.99), retries)
}

function mergeSeries(all: readonly Readonly<Record<string, SeriesDelta>>[]): Map<string, Figures> {
  const sums = new Map<string, SeriesDelta>()
  for (const [name, row] of all.flatMap(each => Object.entries(each))) {
    const known = sums.get(name)
    sums.set(name, known ? addSeries(known, row) : row)
  }
  return new Map([...sums].map(([name, row]) => [name, figuresOf(row)]))
}

/** Returns the rows that are another than before. One that is missing had no requests. */
function changesOf(before: ReadonlyMap<string, Figures>, after: ReadonlyMap<string, Figures>): Rows<Figures> {
  const rows: Rows<Figures> = {}
  for (const [name, row] of after) {
    const known = before.get(name)
    if (known === undefined || row.length !== known.length || row.some((field, i) => field !== known[i]))
      rows[name] = row
  }
  for (const name of before.keys()) if (!after.has(name)) rows[name] = NO_REQUESTS
  return rows
}
