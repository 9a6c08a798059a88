import { isDeepStrictEqual } from 'node:util'
import { type Filter, parseFilter } from '../../../internal/telemetry/filter.ts'
import type { ChangeEntry, LiveListener, RequestEntry } from '../../../routes/admin/api-types.ts'
import { mergeProblems, mergeSources } from '../../../routes/admin/merge-pages.ts'
import type { TableProblem } from '../../../routes/admin/views.ts'
import { isSameSource, type LiveDelta, type LiveSource, type LiveTableChange } from './live-feed.ts'
import { FiguresMerger, type MergedFigures } from './merge-figures.ts'

const EVERY_MS = 1_000

export interface LiveWatchOptions {
  /** Called when the first listener has come, when the last has gone, which is undefined, and when other requests are wanted. */
  readonly onFilters: (filters: readonly string[] | undefined) => void
  /** Returns what has changed in each process since the call before; undefined for one that does not answer. */
  readonly take: () => Promise<LiveDeltas>
  readonly onError: (error: unknown) => void
}

type LiveDeltas = ReadonlyMap<string, LiveDelta | undefined>

interface Watching {
  readonly listener: LiveListener
  readonly fits: Filter | undefined
  /** Whether it has had figures, so that what has changed is enough. */
  hasFigures: boolean
}

/** The listeners of one gateway. Each second, while there are any, it takes what has changed and tells them. */
export class LiveWatch {
  readonly #options: LiveWatchOptions
  readonly #watching = new Set<Watching>()
  #timer: NodeJS.Timeout | undefined = undefined
  #merger = new FiguresMerger()
  /** What each process has told last. */
  readonly #sources = new Map<string, LiveSource>()
  readonly #problems = new Map<string, readonly TableProblem[]>()
  /** What is known of all of them together. */
  #source: LiveSource | undefined = undefined
  #allProblems: readonly TableProblem[] | undefined = undefined
  #isOver = false

  constructor(options: LiveWatchOptions) {
    this.#options = options
  }

  /** See `ApiPages.watch`. */
  watch(listener: LiveListener): () => void {
    const { filter = '' } = listener
    const watching = { listener, fits: filter === null ? undefined : parseFilter(filter), hasFigures: false }
    if (this.#isOver) return () => {}
    this.#watching.add(watching)
    this.#filtersChanged()
    if (this.#watching.size === 1) this.#begin()
    return () => {
      if (!this.#watching.delete(watching)) return
      if (this.#watching.size === 0) this.#end()
      else this.#filtersChanged()
    }
  }

  /** Tells of a request that fits one of the filters. */
  request(request: RequestEntry): void {
    for (const { listener, fits } of this.#watching) if (fits?.(request)) listener.onRequest(request)
  }

  /** Tells how many requests that fit each filter were left out. @param requests by filter, those of which there are any */
  lost(requests: Readonly<Record<string, number>>): void {
    for (const { listener } of this.#watching) {
      const { filter = '' } = listener
      if (filter !== null && Object.hasOwn(requests, filter)) listener.onLost?.(requests[filter]!)
    }
  }

  change(change: ChangeEntry): void {
    for (const { listener } of this.#watching) listener.onChange(change)
  }

  /** Tells all listeners that the gateway shuts down. Nothing follows. */
  bye(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    const all = [...this.#watching]
    this.#watching.clear()
    if (all.length > 0) this.#end()
    for (const { listener } of all) listener.onBye(reason)
  }

  #filtersChanged(): void {
    const filters = [...this.#watching].map(({ listener: { filter = '' } }) => filter)
    this.#options.onFilters([...new Set(filters.filter(filter => filter !== null))])
  }

  #begin(): void {
    this.#merger = new FiguresMerger()
    this.#tickLater(EVERY_MS)
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sources.clear()
    this.#problems.clear()
    this.#source = undefined
    this.#allProblems = undefined
    this.#options.onFilters(undefined)
  }

  #tickLater(ms: number): void {
    const timer = setTimeout(async () => {
      const begunAt = performance.now()
      await this.#tick(timer).catch(this.#options.onError)
      // Somebody may have stopped watching meanwhile, and others have begun anew.
      if (this.#timer === timer) this.#tickLater(Math.max(0, EVERY_MS - (performance.now() - begunAt)))
    }, ms).unref()
    this.#timer = timer
  }

  async #tick(timer: NodeJS.Timeout): Promise<void> {
    const deltas = await this.#options.take()
    if (this.#timer !== timer || deltas.size === 0) return
    const figures = new Map([...deltas].map(([process, delta]) => [process, delta?.figures]))
    this.#tellFigures(this.#merger.merge(figures, Date.now()))
    const table = mergeTables([...deltas.values()].flatMap(delta => delta?.table ?? []))
    if (table) this.#tell(listener => listener.onTable(table))
    if (note(this.#sources, deltas, delta => delta.source)) {
      const source = mergeSources([...this.#sources.values()])
      // What the listeners were told when they came may be older than the first tick.
      const isNews = this.#source === undefined || !isSameSource(source, this.#source)
      this.#source = source
      if (isNews) this.#tell(listener => listener.onSource(source))
    }
    if (note(this.#problems, deltas, delta => delta.problems)) {
      const problems = mergeProblems([...this.#problems.values()])
      const isNews = !isDeepStrictEqual(problems, this.#allProblems)
      this.#allProblems = problems
      if (isNews) this.#tell(listener => listener.onProblems(problems))
    }
  }

  #tellFigures({ changed, whole }: MergedFigures): void {
    for (const watching of this.#watching) {
      watching.listener.onFigures(watching.hasFigures ? changed : whole(), whole)
      watching.hasFigures = true
    }
  }

  #tell(tell: (listener: LiveListener) => void): void {
    for (const { listener } of this.#watching) tell(listener)
  }
}

/** Notes what processes have told. @returns whether there is anything new to merge */
function note<Fact>(
  known: Map<string, Fact>,
  deltas: LiveDeltas,
  read: (delta: LiveDelta) => Fact | undefined,
): boolean {
  let isNews = false
  for (const process of known.keys()) if (!deltas.has(process)) isNews = known.delete(process)
  for (const [process, delta] of deltas) {
    const fact = delta && read(delta)
    if (fact === undefined) continue
    known.set(process, fact)
    isNews = true
  }
  // The processes that are left may not have told anything yet.
  return isNews && known.size > 0
}

function mergeTables(all: readonly LiveTableChange[]): LiveTableChange | undefined {
  const [first, ...rest] = all
  if (first === undefined) return undefined
  return rest.reduce((a, b) => {
    const revision = BigInt(a.revision ?? -1) > BigInt(b.revision ?? -1) ? a.revision : b.revision
    if (isWhole(a) || isWhole(b)) return { revision, routes: [], services: [] }
    return {
      revision,
      routes: [...new Set([...a.routes, ...b.routes])],
      services: [...new Set([...a.services, ...b.services])],
    }
  }, first)
}

function isWhole({ routes, services }: LiveTableChange): boolean {
  return routes.length === 0 && services.length === 0
}
