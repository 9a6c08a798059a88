import type { LogFn, Logger } from 'pino'

/** Lines of one kind that are written in an interval. */
const LINES = 20
const INTERVAL_MS = 10_000
const LEFT_OUT = 'log lines left out'
/**
 * The levels that are bounded, by pino's numbers. Debug lines are not, because they are turned on to see all of them. Fatal
 * lines are not, because a process writes few.
 */
const BOUNDED: Readonly<Record<number, 'info' | 'warn' | 'error'>> = { 30: 'info', 40: 'warn', 50: 'error' }

/** The lines with one message from one source. */
interface Kind {
  readonly level: number
  readonly message: string
  readonly source: unknown
  written: number
  leftOut: number
}

/**
 * Bounds how many lines of one kind a log gets, since one event may cause a line for each of 100,000 keys. Of each kind,
 * which is one message from one `source`, the first 20 in an interval of 10 s are written. At its end, one line counts the
 * others. Messages are constants, so there are few kinds.
 */
export class LineLimit {
  readonly #kinds = new Map<string, Kind>()
  #timer: NodeJS.Timeout | undefined

  /** Returns whether a line may be written, and otherwise counts it. The arguments are those of pino's methods. */
  admits(logger: Logger, [first, second]: Parameters<LogFn>, level: number): boolean {
    const message = typeof first === 'string' ? first : second
    if (!(level in BOUNDED) || typeof message !== 'string' || message === LEFT_OUT) return true
    const { source } = first as { readonly source?: unknown }
    const key = `${message} ${source}`
    let kind = this.#kinds.get(key)
    if (kind === undefined) {
      kind = { level, message, source, written: 0, leftOut: 0 }
      this.#kinds.set(key, kind)
      this.#timer ??= setTimeout(() => this.#endInterval(logger), INTERVAL_MS).unref()
    }
    if (kind.written < LINES) {
      kind.written++
      return true
    }
    kind.leftOut++
    return false
  }

  /** Logs how many lines were left out since the last report. */
  report(logger: Logger): void {
    for (const kind of this.#kinds.values()) {
      const { level, message, source, leftOut: lines } = kind
      kind.leftOut = 0
      if (lines > 0) logger[BOUNDED[level]!]({ message, source, lines }, LEFT_OUT)
    }
  }

  #endInterval(logger: Logger): void {
    this.#timer = undefined
    this.report(logger)
    this.#kinds.clear()
  }
}
