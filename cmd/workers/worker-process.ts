import cluster, { type Worker } from 'node:cluster'
import type { AddressInfo } from 'node:net'
import type { MetricValues } from '../../routes/admin/metric-values.ts'
import { RemoteError } from '../cli/format-error.ts'
import type { ListenWhen } from '../gateway/gateway-types.ts'
import type { HealthNews } from '../gateway/live-health.ts'
import { endUntakenConnection } from './handovers.ts'
import { WORKER_MARK } from './is-worker.ts'
import type { PageName, ToPrimary, ToWorker, WorkerSettings } from './messages.ts'
import type { StrippedSources } from './stripped-sources.ts'

export interface WorkerExit {
  readonly code: number | null
  readonly signal: string | null
}

interface Ask {
  readonly parts: unknown[]
  readonly settle: (parts: readonly unknown[] | undefined) => void
}

/** glibc gives each thread memory of its own to allocate from; the few of a worker that allocate need none: 2 MB. */
const ONE_ARENA = { MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '1' }
/** For a worker to do what it should have done by itself. */
const KILL_MARGIN_MS = 5_000

/** The primary's side of one worker, from its start to its end. */
export class WorkerProcess {
  /** Undefined when the system could not make the process. */
  readonly pid: number | undefined
  readonly startedAt = performance.now()
  /** Where it listens. Rejects with why it cannot, or with its end before that. */
  readonly listening: Promise<AddressInfo>
  readonly exited: Promise<WorkerExit>
  /** What it has counted, told when it was about to end. */
  readonly last: MetricValues[] = []
  /** Told what it has found of nodes. */
  onHealth: (news: HealthNews) => void = () => {}
  readonly #worker: Worker
  readonly #settings: WorkerSettings
  readonly #asks = new Map<number, Ask>()
  #nextAsk = 0
  #isListening = false
  #isLoaded = false
  #isEnding = false

  /** @throws Error when the system refuses a process at once; most refusals come as its end */
  constructor(settings: WorkerSettings, listen: ListenWhen, sources?: StrippedSources) {
    this.#settings = settings
    this.#worker = cluster.fork({ ...ONE_ARENA, ...WORKER_MARK })
    this.pid = this.#worker.process.pid
    // Whether it came to read them is told by its exit.
    this.#worker.process.stdin?.on('error', () => {}).end(sources?.text)
    endUntakenConnection(this.#worker.process)
    const listening = Promise.withResolvers<AddressInfo>()
    const exited = Promise.withResolvers<WorkerExit>()
    this.listening = listening.promise
    // Who waits for it hears of it; a replacement that nobody waits for is logged by its exit.
    this.listening.catch(() => {})
    this.exited = exited.promise
    this.#worker.on('message', (message: ToPrimary) => {
      switch (message.type) {
        case 'listening':
          this.#isListening = true
          return listening.resolve(message.address)
        case 'loaded':
          this.#isLoaded = true
          return
        case 'failed':
          return listening.reject(new RemoteError(message.text))
        case 'part':
          return void this.#asks.get(message.id)?.parts.push(message.part)
        case 'answered':
          return this.#answered(message.id)
        case 'health':
          return this.onHealth(message.news)
        case 'last':
          return void this.last.push(message.metric)
        default:
          return message satisfies never
      }
    })
    const end = (exit: WorkerExit, reason: string) => {
      this.#isListening = false
      listening.reject(new RemoteError(reason))
      for (const id of this.#asks.keys()) this.#asks.get(id)!.settle(undefined)
      exited.resolve(exit)
    }
    this.#worker.once('exit', (code: number | null, signal: string | null) =>
      end(
        { code, signal },
        `waygate: worker ${this.pid} ended before it listened (${signal ?? `exit code ${code}`})`,
      ),
    )
    // An error that nobody hears would end the primary. What could not be sent is told by the exit; a process that
    // could not be made (no memory, too many of them) has no other end than this.
    this.#worker.on('error', (error: Error) => {
      if (this.pid === undefined)
        end({ code: null, signal: null }, `waygate: a worker cannot be started (${error.message})`)
    })
    this.#send({ type: 'start', settings, listen })
  }

  /** Whether connections may be handed to it: it listens and was not asked to end. */
  get isServing(): boolean {
    return this.#isListening && !this.#isEnding
  }

  /** Whether it has a table to serve from. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Whether it was asked to end. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Has it check nodes; one of the workers does. */
  check(): void {
    this.#send({ type: 'check' })
  }

  /** Tells it what another has found of nodes. */
  tellHealth(news: HealthNews): void {
    this.#send({ type: 'health', news })
  }

  /** The parts of a page, or none of no page; undefined when it does not answer in time. */
  ask(page: PageName | undefined, withinMs: number): Promise<readonly unknown[] | undefined> {
    const id = this.#nextAsk++
    return new Promise(resolve => {
      const timer = setTimeout(() => settle(undefined), withinMs)
      const settle = (parts: readonly unknown[] | undefined) => {
        clearTimeout(timer)
        this.#asks.delete(id)
        resolve(parts)
      }
      this.#asks.set(id, { parts: [], settle })
      this.#send({ type: 'ask', id, ...(page && { page }) })
    })
  }

  /** Another takes its place: it takes no connection more, and ends when the clients that it has are gone. */
  retire(): void {
    const { drainMs, shutdownTimeoutMs } = this.#settings.config
    this.#end('retire', Math.max(drainMs, shutdownTimeoutMs) + shutdownTimeoutMs)
  }

  /** The whole gateway ends, as soon as `leave()` is called. */
  drain(): void {
    const { drainMs, shutdownTimeoutMs } = this.#settings.config
    this.#end('drain', drainMs + shutdownTimeoutMs)
  }

  /** No connection comes any more. */
  leave(): void {
    this.#send({ type: 'leave' })
  }

  kill(): void {
    this.#isEnding = true
    this.#worker.process.kill('SIGKILL')
  }

  #end(type: 'retire' | 'drain', withinMs: number): void {
    this.#isEnding = true
    this.#send({ type })
    const timer = setTimeout(() => this.kill(), withinMs + KILL_MARGIN_MS)
    void this.exited.then(() => clearTimeout(timer))
  }

  #answered(id: number): void {
    const ask = this.#asks.get(id)
    ask?.settle(ask.parts)
  }

  #send(message: ToWorker): void {
    // That it is gone is told by its exit.
    if (this.#worker.isConnected()) this.#worker.send(message, () => {})
  }
}
