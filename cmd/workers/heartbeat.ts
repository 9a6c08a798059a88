import type { Logger } from '../../discovery/logger.ts'
import type { WorkerProcess } from './worker-process.ts'

export interface HeartbeatOptions {
  /** The workers to ask, also those that do not get connections yet. */
  readonly workers: () => readonly WorkerProcess[]
  /** Whether every place has a worker that gets connections. */
  readonly isComplete: () => boolean
  /** The milliseconds that a worker may be silent before it is killed. 0: it is never killed. */
  readonly timeoutMs: () => number
  /** Called when a worker becomes silent, and when it answers again. */
  readonly onChange: () => void
  readonly logger: Logger
}

/** How often each worker is asked for a sign of life. */
const BEAT_MS = 1_000
/** A worker that leaves so many in a row unanswered is not counted as one that serves. */
const MISSES_UNTIL_SILENT = 3
/** How long a worker may be silent at least before it gets connections: it loads its program, on a machine that may be busy. */
const STARTING_MS = 60_000
/** How long an answer is waited for: a worker that is slow, because it has much to do, is alive. */
const ANSWER_WITHIN_MS = 30_000

/**
 * Asks every worker each second for a sign of life, and kills one that stays silent, which the pool then replaces. It
 * counts unanswered questions rather than time, so that a machine that was suspended does not cost it its workers.
 *
 * While no worker with the listening socket answers, it kills one of them at a time, and the next one when the first has been
 * replaced: the last process with the socket would take it along, with all connections that wait in it.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  /** Questions asked since the last answer. */
  readonly #misses = new WeakMap<WorkerProcess, number>()
  readonly #timer: NodeJS.Timeout
  /** Workers that were killed; each ends at once. */
  readonly #dying = new WeakSet<WorkerProcess>()
  /** Workers that were logged as silent. */
  readonly #reported = new WeakSet<WorkerProcess>()
  #killed = 0

  /** The caller closes it. */
  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#beat(), BEAT_MS).unref()
  }

  /** How many silent workers were killed. */
  get killed(): number {
    return this.#killed
  }

  /** Whether a worker has answered lately. */
  answers(worker: WorkerProcess): boolean {
    return (this.#misses.get(worker) ?? 0) < MISSES_UNTIL_SILENT
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #mayKill({ isServing }: WorkerProcess): boolean {
    if (!isServing) return true
    const serving = this.#options.workers().filter(worker => worker.isServing)
    if (serving.some(worker => this.answers(worker))) return true
    return this.#options.isComplete() && !serving.some(worker => this.#dying.has(worker))
  }

  #beat(): void {
    const { workers, timeoutMs, onChange, logger } = this.#options
    for (const worker of workers()) {
      if (this.#dying.has(worker)) continue
      const misses = this.#misses.get(worker) ?? 0
      const { pid, isServing } = worker
      const silentMs = misses * BEAT_MS
      if (misses >= MISSES_UNTIL_SILENT && isServing && !this.#reported.has(worker)) {
        this.#reported.add(worker)
        logger.error({ worker: pid, silentMs }, 'worker does not answer')
        onChange()
      }
      const limitMs = timeoutMs()
      const mayBeSilentMs = isServing ? limitMs : Math.max(limitMs, STARTING_MS)
      if (limitMs > 0 && silentMs >= mayBeSilentMs && this.#mayKill(worker)) {
        this.#killed++
        this.#dying.add(worker)
        logger.error({ worker: pid, silentMs }, 'worker killed; it did not answer')
        worker.killSilent()
        continue
      }
      this.#misses.set(worker, misses + 1)
      void worker.ask(undefined, ANSWER_WITHIN_MS).then(answer => {
        if (answer === undefined) return
        this.#misses.delete(worker)
        if (!this.#reported.delete(worker)) return
        logger.info({ worker: pid }, 'worker answers again')
        onChange()
      })
    }
  }
}
