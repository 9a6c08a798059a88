import cluster from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../discovery/logger.ts'
import type { ListenWhen, PublicAddresses } from '../gateway/gateway-types.ts'
import { Heartbeat } from './heartbeat.ts'
import { keepProgram } from './kept-program.ts'
import type { WorkerSettings } from './messages.ts'
import { SharedMemory } from './shared-memory.ts'
import { type WorkerExit, WorkerProcess } from './worker-process.ts'

export interface PoolOptions {
  readonly logger: Logger
  /** Called when a worker has exited as requested; its `last` is complete. */
  readonly onLast: (worker: WorkerProcess) => void
  /** Called when the set of workers that get connections has changed, or of those that answer. */
  readonly onServing: () => void
}

/** A place for one worker. It always holds one. */
interface Slot {
  /** The present worker, or the crashed one until its replacement is started. */
  worker: WorkerProcess
  /** Consecutive crashes, each soon after the start. */
  failures: number
}

/** A worker that has run this long resets the count of failures. */
const STABLE_AFTER_MS = 30_000
/** How long a new worker has to load its table during a reload; etcd may be unreachable. */
const READY_WITHIN_MS = 30_000
/** Attempts to start one worker of a reload, once another has shown that the configuration works. */
const TRIES = 5
/** Delay before the first restart of a worker, and its limit after doubling. */
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 10_000

/**
 * Returns how long to wait before a worker is started again, in milliseconds: 100, doubled with each failure up to
 * 10,000, reduced by up to half at random, so that workers that failed together do not start together.
 *
 * @param failures before this one
 */
export function restartDelayMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures)
  return Math.round(longest * (0.5 + random() / 2))
}

/** Keeps the wanted number of workers running: replaces crashed ones, and on a reload all of them, one by one. */
export class WorkerPool {
  readonly #options: PoolOptions
  readonly #all = new Set<WorkerProcess>()
  readonly #slots: Slot[] = []
  readonly #stopping = new AbortController()
  readonly #program = keepProgram()
  readonly #heartbeat: Heartbeat
  readonly #memory = new SharedMemory()
  readonly #portLost = Promise.withResolvers<void>()
  #settings: WorkerSettings
  #restarts = 0

  constructor(settings: WorkerSettings, options: PoolOptions) {
    this.#settings = settings
    this.#options = options
    // The primary opens the socket and keeps it; all workers accept from it. See docs/architecture.md for the reasons.
    cluster.schedulingPolicy = cluster.SCHED_NONE
    const { execArgv, execPath } = this.#program
    // The module has no option for it.
    if (execPath !== undefined) process.execPath = execPath
    cluster.setupPrimary({
      execArgv: [...process.execArgv, ...execArgv],
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    })
    this.#heartbeat = new Heartbeat({
      workers: () => this.all.filter(worker => !worker.isEnding),
      isComplete: () => this.serving.length === this.#slots.length,
      timeoutMs: () => this.#settings.config.workerTimeoutMs,
      onChange: options.onServing,
      logger: options.logger,
    })
    // However this process ends, no worker may survive it.
    process.once('exit', () => this.killAll())
  }

  /** All running workers, including those that are about to end. */
  get all(): readonly WorkerProcess[] {
    return [...this.#all]
  }

  /** The workers that get connections. */
  get serving(): readonly WorkerProcess[] {
    return this.#slots.map(slot => slot.worker).filter(worker => worker.isServing)
  }

  /** The workers that get connections and have answered a question lately. */
  get answering(): readonly WorkerProcess[] {
    return this.serving.filter(worker => this.#heartbeat.answers(worker))
  }

  /** How many workers were killed because they did not answer. */
  get killed(): number {
    return this.#heartbeat.killed
  }

  /**
   * Resolves when the last worker that listened on an inherited socket has crashed. node:cluster has closed the socket of the
   * primary then, which no worker can open again.
   */
  get portLost(): Promise<void> {
    return this.#portLost.promise
  }

  /** How many crashed workers have been replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /**
   * Starts the first workers. Resolves with the addresses they listen on.
   *
   * @throws Error with the reason when one of them cannot start; none is left running then
   */
  async start(count: number): Promise<PublicAddresses> {
    const workers = Array.from({ length: count }, () => this.#fork('at-once'))
    try {
      const [addresses] = await Promise.all(workers.map(worker => worker.listening))
      for (const worker of workers) this.#put(worker)
      return addresses!
    } catch (error) {
      this.#stopping.abort()
      this.killAll()
      throw error
    }
  }

  /**
   * Replaces all workers by `count` new ones, one by one: each new worker takes connections before an old one stops.
   *
   * @param onInForce called when the first new worker serves: every worker that starts from then on has the settings
   * @throws Error with the reason when a new worker cannot serve. If it is the first one, nothing has changed.
   *   Otherwise the settings have proved to work and stay: earlier places have new workers, and later ones get them
   *   when the old workers end
   */
  async replace(settings: WorkerSettings, count: number, onInForce: () => void): Promise<void> {
    const first = await this.#forkReady(settings)
    this.#settings = settings
    this.#put(first, 0)
    onInForce()
    for (let index = 1; index < count; index++) this.#put(await this.#forkReadyAgain(settings), index)
    const excess = this.#slots.splice(count)
    for (const { worker } of excess) worker.retire()
    if (excess.length > 0) this.#options.onServing()
  }

  /** Lets all workers finish the requests in flight. Resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#heartbeat.close()
    for (const worker of this.#all) worker.drain()
    await Promise.all([...this.#all].map(worker => worker.exited))
  }

  killAll(): void {
    for (const worker of this.#all) worker.kill()
  }

  #put(worker: WorkerProcess, index = this.#slots.length): void {
    const slot = this.#slots[index] ?? { worker, failures: 0 }
    this.#slots[index] = slot
    if (slot.worker !== worker) slot.worker.retire()
    slot.worker = worker
    slot.failures = 0
    this.#options.onServing()
    void this.#keep(slot, worker)
  }

  /** Replaces the worker of a slot when it exits without having been asked to. */
  async #keep(slot: Slot, worker: WorkerProcess): Promise<void> {
    const exit = await worker.exited
    if (worker.isEnding || this.#stopping.signal.aborted) return
    const { public: plain, tls } = this.#settings.sockets
    if ((plain ?? tls) !== undefined && this.serving.length === 0) return this.#portLost.resolve()
    if (performance.now() - worker.startedAt > STABLE_AFTER_MS) slot.failures = 0
    const waitMs = restartDelayMs(slot.failures++)
    this.#options.logger.error({ worker: worker.pid, ...exit, replacedInMs: waitMs }, 'worker crashed')
    await delay(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {})
    // A reload may have filled the slot in the meantime.
    if (this.#stopping.signal.aborted || slot.worker !== worker || !this.#slots.includes(slot)) return
    try {
      slot.worker = this.#fork('when-loaded')
    } catch (error) {
      this.#options.logger.error({ reason: (error as Error).message }, 'worker failed to start')
      return this.#keep(slot, worker)
    }
    this.#restarts++
    slot.worker.listening.then(this.#options.onServing, error =>
      this.#options.logger.error({ reason: error.message }, 'worker failed to start'),
    )
    void this.#keep(slot, slot.worker)
  }

  async #forkReadyAgain(settings: WorkerSettings): Promise<WorkerProcess> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#forkReady(settings)
      } catch (error) {
        if (this.#stopping.signal.aborted || failures + 1 >= TRIES) throw error
        this.#options.logger.error({ reason: (error as Error).message }, 'worker failed to start')
        await delay(restartDelayMs(failures), undefined, { signal: this.#stopping.signal }).catch(() => {})
      }
    }
  }

  /** Starts a worker, and resolves when it listens, which it does once it has its table. */
  async #forkReady(settings: WorkerSettings): Promise<WorkerProcess> {
    this.#stopping.signal.throwIfAborted()
    const worker = this.#fork('when-loaded', settings)
    const giveUp = AbortSignal.any([AbortSignal.timeout(READY_WITHIN_MS), this.#stopping.signal])
    const givenUp = new Promise<never>((_, reject) => {
      giveUp.addEventListener('abort', () =>
        reject(new Error(`the worker has no table after ${READY_WITHIN_MS} ms`)),
      )
    })
    try {
      await Promise.race([worker.listening, givenUp])
      return worker
    } catch (error) {
      worker.kill()
      throw error
    }
  }

  #fork(listen: ListenWhen, settings = this.#settings): WorkerProcess {
    const worker = new WorkerProcess(settings, listen, {
      program: this.#program.bytes,
      remembered: this.#memory.all(),
    })
    worker.onRemembered = remembered => this.#memory.put(remembered)
    this.#all.add(worker)
    void worker.exited.then(exit => this.#ended(worker, exit))
    return worker
  }

  #ended(worker: WorkerProcess, exit: WorkerExit): void {
    this.#all.delete(worker)
    this.#options.onServing()
    if (!worker.isEnding) return
    if (exit.code === 0) this.#options.onLast(worker)
    else this.#options.logger.warn({ worker: worker.pid, ...exit }, 'worker did not exit cleanly')
  }
}
