import cluster from 'node:cluster'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../discovery/logger.ts'
import type { ListenWhen } from '../gateway/gateway-types.ts'
import { countHandedOver } from './handovers.ts'
import type { WorkerSettings } from './messages.ts'
import { SharedListeners } from './shared-listeners.ts'
import { stripSources } from './stripped-sources.ts'
import { type WorkerExit, WorkerProcess } from './worker-process.ts'

export interface PoolOptions {
  readonly logger: Logger
  /** Told of a worker that has ended as it was asked to; all of its `last` has come. */
  readonly onLast: (worker: WorkerProcess) => void
  /** Told when others than before get connections. */
  readonly onServing: () => void
}

/** A place for one worker, which always has one. */
interface Slot {
  /** The one that is or was here; dead while a replacement waits. */
  worker: WorkerProcess
  /** Ends in a row, each soon after its start. */
  failures: number
}

/** A worker that has lived this long starts with a clean slate. */
const STABLE_AFTER_MS = 30_000
/** For a worker of a reload to have a table; etcd may be away. */
const READY_WITHIN_MS = 30_000
/** For one worker of a reload, after another has shown that the configuration works. */
const TRIES = 5
/** For the last connections to be taken; a worker that does not answer has gone, or is too busy for more. */
const TAKEN_WITHIN_MS = 4_000
/** Before the first restart of a worker, and the longest that doubling makes of it. */
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 10_000

/**
 * Returns how long to wait before a worker is started again, in milliseconds: 100, doubled with each failure, up to
 * 10,000. Of that, a random half to all, so that workers that failed together do not start together.
 *
 * @param failures before this one
 */
export function restartDelayMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures)
  return Math.round(longest * (0.5 + random() / 2))
}

/** Keeps as many workers running as wanted: replaces those that crash, and all of them, in turn, on a reload. */
export class WorkerPool {
  readonly #logger: Logger
  readonly #onLast: PoolOptions['onLast']
  readonly #onServing: PoolOptions['onServing']
  readonly #all = new Set<WorkerProcess>()
  readonly #slots: Slot[] = []
  readonly #stopping = new AbortController()
  readonly #sources = stripSources()
  readonly #listeners = new SharedListeners()
  #settings: WorkerSettings
  #restarts = 0

  constructor(settings: WorkerSettings, { logger, onLast, onServing }: PoolOptions) {
    this.#settings = settings
    this.#logger = logger
    this.#onLast = onLast
    this.#onServing = onServing
    // Connections in turn: left to the kernel, one worker often gets most of them.
    cluster.schedulingPolicy = cluster.SCHED_RR
    if (this.#sources) {
      cluster.setupPrimary({
        execArgv: [...process.execArgv, ...this.#sources.execArgv],
        stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
      })
    }
    // Whatever ends this process, none of the others may stay.
    process.once('exit', () => this.killAll())
  }

  /** Every worker that runs, also those that are about to end. */
  get all(): readonly WorkerProcess[] {
    return [...this.#all]
  }

  /** Those that get connections. */
  get serving(): readonly WorkerProcess[] {
    return this.#slots.map(slot => slot.worker).filter(worker => worker.isServing)
  }

  /** How often a crashed worker was replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /**
   * Starts the first workers. Resolves with where they listen.
   *
   * @throws Error why one of them cannot start; none is left then
   */
  async start(count: number): Promise<AddressInfo> {
    const workers = Array.from({ length: count }, () => this.#fork('at-once'))
    try {
      const [address] = await Promise.all(workers.map(worker => worker.listening))
      for (const worker of workers) this.#put(worker)
      return address!
    } catch (error) {
      this.#stopping.abort()
      this.killAll()
      throw error
    }
  }

  /**
   * Has `count` new workers take the places of all that there are, one after the other: each takes connections
   * before an old one stops to.
   *
   * @throws Error why a new one cannot serve. If it was the first, everything is as before; else the places before it
   *   are filled anew, and those behind it, too, when their workers end: the settings have proved to work
   */
  async replace(settings: WorkerSettings, count: number): Promise<void> {
    const first = await this.#forkReady(settings)
    this.#settings = settings
    this.#put(first, 0)
    for (let index = 1; index < count; index++) this.#put(await this.#forkReadyAgain(settings), index)
    for (const slot of this.#slots.splice(count)) slot.worker.retire()
  }

  /** Lets all of them finish what is under way. Resolves when none is left. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const worker of this.#all) worker.drain()
    await delay(this.#settings.config.drainMs)
    await this.#handOverLast()
    for (const worker of this.#all) worker.leave()
    await Promise.all([...this.#all].map(worker => worker.exited))
  }

  /** Accepts what has come, then nothing more, and resolves when workers have it all. */
  async #handOverLast(): Promise<void> {
    await this.#listeners.close()
    const giveUpAt = performance.now() + TAKEN_WITHIN_MS
    let before: number
    do {
      before = countHandedOver()
      // node:cluster sends the next one when one is taken, so if none was sent before all have answered, none is left.
      await Promise.all([...this.#all].map(worker => worker.ask(undefined, TAKEN_WITHIN_MS)))
    } while (countHandedOver() !== before && performance.now() < giveUpAt)
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
    this.#onServing()
    void this.#keep(slot, worker)
  }

  /** Replaces the worker of a slot when it ends although nobody asked it to. */
  async #keep(slot: Slot, worker: WorkerProcess): Promise<void> {
    const exit = await worker.exited
    if (worker.isEnding || this.#stopping.signal.aborted) return
    if (performance.now() - worker.startedAt > STABLE_AFTER_MS) slot.failures = 0
    const waitMs = restartDelayMs(slot.failures++)
    this.#logger.error({ worker: worker.pid, ...exit, replacedInMs: waitMs }, 'a worker has crashed')
    await delay(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {})
    // A reload may have filled the place meanwhile.
    if (this.#stopping.signal.aborted || slot.worker !== worker || !this.#slots.includes(slot)) return
    try {
      slot.worker = this.#fork('when-loaded')
    } catch (error) {
      this.#logger.error({ reason: (error as Error).message }, 'a worker cannot start')
      return this.#keep(slot, worker)
    }
    this.#restarts++
    slot.worker.listening.then(this.#onServing, error =>
      this.#logger.error({ reason: error.message }, 'a worker cannot start'),
    )
    void this.#keep(slot, slot.worker)
  }

  async #forkReadyAgain(settings: WorkerSettings): Promise<WorkerProcess> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#forkReady(settings)
      } catch (error) {
        if (this.#stopping.signal.aborted || failures + 1 >= TRIES) throw error
        this.#logger.error({ reason: (error as Error).message }, 'a worker cannot start')
        await delay(restartDelayMs(failures), undefined, { signal: this.#stopping.signal }).catch(() => {})
      }
    }
  }

  /** A new worker that listens and has its table. */
  async #forkReady(settings: WorkerSettings): Promise<WorkerProcess> {
    this.#stopping.signal.throwIfAborted()
    const worker = this.#fork('when-loaded', settings)
    const late = AbortSignal.any([AbortSignal.timeout(READY_WITHIN_MS), this.#stopping.signal])
    const given = new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(new Error(`it has no table after ${READY_WITHIN_MS} ms`)))
    })
    try {
      await Promise.race([worker.listening, given])
      return worker
    } catch (error) {
      worker.kill()
      throw error
    }
  }

  #fork(listen: ListenWhen, settings = this.#settings): WorkerProcess {
    const worker = new WorkerProcess(settings, listen, this.#sources)
    this.#all.add(worker)
    void worker.exited.then(exit => this.#ended(worker, exit))
    return worker
  }

  #ended(worker: WorkerProcess, exit: WorkerExit): void {
    this.#all.delete(worker)
    this.#onServing()
    if (!worker.isEnding) return
    if (exit.code === 0) this.#onLast(worker)
    else this.#logger.warn({ worker: worker.pid, ...exit }, 'a worker did not end as it should')
  }
}
