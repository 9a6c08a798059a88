import type { StreamEvent } from '../internal/telemetry/event-parser.ts'
import type {
  ChangeEntry,
  FiguresPage,
  LiveFigures,
  LiveProblems,
  LiveRequests,
  LiveTablePart,
  NodeFigures,
  RequestEntry,
  StatusPage,
} from '../routes/admin/api-types.ts'
import type { ListedRoute, ServicePage } from '../routes/admin/page-types.ts'
import type { TableProblem } from '../routes/admin/views.ts'
import type { StreamState } from './live-stream.ts'
import { FORGOTTEN_MS, KEPT_MS, RATE_MS, Series, STALE_MS } from './series.ts'

const KEPT_CHANGES = 500
const KEPT_REQUESTS = 500
/** What is shown in place of what is not known yet. */
export const LOADING = 'Loading …'

/** What the page knows of the gateway. It is changed in place; `onChange` is called after each change. */
export class Model {
  status: StatusPage | undefined
  stream: StreamState = { kind: 'connecting' }
  /** How often the stream was opened. What ended between two streams has to be loaded. */
  streams = 0
  revision: string | null = null
  source: StatusPage['source'] | undefined
  /** When `source` came, on the clock of this machine. */
  sourceAt = 0
  problems: readonly TableProblem[] = []
  routes = new Map<string, ListedRoute>()
  services = new Map<string, ServicePage>()
  /** Counts changes of `routes` and `services`, for whoever keeps what was computed of them. */
  tableVersion = 0
  hasTable = false
  readonly total = new Series()
  readonly routeSeries = new Map<string, Series>()
  readonly serviceSeries = new Map<string, Series>()
  /** By `service/id`. */
  readonly nodes = new Map<string, LiveNode>()
  inFlight = 0
  /** Retries begun in the last ten seconds or so, one count a second. */
  retries: readonly number[] = []
  /** The time of the latest figures, on the clock of the gateway. */
  now = Date.now()
  /** When they came, on the clock of this machine. */
  figuresAt = Date.now()
  /** Newest first. */
  changes: readonly ChangeEntry[] = []
  /** Why the changes from before the page was opened are not among them; undefined when they are. */
  changesMissing: string | undefined = LOADING
  /** Requests of the tail, newest first, and how many were left out between them. */
  tail: readonly RequestEntry[] = []
  lost = 0
  /** While the tail is paused, requests wait here. */
  waiting: readonly RequestEntry[] = []
  isPaused = false
  /** How many requests a second fit the filter of the tail, as the last batch said, and when it came. */
  #sampled: { readonly perSecond: number | undefined; readonly at: number } | undefined
  /** Changes that came since the stream began, newest first. */
  #brought: readonly ChangeEntry[] = []
  /** Requests that came since the tail has its filter, newest first. */
  #broughtRequests: readonly RequestEntry[] = []
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  apply({ type, data }: StreamEvent): void {
    const value: unknown = JSON.parse(data)
    if (type === 'table') this.#applyTable(value as LiveTablePart)
    else if (type === 'figures') this.#applyFigures(value as LiveFigures)
    else if (type === 'source') this.setSource(value as StatusPage['source'])
    else if (type === 'problem') this.problems = (value as LiveProblems).items
    else if (type === 'change') this.#addChange(value as ChangeEntry)
    else if (type === 'requests') this.#addRequests(value as LiveRequests)
    this.#onChange()
  }

  setStream(stream: StreamState): void {
    if (stream.kind === 'live' && this.stream.kind === 'live') return
    if (stream.kind === 'live') {
      this.streams++
      this.figuresAt = Date.now()
      this.#brought = []
    }
    // A stream that is opened at another path has another filter.
    if (stream.kind === 'connecting') this.#broughtRequests = []
    this.stream = stream
    this.#onChange()
  }

  setStatus(status: StatusPage): void {
    this.status = status
    this.revision = status.revision
    this.setSource(status.source)
    this.#onChange()
  }

  setSource(source: StatusPage['source']): void {
    this.source = source
    this.sourceAt = Date.now()
  }

  /** Takes over the ten minutes before the page was opened. */
  setFigures({ total, routes, services }: FiguresPage): void {
    this.total.replace(total)
    for (const [id, samples] of Object.entries(routes)) seriesOf(this.routeSeries, id).replace(samples)
    for (const [name, samples] of Object.entries(services))
      seriesOf(this.serviceSeries, name).replace(samples)
    this.now = Math.max(this.now, total.at(-1)?.t ?? 0)
    this.#onChange()
  }

  /** Takes over the changes from before the stream began, newest first. The stream may be ahead of them. */
  setChanges(changes: readonly ChangeEntry[]): void {
    const later = this.#brought.filter(each => !has(changes, each))
    this.changes = [...later, ...changes].slice(0, KEPT_CHANGES)
    this.changesMissing = undefined
    this.#onChange()
  }

  /** Notes why the changes from before the stream began cannot be loaded. */
  missChanges(reason: string): void {
    if (this.changesMissing !== undefined) this.changesMissing = reason
    this.#onChange()
  }

  /** Begins the tail anew, with requests of before. The stream may be ahead of them. */
  setTail(requests: readonly RequestEntry[]): void {
    const loaded = new Set(requests.map(({ requestId }) => requestId))
    const later = this.#broughtRequests.filter(({ requestId }) => !loaded.has(requestId))
    this.tail = [...later, ...requests].sort((a, b) => endOf(b) - endOf(a)).slice(0, KEPT_REQUESTS)
    this.waiting = []
    this.lost = 0
    this.#sampled = undefined
    this.#onChange()
  }

  /** Holds the tail while it is read, or goes on with what has come meanwhile. */
  pause(isPaused: boolean): void {
    this.isPaused = isPaused
    if (!isPaused) {
      this.tail = [...this.waiting, ...this.tail].slice(0, KEPT_REQUESTS)
      this.waiting = []
    }
    this.#onChange()
  }

  /** How many requests a second fit the filter of the tail, while it is a sample of them. Without requests, no batch comes. */
  get perSecond(): number | undefined {
    const { perSecond, at = 0 } = this.#sampled ?? {}
    return Date.now() - at < STALE_MS ? perSecond : undefined
  }

  /**
   * Returns the changes of routes, and of the nodes of a service.
   *
   * @param service '' = none
   * @param routes the ids of routes
   */
  changesOf(service: string, routes: ReadonlySet<string>): readonly ChangeEntry[] {
    return this.changes.filter(change =>
      change.kind === 'route' ? routes.has(change.id) : service !== '' && change.service === service,
    )
  }

  /** Returns what is shown in place of rows of the table where there are none. */
  emptyText(text: string): string {
    return this.hasTable ? text : LOADING
  }

  /** How many rows figures can have. */
  get rowCount(): number {
    return [...this.services.values()].reduce((sum, { nodes }) => sum + nodes.length + 1, this.routes.size)
  }

  #applyTable({ whole, revision, routes, services, gone }: LiveTablePart): void {
    if (whole || !this.hasTable) {
      this.routes = new Map()
      this.services = new Map()
      for (const series of [...this.routeSeries.values(), ...this.serviceSeries.values()])
        series.latest = undefined
      this.nodes.clear()
    }
    this.hasTable = true
    this.revision = revision
    for (const route of routes) this.routes.set(route.id, route)
    for (const service of services) this.services.set(service.name, service)
    for (const id of gone.routes) this.routes.delete(id)
    for (const name of gone.services) this.services.delete(name)
    const ids = new Map(services.map(({ name, nodes }) => [name, new Set(nodes.map(({ id }) => id))]))
    for (const key of this.nodes.keys()) {
      const [service, id] = splitNodeKey(key)
      if (gone.services.includes(service) || ids.get(service)?.has(id) === false) this.nodes.delete(key)
    }
    this.tableVersion++
  }

  #applyFigures({ t, omitted, total, inFlight, retries, routes, services, nodes }: LiveFigures): void {
    this.now = t
    this.figuresAt = Date.now()
    this.inFlight = inFlight
    this.retries = [...this.retries.slice(-9), retries]
    this.total.add(t, total)
    addAll(this.routeSeries, t, routes, omitted)
    addAll(this.serviceSeries, t, services, omitted)
    for (const [key, figures] of Object.entries(nodes)) {
      const node = this.nodes.get(key) ?? new LiveNode(figures)
      this.nodes.set(key, node)
      node.add(t, figures)
    }
    if (omitted === 'unknown') return
    for (const [key, node] of this.nodes) {
      if (Object.hasOwn(nodes, key)) continue
      if (omitted === 'none') node.rest(t)
      else node.add(t, node.figures)
    }
  }

  /** Whether the gateway has sent no figures for a while although it is connected. */
  get isLate(): boolean {
    return this.stream.kind === 'live' && Date.now() - this.figuresAt > STALE_MS
  }

  #addChange(change: ChangeEntry): void {
    if (has(this.changes, change)) return
    this.#brought = [change, ...this.#brought].slice(0, KEPT_CHANGES)
    this.changes = [change, ...this.changes].slice(0, KEPT_CHANGES)
  }

  #addRequests({ items, lost, perSecond }: LiveRequests): void {
    this.lost += lost
    this.#sampled = { perSecond, at: Date.now() }
    const known = new Set([...this.waiting, ...this.tail].slice(0, 200).map(({ requestId }) => requestId))
    const fresh = items.filter(({ requestId }) => !known.has(requestId)).reverse()
    this.#broughtRequests = [...fresh, ...this.#broughtRequests].slice(0, KEPT_REQUESTS)
    if (this.isPaused) this.waiting = [...fresh, ...this.waiting].slice(0, KEPT_REQUESTS)
    else this.tail = [...fresh, ...this.tail].slice(0, KEPT_REQUESTS)
  }
}

function endOf({ at, totalMs }: RequestEntry): number {
  return at + totalMs
}

function has(changes: readonly ChangeEntry[], { revision, key, after }: ChangeEntry): boolean {
  return changes.some(each => each.revision === revision && each.key === key && each.after === after)
}

/** A node that has failed at fewer tries in a row may only have met a bad request. */
const FAILS_AFTER = 2

/** The last seconds of a node. */
export class LiveNode {
  figures: NodeFigures
  /** Tries in a row that failed, as far as whole seconds tell. */
  #failedInARow = 0
  /** The time of the last second that was told. */
  #at = 0
  #recent: { readonly t: number; readonly n: number; readonly failures: number }[] = []

  constructor(figures: NodeFigures) {
    this.figures = figures
  }

  add(t: number, figures: NodeFigures): void {
    this.figures = figures
    this.#at = t
    const [, n, failures] = figures
    if (n > 0) {
      this.#recent.push({ t, n, failures })
      this.#failedInARow = failures < n ? 0 : this.#failedInARow + n
    }
    while (this.#recent.length > 0 && this.#recent[0]!.t <= t - RATE_MS) this.#recent.shift()
    if (this.#recent.length === 0) this.#failedInARow = 0
  }

  /** Whether it fails at everything it is asked. Its breaker opens some tries later. */
  get isFailing(): boolean {
    return this.#failedInARow >= FAILS_AFTER
  }

  /** Notes that it has nothing to do, and is well. */
  rest(t: number): void {
    const health = this.figures[6] === 'unhealthy' ? 'healthy' : this.figures[6]
    this.add(t, [0, 0, 0, null, null, 'closed', health, 'up'])
  }

  /**
   * Returns its tries in the 5 s before `now`, a second, and the share of them that failed, or those before the last second that was
   * told, as {@link Series.present} does.
   */
  present(now: number): NodePresent {
    const age = now - this.#at
    const isStale = this.figures[1] > 0 && age > STALE_MS && age <= FORGOTTEN_MS
    const end = isStale ? this.#at : now
    let [tries, failures] = [0, 0]
    for (const each of this.#recent) {
      if (each.t <= end - RATE_MS) continue
      tries += each.n
      failures += each.failures
    }
    return tries === 0 ? NO_TRIES : { rate: (tries * 1000) / RATE_MS, failures: failures / tries, isStale }
  }
}

interface NodePresent {
  readonly rate: number
  readonly failures: number | null
  readonly isStale: boolean
}

/** Those of a node that is not asked. */
export const NO_TRIES: NodePresent = { rate: 0, failures: null, isStale: false }

/** Splits `service/id`; the id of a node may contain slashes, the name of a service does not. */
function splitNodeKey(key: string): [service: string, id: string] {
  const at = key.indexOf('/')
  return [key.slice(0, at), key.slice(at + 1)]
}

const NO_REQUESTS: LiveFigures['total'] = [0, 0, 0, null, null]

function seriesOf(all: Map<string, Series>, key: string): Series {
  const series = all.get(key) ?? new Series()
  all.set(key, series)
  return series
}

function addAll(
  all: Map<string, Series>,
  t: number,
  rows: Readonly<Record<string, LiveFigures['total']>>,
  omitted: LiveFigures['omitted'],
): void {
  for (const [key, figures] of Object.entries(rows)) {
    seriesOf(all, key).add(t, figures)
  }
  for (const [key, series] of all) {
    if (Object.hasOwn(rows, key)) continue
    if (omitted !== 'unknown' && series.latest && series.latest[0] > 0)
      series.add(t, omitted === 'none' ? NO_REQUESTS : series.latest)
    else if ((series.samples.at(-1)?.t ?? 0) < t - KEPT_MS) all.delete(key)
  }
}
