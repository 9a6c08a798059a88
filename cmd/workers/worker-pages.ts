import type { CheckPage, CheckQuestion, ExplainPage, ExplainQuestion } from '../../routes/admin/explain.ts'
import { mergeMethods, mergeRoutes, mergeServices } from '../../routes/admin/merge-pages.ts'
import { mergeMetrics } from '../../routes/admin/metrics/merge-metrics.ts'
import { type MetricValues, toFamily } from '../../routes/admin/metrics/metric-values.ts'
import { MetricsPage } from '../../routes/admin/metrics/metrics-page.ts'
import type { PageFormat } from '../../routes/admin/metrics/metrics-text.ts'
import { createPrimaryMetrics } from '../../routes/admin/metrics/primary-metrics.ts'
import type { ReloadCounts } from '../../routes/admin/metrics/reload-metrics.ts'
import type { AdminPages, MethodsPage, RouteList, ServicesPage } from '../../routes/admin/page-types.ts'
import type { PageQuestion } from './messages.ts'
import { joinParts } from './page-parts.ts'
import { PastTotals } from './past-totals.ts'
import type { WorkerPool } from './pool.ts'
import type { WorkerProcess } from './worker-process.ts'

/** How long a worker has to begin its answer, and to go on with it; one that takes longer is left out. */
const ANSWER_WITHIN_MS = 2_000

/** The admin pages of all workers: collects their answers at each request and merges them. */
export class WorkerPages implements AdminPages {
  readonly #ownMetrics: ReturnType<typeof createPrimaryMetrics>
  readonly #metricsPage = new MetricsPage()
  readonly #past = new PastTotals()
  /** The workers whose totals are included in `#past`. */
  readonly #kept = new WeakSet<WorkerProcess>()
  /** The latest change of `#past`; each starts when the one before has finished. */
  #keeping: Promise<void> = Promise.resolve()
  #pool: WorkerPool | undefined
  #isStopping = false
  #silent = 0

  /** @param reloads how often the configuration was loaded again, which the primary does */
  constructor(reloads: ReloadCounts = { succeeded: 0, failed: 0 }) {
    this.#ownMetrics = createPrimaryMetrics({
      workers: () => this.#pool?.serving.length ?? 0,
      restarts: () => this.#pool?.restarts ?? 0,
      silent: () => this.#silent,
      killed: () => this.#pool?.killed ?? 0,
      reloads,
    })
  }

  /** Sets the pool whose workers are shown. Before that, there is nothing to show. */
  show(pool: WorkerPool): void {
    this.#pool = pool
  }

  /** Reports not ready from now on. */
  stop(): void {
    this.#isStopping = true
  }

  /** Keeps the totals of a worker that has ended, so that the totals shown do not fall. */
  keep(worker: WorkerProcess): Promise<void> {
    // One at a time: each addition is asynchronous, and builds on the result of the one before.
    const kept = this.#keeping.then(() => this.#add(worker))
    this.#keeping = kept.catch(() => {})
    return kept
  }

  async #add(worker: WorkerProcess): Promise<void> {
    // A worker that ended before it served has no totals, and no list of nodes.
    if (worker.last.length === 0) return
    await this.#past.add(worker.last)
    this.#kept.add(worker)
  }

  isReady(): boolean {
    const { answering, serving } = this.#pool ?? NO_POOL
    // A worker without a table gets connections as well, and one that is still starting may answer late.
    return !this.#isStopping && answering.length > 0 && serving.every(worker => worker.isLoaded)
  }

  async routes(): Promise<RouteList> {
    const answers = await this.#ask('routes', this.#pool?.serving ?? [])
    const pages = answers.map(({ worker, parts }) => ({
      // It has answered, so it has a process.
      pid: worker.pid!,
      page: joinParts<RouteList>(parts),
    }))
    return pages.length > 0 ? mergeRoutes(pages) : NO_ROUTES
  }

  async services(): Promise<ServicesPage> {
    const answers = await this.#ask('services', this.#pool?.serving ?? [])
    return mergeServices(answers.map(({ parts }) => joinParts<ServicesPage>(parts)))
  }

  explain(question: ExplainQuestion): Promise<ExplainPage | undefined> {
    return this.#askOne({ explain: question })
  }

  check(question: CheckQuestion): Promise<CheckPage | undefined> {
    return this.#askOne({ check: question })
  }

  /**
   * Asks one worker after the other, until one answers: all of them have the same table. A reload may replace them meanwhile.
   */
  async #askOne<Answer>(question: PageQuestion): Promise<Answer | undefined> {
    const asked = new Set<WorkerProcess>()
    for (;;) {
      const { answering, serving } = this.#pool ?? NO_POOL
      const worker = [...answering, ...serving].find(each => !asked.has(each))
      if (worker === undefined) return undefined
      asked.add(worker)
      const [answer] = await this.#ask(question, [worker])
      if (answer) return answer.parts[0] as Answer
    }
  }

  async methods(service: string): Promise<MethodsPage | undefined> {
    const answers = await this.#ask({ methodsOf: service }, this.#pool?.serving ?? [])
    // A worker that has no such service answers with nothing.
    return mergeMethods(answers.flatMap(({ parts }) => (parts[0] as MethodsPage | undefined) ?? []))
  }

  /** Renders the metrics of all workers, including those that finish their last requests. */
  async metrics(format?: PageFormat): Promise<readonly string[]> {
    const answers = await this.#ask('metrics', this.#pool?.all ?? [])
    const all = answers.flatMap(({ parts }) => parts as MetricValues[])
    this.#keeping = this.#keeping.then(() => this.#past.drop(all)).catch(() => {})
    // A worker that has ended since it was asked must be counted exactly once: in #past.
    await this.#keeping
    const ofWorkers = answers
      .filter(({ worker }) => !this.#kept.has(worker))
      .flatMap(({ parts }) => parts as MetricValues[])
    const merged = await mergeMetrics([...ofWorkers, ...this.#past.values, ...(await this.#ownMetrics())])
    return this.#metricsPage.text(merged.map(toFamily), format)
  }

  async #ask(page: PageQuestion, workers: readonly WorkerProcess[]) {
    const answers = await Promise.all(
      workers.map(async worker => ({ worker, parts: await worker.ask(page, ANSWER_WITHIN_MS) })),
    )
    const heard = answers.filter(({ parts }) => parts !== undefined && parts.length > 0)
    this.#silent += answers.length - heard.length
    return heard as { worker: WorkerProcess; parts: readonly unknown[] }[]
  }
}

const NO_POOL: Pick<WorkerPool, 'answering' | 'serving'> = { answering: [], serving: [] }

/** What is said of the registry while no worker answers. */
export const NO_SOURCE: RouteList['source'] = {
  registry: '',
  connected: false,
  stale: true,
  ageMs: undefined,
  reason: 'no worker answers',
  drift: 0,
  relists: {},
  skipped: 0,
  suspects: 0,
  sources: [],
}

const NO_ROUTES: RouteList = {
  revision: null,
  source: NO_SOURCE,
  defaultAuth: null,
  routes: [],
  services: [],
  problems: [],
  workers: [],
}
