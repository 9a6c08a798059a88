import { hostname } from 'node:os'
import type {
  ApiPages,
  ChangeEntry,
  FiguresPage,
  LeasePage,
  LiveListener,
  NodeDetail,
  OpenCall,
  RequestDetail,
  RequestEntry,
  RequestsQuery,
  RouteDetail,
  ServiceDetail,
  ServiceSummary,
} from '../../routes/admin/api-types.ts'
import type { HeartbeatPage, HeartbeatQuestion } from '../../routes/admin/heartbeat-types.ts'
import {
  mergeChanges,
  mergeFigures,
  mergeNodeDetails,
  mergeOpenCalls,
  mergeRequests,
  mergeRouteDetails,
  mergeServiceDetails,
  mergeStatus,
  mergeSummaries,
} from '../../routes/admin/merge-api-pages.ts'
import { mergeProblems } from '../../routes/admin/merge-pages.ts'
import type { TableProblem } from '../../routes/admin/views.ts'
import type { LiveDelta } from '../gateway/telemetry/live-feed.ts'
import { LiveWatch } from '../gateway/telemetry/live-watch.ts'
import type { ApiQuestion, AskedPages } from './messages.ts'
import { SeenChanges } from './seen-changes.ts'
import { NO_SOURCE } from './worker-pages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** How long a worker has to answer; one that takes longer is left out. */
const ANSWER_WITHIN_MS = 2_000
/** The same for what is written into the registry, which has 3 s. */
const WRITTEN_WITHIN_MS = 4_000

export interface WorkerApiOptions {
  readonly version: string
  /** The public port; undefined before it is known. */
  readonly port: () => number | undefined
  /** Whether requests can be served, and shutdown has not begun. */
  readonly isReady: () => boolean
  readonly onError: (error: unknown) => void
}

/** The API of all workers: asks those that serve, and merges what they answer. */
export class WorkerApi implements ApiPages {
  readonly #options: WorkerApiOptions
  readonly #startedAt = new Date().toISOString()
  readonly #watch: LiveWatch
  readonly #seen = new SeenChanges()
  /** The workers whose last delta has not come. */
  readonly #unheard = new WeakSet<WorkerProcess>()
  #workers: readonly WorkerProcess[] = []
  /** What workers are told to tell of; undefined while nobody watches. */
  #filters: readonly string[] | undefined = undefined

  constructor(options: WorkerApiOptions) {
    this.#options = options
    this.#watch = new LiveWatch({
      onFilters: filters => {
        this.#filters = filters
        for (const worker of this.#workers) worker.watch(filters)
      },
      take: () => this.#takeLive(),
      onError: options.onError,
    })
  }

  /**
   * Call it when other workers serve than before, or answer.
   *
   * @param answering those that have answered lately, which are asked first
   */
  update(serving: readonly WorkerProcess[], answering: readonly WorkerProcess[] = serving): void {
    const before = this.#workers
    this.#workers = [...answering, ...serving.filter(worker => !answering.includes(worker))]
    for (const worker of before) if (!serving.includes(worker)) worker.watch(undefined)
    for (const worker of serving) {
      if (before.includes(worker)) continue
      worker.onRequests = (items, lost) => {
        for (const request of items) this.#watch.request(request)
        this.#watch.lost(lost)
      }
      worker.onChange = change => {
        if (this.#seen.isNew(change, worker)) this.#watch.change(change)
      }
      if (this.#filters !== undefined) worker.watch(this.#filters)
    }
  }

  /** Tells those who watch that the gateway shuts down. */
  bye(reason: string): void {
    this.#watch.bye(reason)
  }

  async status(): ReturnType<ApiPages['status']> {
    const { version, port, isReady } = this.#options
    const answers = await this.#askEach('status')
    const pages = answers.map(({ worker, answer }) => ({ pid: worker.pid!, page: answer }))
    return {
      ...{ version, name: `${hostname()}:${port() ?? 0}`, pid: process.pid, startedAt: this.#startedAt },
      ready: isReady(),
      ...(pages.length > 0 ? mergeStatus(pages) : NOTHING_KNOWN),
    }
  }

  async problems(): Promise<readonly TableProblem[]> {
    return mergeProblems(await this.#ask('problems'))
  }

  async figures(): Promise<FiguresPage> {
    return mergeFigures(await this.#ask('figures'))
  }

  async route(id: string): Promise<RouteDetail | undefined> {
    return mergeRouteDetails(await this.#ask('route', id))
  }

  async service(name: string): Promise<ServiceDetail | undefined> {
    return mergeServiceDetails(await this.#ask('service', name))
  }

  async node(service: string, id: string): Promise<NodeDetail | undefined> {
    const times = this.#ask('nodeTimes', service, id)
    return mergeNodeDetails(await this.#ask('node', service, id), await times)
  }

  async request(id: string): Promise<RequestDetail | undefined> {
    return (await this.#ask('request', id))[0]
  }

  async serviceSummaries(): Promise<readonly ServiceSummary[]> {
    return mergeSummaries(await this.#ask('serviceSummaries'))
  }

  leases(): Promise<readonly LeasePage[] | undefined> {
    // All of them would read the same.
    return this.#askAny('leases', [])
  }

  async heartbeat(question: HeartbeatQuestion): Promise<HeartbeatPage> {
    return (await this.#askAny('heartbeat', [question], WRITTEN_WITHIN_MS)) ?? NO_WORKER
  }

  async farewell(question: HeartbeatQuestion): Promise<HeartbeatPage> {
    return (await this.#askAny('farewell', [question], WRITTEN_WITHIN_MS)) ?? NO_WORKER
  }

  async requests(query: RequestsQuery): Promise<readonly RequestEntry[]> {
    return mergeRequests(await this.#ask('requests', query), query.limit)
  }

  async inFlight(overMs: number): Promise<readonly OpenCall[]> {
    return mergeOpenCalls(await this.#ask('inFlight', overMs))
  }

  async changes(limit: number): Promise<readonly ChangeEntry[]> {
    return mergeChanges(await this.#ask('changes', limit))
  }

  watch(listener: LiveListener): () => void {
    return this.#watch.watch(listener)
  }

  async #takeLive(): Promise<ReadonlyMap<string, LiveDelta | undefined>> {
    const workers = this.#workers
    const deltas = await Promise.all(
      workers.map(async worker => {
        const delta = await askWorker(worker, 'live', [!this.#unheard.has(worker)])
        // It may have answered too late. What it has told then, it tells nobody again by itself.
        if (delta === undefined) this.#unheard.add(worker)
        else this.#unheard.delete(worker)
        return delta
      }),
    )
    return new Map(workers.map((worker, i) => [String(worker.pid), deltas[i]]))
  }

  /** Asks one worker after the other, until one answers. A reload may replace them meanwhile. */
  async #askAny<Name extends keyof AskedPages>(
    page: Name,
    args: Parameters<AskedPages[Name]>,
    withinMs = ANSWER_WITHIN_MS,
  ) {
    const asked = new Set<WorkerProcess>()
    for (;;) {
      const worker = this.#workers.find(each => !asked.has(each))
      if (worker === undefined) return undefined
      asked.add(worker)
      const answer = await askWorker(worker, page, args, withinMs)
      if (answer) return answer
    }
  }

  /** Returns the answers that are not undefined. */
  async #ask<Name extends keyof AskedPages>(page: Name, ...args: Parameters<AskedPages[Name]>) {
    return (await this.#askEach(page, ...args)).map(({ answer }) => answer)
  }

  async #askEach<Name extends keyof AskedPages>(page: Name, ...args: Parameters<AskedPages[Name]>) {
    const answers = await Promise.all(
      this.#workers.map(async worker => ({ worker, answer: await askWorker(worker, page, args) })),
    )
    return answers.flatMap(({ worker, answer }) => (answer === undefined ? [] : { worker, answer }))
  }
}

/** Asks one worker; undefined when it does not answer, or has no such thing. */
async function askWorker<Name extends keyof AskedPages>(
  worker: WorkerProcess,
  api: Name,
  args: Parameters<AskedPages[Name]>,
  withinMs = ANSWER_WITHIN_MS,
): Promise<Exclude<Awaited<ReturnType<AskedPages[Name]>>, undefined> | undefined> {
  const parts = await worker.ask({ api, args } as ApiQuestion, withinMs)
  return parts?.[0] as Exclude<Awaited<ReturnType<AskedPages[Name]>>, undefined> | undefined
}

const NO_WORKER: HeartbeatPage = { outcome: 'unreachable', detail: 'no worker answers; try again' }

const NOTHING_KNOWN = { revision: null, source: NO_SOURCE, problems: 0, workers: [] }
