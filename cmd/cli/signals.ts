import { closeSync, openSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename } from 'node:path'
import { isatty } from 'node:tty'
import type { Logger } from 'pino'

/**
 * The signals that ask the process to end. A terminal sends SIGINT for Ctrl-C and SIGQUIT for Ctrl-\. The others are all that
 * end a process that does not handle them, but for those of a fault in the program, and SIGPROF, which V8's profiler uses.
 */
export const ENDING_SIGNALS = [
  ...(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const),
  ...(['SIGALRM', 'SIGVTALRM', 'SIGXCPU', 'SIGPWR', 'SIGIO', 'SIGSTKFLT'] as const),
]
/** The signals that do nothing: `cmd/waygate.ts` ignores them from its first line on. */
const UNUSED_SIGNALS = ['SIGUSR1', 'SIGUSR2'] as const

/** Resolves with the first signal that asks the process to end. The second one exits at once, with 128 and its number. */
export function untilSignal(): Promise<NodeJS.Signals> {
  ignoreClosedTerminal()
  return new Promise(resolve => {
    let first = true
    const onSignal = (signal: NodeJS.Signals) => {
      if (!first) process.exit(128 + constants.signals[signal])
      first = false
      resolve(signal)
    }
    for (const signal of ENDING_SIGNALS) process.on(signal, onSignal)
  })
}

/** Logs from now on that a signal has done nothing. */
export function logUnusedSignals(logger: Logger): void {
  for (const signal of UNUSED_SIGNALS) {
    process.on(signal, () => logger.warn({ signal }, 'signal ignored; SIGTERM ends this process, draining'))
  }
}

/**
 * Decides what SIGHUP does from now on. With `reload`, it calls that, unless it was sent because the terminal of the
 * process was closed. That ends the process as SIGTERM does, and without `reload`, so does every SIGHUP. A process that
 * was started with nohup is not ended by it.
 */
export function onHangup(reload?: () => void): void {
  const hadTerminal = [0, 1, 2].some(isatty) && hasTerminal()
  let isEnding = false
  ignoreClosedTerminal()
  process.on('SIGHUP', () => {
    const mustEnd = reload === undefined || (hadTerminal && !hasTerminal())
    if (!mustEnd || IS_HANGUP_IGNORED) reload?.()
    // The end of one terminal may send several, which must not count as a second signal.
    else if (!isEnding) process.kill(process.pid, 'SIGTERM')
    isEnding ||= mustEnd
  })
}

/**
 * Whether the process was asked to survive the end of its terminal. Node.js resets the signals that it inherits as
 * ignored, so nohup can only be recognised by its traces: shells name it in `_`, it replaces a terminal on stdin by a
 * `/dev/null` that cannot be read, and a shell in which SIGHUP is ignored (`trap '' HUP`) shows that in /proc.
 */
export const IS_HANGUP_IGNORED: boolean =
  basename(process.env._ ?? '') === 'nohup' ||
  /^flags:\s*\d*[15]$/m.test(textOf('/proc/self/fdinfo/0')) ||
  /^SigIgn:\s*[\da-f]*[13579bdf]$/m.test(textOf(`/proc/${process.ppid}/status`))

/** Returns an empty text where there is no such file: only Linux has /proc. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Whether the process has a controlling terminal. It loses it when the terminal is closed. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/** Keeps writes to a terminal or a pipe that was closed from ending the process before it has cleaned up. */
function ignoreClosedTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore)
  }
}

function ignore(): void {}
