import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { LogLine } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'
import type { Program } from '../support/waygate.ts'

/**
 * What a line of the timeline is about. `BAD` = something that must not happen. `stall` = the machine gave this process no
 * CPU time, or something would be bad if it were not for that.
 */
export type EventKind = 'fault' | 'over' | 'log' | 'rest' | 'stall' | 'BAD'

interface JournalEvent {
  /** `performance.now()` */
  readonly atMs: number
  readonly kind: EventKind
  readonly text: string
}

/** Failures that are listed; more of them are only counted. */
const LISTED = 30
const EXCUSED_LISTED = 20
/** How much of the timeline explains a failure, before and after it. */
const BEFORE_MS = 30_000
const AFTER_MS = 5_000
/** Lines of one process in any minute. A registration whose etcd is away writes more than a gateway does. */
const LINES_PER_MINUTE = 300
const LINE_LENGTH = 220
/** When this process had to wait so long for its turn, so had all others. A quarter of the scene's timeout of a try. */
const STALL_MS = 500
const TICK_MS = 50
/** How long a stall may show in what a program logs, such as a reload that takes too long. */
const STALL_SHOWS_MS = 30_000

/** Everything that happened in a run, by milliseconds from its start: faults, log lines, failures. The caller closes it. */
export class Journal {
  readonly #begunAt = performance.now()
  readonly #events: JournalEvent[] = []
  readonly #lines = new Map<string, { minute: number; count: number }>()
  /** How often each message may still be logged although its level says that it should not happen. */
  readonly #forgiven = new Map<string, number>()
  readonly #stallMs: number
  readonly #ticking: NodeJS.Timeout
  #tickedAt = performance.now()
  #stalledAt = Number.NEGATIVE_INFINITY
  #stalls = 0
  #stalledMs = 0
  #failures = 0
  readonly #excused: string[] = []
  #mostLines = 0

  /** @param stallMs how long this process must have waited for its turn to count as a stall of the machine */
  constructor(stallMs = STALL_MS) {
    this.#stallMs = stallMs
    this.#ticking = setInterval(() => {
      const now = performance.now()
      const lateMs = now - this.#tickedAt - TICK_MS
      this.#tickedAt = now
      if (lateMs < stallMs) return
      this.#stalledAt = now
      this.#stalls++
      this.#stalledMs += lateMs
      this.note('stall', `no CPU time for ${Math.round(lateMs)} ms; ${cpuPressure()}`)
    }, TICK_MS)
  }

  get failures(): number {
    return this.#failures
  }

  close(): void {
    clearInterval(this.#ticking)
  }

  note(kind: EventKind, text: string): void {
    this.#events.push({ atMs: performance.now(), kind, text })
  }

  /**
   * Notes something that must not happen.
   *
   * @param sinceMs when the machine has stalled since then (`performance.now()`), this is not a failure; default: it always is
   */
  fail(text: string, sinceMs = Number.POSITIVE_INFINITY): void {
    // A stall that still lasts has not been noticed yet.
    const stalledAt = performance.now() - this.#tickedAt > this.#stallMs ? performance.now() : this.#stalledAt
    if (stalledAt >= sinceMs) {
      this.#excused.push(text)
      this.note('stall', text)
    } else if (++this.#failures <= LISTED) this.note('BAD', `${text}; ${cpuPressure()}`)
  }

  /** Whether a program has logged a line with all of these texts within this time (`performance.now()`). */
  hasLogged(
    {
      fromMs,
      untilMs = Number.POSITIVE_INFINITY,
    }: { readonly fromMs: number; readonly untilMs?: number | undefined },
    ...texts: readonly string[]
  ): boolean {
    const has = ({ atMs, text }: JournalEvent) =>
      atMs >= fromMs && atMs <= untilMs && texts.every(each => text.includes(each))
    return this.#events.some(event => event.kind === 'log' && has(event))
  }

  /** Allows one more line with this message at level 50. */
  forgive(msg: string): void {
    this.#forgiven.set(msg, (this.#forgiven.get(msg) ?? 0) + 1)
  }

  /** Resolves when a program logs this message after the call; rejects when it does not in time. */
  async logged(name: string, msg: string, withinMs: number): Promise<void> {
    const fromMs = performance.now()
    const isIt = ({ atMs, text }: JournalEvent) => atMs >= fromMs && text.startsWith(`${name}: ${msg}`)
    await until(`${name} logs "${msg}"`, () => this.#events.findLast(isIt), { withinMs, everyMs: 100 })
  }

  /**
   * Reads what a program prints from now on. The program itself no longer collects it, because that of an hour is too much.
   * Its lines must be JSON, below level 50, and not too many.
   */
  watch(name: string, { child }: Program): void {
    for (const output of [child.stdout!, child.stderr!]) {
      output.removeAllListeners('data')
      createInterface({ input: output }).on('line', text => this.#read(name, text))
    }
  }

  #read(name: string, text: string): void {
    let line: LogLine
    try {
      line = JSON.parse(text)
    } catch {
      this.fail(`${name} printed: ${text}`)
      return
    }
    const { level, time, pid, msg, ...fields } = line
    const isRequest = msg === 'request'
    if (isRequest && Number(line.status) < 500) return
    const told = `${name}: ${msg} ${JSON.stringify(fields)}`.slice(0, LINE_LENGTH)
    if (level < 50 || this.#isForgiven(msg)) this.note('log', told)
    else this.fail(told, performance.now() - STALL_SHOWS_MS)
    if (!isRequest) this.#count(name)
  }

  #isForgiven(msg: string): boolean {
    const left = this.#forgiven.get(msg) ?? 0
    this.#forgiven.set(msg, left - 1)
    return left > 0
  }

  #count(name: string): void {
    const minute = Math.floor((performance.now() - this.#begunAt) / 60_000)
    const lines = this.#lines.get(name)
    const count = lines?.minute === minute ? lines.count + 1 : 1
    this.#lines.set(name, { minute, count })
    this.#mostLines = Math.max(this.#mostLines, count)
    if (count === LINES_PER_MINUTE + 1) this.fail(`${name} logged more than ${count - 1} lines in a minute`)
  }

  /** Formats the timeline around each failure that is listed, or all of it, and sums the run up. */
  explain(all = false): string[] {
    const bad = this.#events.filter(({ kind }) => kind === 'BAD').map(({ atMs }) => atMs)
    const lines: string[] = []
    let isCut = true
    for (const { atMs, kind, text } of this.#events) {
      if (!all && !bad.some(at => atMs >= at - BEFORE_MS && atMs <= at + AFTER_MS)) {
        isCut = true
        continue
      }
      if (isCut) lines.push('    ...')
      isCut = false
      lines.push(`${(atMs - this.#begunAt).toFixed(0).padStart(9)} ms  ${kind.padEnd(5)}  ${text}`)
    }
    return [
      ...lines,
      `at most ${this.#mostLines} log lines of a process in a minute`,
      `the machine stalled ${this.#stalls} times, for ${seconds(this.#stalledMs)} of ${seconds(performance.now() - this.#begunAt)}`,
      `which may explain ${this.#excused.length} failures:`,
      ...this.#excused.slice(0, EXCUSED_LISTED).map(text => `  ${text}`),
      `${this.#failures} failures`,
    ]
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`

/** How much of the last 10 seconds a process of this machine had to wait for a CPU; see the kernel's docs on PSI. */
function cpuPressure(): string {
  try {
    return `CPU short ${/avg10=(\S+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1]}% of 10 s`
  } catch {
    return 'CPU shortage unknown'
  }
}
