import { isDeepStrictEqual } from 'node:util'
import { type Filter, parseFilter } from '../../../internal/telemetry/filter.ts'
import type { ChangeEntry, LiveListener, RequestEntry } from '../../../routes/admin/api-types.ts'
import type { TableProblem } from '../../../routes/admin/views.ts'
import { type FiguresDelta, FiguresMeter, type FiguresMeterOptions, type NodeDelta } from './figures-delta.ts'
import { type KeptRequest, toRequestEntry } from './kept-request.ts'
import type { Telemetry, TelemetryWatcher } from './telemetry.ts'

/** Where the table comes from, as listeners get it. */
export type LiveSource = Parameters<LiveListener['onSource']>[0]
/** See {@link LiveListener.onTable}. */
export type LiveTableChange = Parameters<LiveListener['onTable']>[0]

/** What has changed in one process since the delta before. */
export interface LiveDelta {
  readonly figures: FiguresDelta
  /** Absent where nothing has changed, as the others, which the first delta has in any case. */
  readonly table?: LiveTableChange | undefined
  readonly source?: LiveSource | undefined
  readonly problems?: readonly TableProblem[] | undefined
}

/** What a feed reads of its process. */
export interface LiveFeedOptions extends FiguresMeterOptions {
  readonly telemetry: Telemetry
  readonly revision: () => string | null
  readonly source: () => LiveSource
  readonly problems: () => readonly TableProblem[]
}

/** Is called as it happens. */
export interface LiveHooks {
  readonly onRequest: (request: RequestEntry) => void
  readonly onChange: (change: ChangeEntry) => void
}

/** With more names than this, the whole table counts as changed. */
const MAX_NAMES = 100

/** Tells what happens in this process, while somebody watches. A process has at most one. Its owner calls `close()`. */
export class LiveFeed implements TelemetryWatcher {
  readonly #options: LiveFeedOptions
  readonly #hooks: LiveHooks
  readonly #meter: FiguresMeter
  #filters: readonly Filter[] = []
  #baseline: Promise<FiguresDelta> | undefined
  #source: LiveSource | undefined
  #problems: readonly TableProblem[] | undefined
  #changed = { routes: new Set<string>(), services: new Set<string>() }
  #isAllChanged = false
  /** What was taken last, which may not have been heard. */
  #last: LiveDelta | undefined
  #taking: Promise<unknown> = Promise.resolve()

  constructor(options: LiveFeedOptions, hooks: LiveHooks) {
    this.#options = options
    this.#hooks = hooks
    this.#meter = new FiguresMeter(options)
    this.#baseline = this.#meter.take()
    options.telemetry.watcher = this
  }

  /**
   * Tells of the requests from now on that fit one of the filters.
   *
   * @throws TypeError when one cannot be read
   */
  setFilters(filters: readonly string[]): void {
    this.#filters = filters.map(parseFilter)
  }

  onRequest(request: KeptRequest): void {
    if (this.#filters.some(fits => fits(request))) this.#hooks.onRequest(toRequestEntry(request))
  }

  onChange(change: ChangeEntry): void {
    this.#hooks.onChange(change)
  }

  onTable(kind: 'routes' | 'services', id: string | undefined): void {
    const names = this.#changed[kind]
    if (id === undefined || names.size >= MAX_NAMES) this.#isAllChanged = true
    else names.add(id)
  }

  /**
   * Returns what has changed since the call before, or since the feed was opened. Calls during a call wait for it: each measures
   * from where the one before has ended.
   *
   * @param wasHeard whether what the call before has returned has come to where it belongs. If not, all of it is told again that
   *   is not of one second alone
   */
  take(wasHeard = true): Promise<LiveDelta> {
    const taken = this.#taking.then(() => this.#take(wasHeard))
    this.#taking = taken.catch(() => {})
    return taken
  }

  async #take(wasHeard: boolean): Promise<LiveDelta> {
    const baseline = await this.#baseline
    this.#baseline = undefined
    const taken = await this.#meter.take()
    const nodes = {
      ...(baseline && outOfOrder(baseline.nodes)),
      ...(!wasHeard && this.#putBack()),
      ...taken.nodes,
    }
    const figures = { ...taken, nodes }
    const [table, source, problems] = [this.#takeTable(), this.#takeSource(), this.#takeProblems()]
    this.#last = { figures, table, source, problems }
    return this.#last
  }

  /** Lets what was taken last be taken again. Returns its rows of nodes, which are not told again until they change. */
  #putBack(): FiguresDelta['nodes'] {
    if (this.#last === undefined) return {}
    const { figures, table, source, problems } = this.#last
    if (table) {
      const { routes, services } = table
      if (routes.length + services.length === 0) this.#isAllChanged = true
      for (const id of routes) this.onTable('routes', id)
      for (const name of services) this.onTable('services', name)
    }
    if (source) this.#source = undefined
    if (problems) this.#problems = undefined
    return Object.fromEntries(Object.entries(figures.nodes).map(([key, row]) => [key, withoutTries(row)]))
  }

  close(): void {
    const { telemetry } = this.#options
    if (telemetry.watcher === this) telemetry.watcher = undefined
  }

  #takeTable(): LiveTableChange | undefined {
    const { routes, services } = this.#changed
    const isAll = this.#isAllChanged
    if (!isAll && routes.size === 0 && services.size === 0) return undefined
    this.#changed = { routes: new Set(), services: new Set() }
    this.#isAllChanged = false
    const revision = this.#options.revision()
    return isAll
      ? { revision, routes: [], services: [] }
      : { revision, routes: [...routes], services: [...services] }
  }

  #takeSource(): LiveSource | undefined {
    const source = this.#options.source()
    if (this.#source && isSameSource(source, this.#source)) return undefined
    this.#source = source
    return source
  }

  #takeProblems(): readonly TableProblem[] | undefined {
    const problems = this.#options.problems()
    if (isDeepStrictEqual(problems, this.#problems)) return undefined
    this.#problems = problems
    return problems
  }
}

/** Returns the rows of nodes that are at rest and not as they should be, which other processes do not know. */
function outOfOrder(nodes: FiguresDelta['nodes']): Record<string, NodeDelta> {
  const rows: Record<string, NodeDelta> = {}
  for (const [key, row] of Object.entries(nodes)) {
    const [, , , breaker, health, state] = row
    if (breaker === 'closed' && health !== 'unhealthy' && state === 'up') continue
    rows[key] = withoutTries(row)
  }
  return rows
}

/** Returns the row of a node for another second than that of its tries. */
function withoutTries([inFlight, , , breaker, health, state]: NodeDelta): NodeDelta {
  return [inFlight, 0, 0, breaker, health, state, []]
}

/** Whether a source is in the same state, whatever its age and revision are. */
export function isSameSource(a: LiveSource, b: LiveSource): boolean {
  return isDeepStrictEqual(withoutAges(a), withoutAges(b))
}

function withoutAges(source: LiveSource) {
  const sources = source.sources.map(({ ageMs: _, revision: __, ...rest }) => rest)
  return { ...source, ageMs: undefined, sources }
}
