import cluster, { type Worker } from 'node:cluster'
import { MAX_TIMER_MS } from '../../config/kit/values.ts'
import type { ChangeEntry, RequestEntry } from '../../routes/admin/api-types.ts'
import type { MetricValues } from '../../routes/admin/metrics/metric-values.ts'
import { RemoteError } from '../cli/format-error.ts'
import type { ListenWhen, PublicAddresses } from '../gateway/gateway-types.ts'
import type { HealthNews } from '../gateway/live-health.ts'
import {
  type PageQuestion,
  type SentMemory,
  type ToPrimary,
  type ToWorker,
  WORKER_MARK,
  type WorkerSettings,
} from './messages.ts'

export interface WorkerExit {
  readonly code: number | null
  readonly signal: string | null
}

interface Ask {
  readonly parts: readonly unknown[]
  readonly take: (part: unknown) => void
  readonly settle: (parts: readonly unknown[] | undefined) => void
}

/** By default glibc has an arena per thread. The few threads of a worker that allocate can share one: 2 MB less. */
const ONE_ARENA = { MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '1' }
/** How much longer than it should take a worker may take to end, before it is killed. */
const KILL_MARGIN_MS = 5_000

export interface WorkerStart {
  /** Is written to its stdin, see `keepProgram`. */
  readonly program: Uint8Array
  /** What workers before it have remembered of the registry. */
  readonly remembered?: readonly SentMemory[] | undefined
}

/** The primary's side of one worker, from its start to its end. */
export class WorkerProcess {
  /** Undefined when the system could not create the process. */
  readonly pid: number | undefined
  readonly startedAt = performance.now()
  /** Resolves with the address it listens on. Rejects when it cannot listen, or exits before it does. */
  readonly listening: Promise<PublicAddresses>
  readonly exited: Promise<WorkerExit>
  /** Its final totals, received just before it exits. */
  readonly last: MetricValues[] = []
  /** Called with the verdicts of its health checks. */
  onHealth: (news: HealthNews) => void = () => {}
  /** Called with what it remembers of a source of the registry. */
  onRemembered: (remembered: SentMemory) => void = () => {}
  /** Called with requests that ended while somebody watches, and how many were left out. */
  onRequests: (items: readonly RequestEntry[], lost: Readonly<Record<string, number>>) => void = () => {}
  /** Called with a change of the table while somebody watches. */
  onChange: (change: ChangeEntry) => void = () => {}
  readonly #worker: Worker
  readonly #settings: WorkerSettings
  readonly #asks = new Map<number, Ask>()
  #nextAsk = 0
  #isListening = false
  #isLoaded = false
  #isEnding = false

  /** @throws Error when the system refuses a process synchronously; most refusals show as an exit instead */
  constructor(settings: WorkerSettings, listen: ListenWhen, { program, remembered = [] }: WorkerStart) {
    this.#settings = settings
    this.#worker = cluster.fork({ ...ONE_ARENA, ...WORKER_MARK })
    this.pid = this.#worker.process.pid
    // If it never reads them, its exit says so.
    this.#worker.process.stdin?.on('error', () => {}).end(program)
    const listening = Promise.withResolvers<PublicAddresses>()
    const exited = Promise.withResolvers<WorkerExit>()
    this.listening = listening.promise
    // Callers that wait for it still get the rejection. For a replacement that nobody waits for, the exit is logged.
    this.listening.catch(() => {})
    this.exited = exited.promise
    this.#worker.on('message', (message: ToPrimary) => {
      switch (message.type) {
        case 'listening':
          this.#isListening = true
          return listening.resolve(message.addresses)
        case 'loaded':
          this.#isLoaded = true
          return
        case 'failed':
          return listening.reject(new RemoteError(message.text))
        case 'part':
          return this.#asks.get(message.id)?.take(message.part)
        case 'answered':
          return this.#answered(message.id)
        case 'health':
          return this.onHealth(message.news)
        case 'requests':
          return this.onRequests(message.items, message.lost)
        case 'change':
          return this.onChange(message.change)
        case 'remembered':
          return this.onRemembered(message.remembered)
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
        `waygate: worker ${this.pid} exited before it listened (${signal ?? `exit code ${code}`})`,
      ),
    )
    // Without a listener, an error event would end the primary. A message that could not be sent needs no handling:
    // the exit event follows. A process that could not be created (no memory, too many of them) has only this event.
    this.#worker.on('error', (error: Error) => {
      if (this.pid === undefined)
        end({ code: null, signal: null }, `waygate: a worker cannot be started (${error.message})`)
    })
    this.#send({ type: 'start', settings, listen, remembered })
  }

  /** Whether it gets connections: it listens and has not been asked to end. */
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

  /** Makes it run the health checks, which one worker at a time does, or run them no longer. */
  check(isWanted: boolean): void {
    this.#send({ type: 'check', isWanted })
  }

  /** Makes it tell what happens there, such as requests that fit one of the filters. @param filters undefined ends it */
  watch(filters: readonly string[] | undefined): void {
    this.#send({ type: 'watch', ...(filters && { filters }) })
  }

  /** Sends it the verdicts of the worker that runs the health checks. */
  sendHealth(news: HealthNews): void {
    this.#send({ type: 'health', news })
  }

  /**
   * Asks for the parts of a page. Without a page, only checks that it answers, and resolves with no parts. Resolves
   * with undefined when it does not answer in time, or a part does not follow the one before in time.
   */
  ask(page: PageQuestion | undefined, withinMs: number): Promise<readonly unknown[] | undefined> {
    const id = this.#nextAsk++
    return new Promise(resolve => {
      const timer = setTimeout(() => settle(undefined), withinMs)
      const settle = (parts: readonly unknown[] | undefined) => {
        clearTimeout(timer)
        this.#asks.delete(id)
        resolve(parts)
      }
      const parts: unknown[] = []
      const take = (part: unknown) => {
        parts.push(part)
        timer.refresh()
      }
      this.#asks.set(id, { parts, take, settle })
      this.#send({ type: 'ask', id, ...(page && { page }) })
    })
  }

  /** Ends it because another has replaced it: it accepts no more connections, and exits when its clients have left. */
  retire(): void {
    const { drainMs, shutdownTimeoutMs } = this.#settings.config
    this.#end('retire', Math.max(drainMs, shutdownTimeoutMs) + shutdownTimeoutMs)
  }

  /** Ends it because the whole gateway shuts down. It keeps serving for `drainMs`. */
  drain(): void {
    const { drainMs, shutdownTimeoutMs } = this.#settings.config
    this.#end('drain', drainMs + shutdownTimeoutMs)
  }

  /** Kills a worker that hangs. It counts as crashed, and is replaced. */
  killSilent(): void {
    this.#worker.process.kill('SIGKILL')
  }

  kill(): void {
    this.#isEnding = true
    this.#worker.process.kill('SIGKILL')
  }

  #end(type: 'retire' | 'drain', withinMs: number): void {
    this.#isEnding = true
    this.#send({ type })
    const timer = setTimeout(() => this.kill(), Math.min(withinMs + KILL_MARGIN_MS, MAX_TIMER_MS))
    void this.exited.then(() => clearTimeout(timer))
  }

  #answered(id: number): void {
    const ask = this.#asks.get(id)
    ask?.settle(ask.parts)
  }

  #send(message: ToWorker): void {
    // If it is gone, the exit event says so.
    if (this.#worker.isConnected()) this.#worker.send(message, () => {})
  }
}
