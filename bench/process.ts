import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { onPath } from './on-path.ts'

const STOP_GRACE_MS = 5_000
const STDERR_CHARS = 2_000

/** A started process and the first line that it printed. The code that started it calls `stop()`. */
export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly line: string
  /** Ends the process, by force if it does not end in time. Resolves when it has ended. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Returns whether a stdout line means that the process has started. Default: the first line does. */
  readonly accept?: (line: string) => boolean
  /** Whether to open an IPC channel, for a Node process. */
  readonly ipc?: boolean
}

const hasTaskset = onPath('taskset')

/**
 * Starts a command on one core (where `taskset` exists). Resolves at the first stdout line that `accept` returns true for.
 *
 * @throws Error with the last error on stderr when the process ends before that
 */
export async function start(
  core: number,
  command: readonly string[],
  { env = {}, accept = () => true, ipc = false }: StartOptions = {},
): Promise<Started> {
  const [file, ...args] = pinned(core, command)
  const child = spawn(file!, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  })
  let complaint = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    complaint = (complaint + text).slice(-STDERR_CHARS)
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => reject(new Error(reason(complaint) ?? `the process ended with code ${code}`)))
    const lines = createInterface(child.stdout!).on('line', text => {
      if (!accept(text)) return
      resolve(text)
      // Further output is discarded without splitting it into lines, which would take CPU time from the benchmark.
      lines.close()
      child.stdout!.resume()
    })
  })
  return { child, pid: child.pid!, line, stop: () => stop(child) }
}

/** Returns the message of the error that Node printed, or the last line of another program. */
function reason(complaint: string): string | undefined {
  return /^\w*Error: (.*)/m.exec(complaint)?.[1] ?? complaint.trim().split('\n').at(-1)?.slice(0, 200)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill()
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
  await gone
  clearTimeout(force)
}

/** Returns the command bound to a core, where `taskset` exists. */
export function pinned(core: number, command: readonly string[]): string[] {
  return hasTaskset ? ['taskset', '-c', String(core), ...command] : [...command]
}

/** Binds this process, with all its threads, to a core, where `taskset` exists. */
export function pinSelf(core: number): void {
  if (hasTaskset) execFileSync('taskset', ['-acp', String(core), String(process.pid)])
}

/**
 * Returns the CPU time that all threads of a process and its descendants have used, in microseconds; NaN without /proc.
 * Reads schedstat, which counts nanoseconds, because stat counts hundredths of a second.
 */
export function cpuMicros(pid: number): number {
  try {
    let nanoseconds = 0
    for (const process of [pid, ...descendants(pid)]) {
      for (const thread of readdirSync(`/proc/${process}/task`)) {
        nanoseconds += Number(readFileSync(`/proc/${process}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
      }
    }
    return nanoseconds / 1_000
  } catch {
    return Number.NaN
  }
}

/** Returns the resident memory of a process, in bytes; NaN without /proc. */
export function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
  } catch {
    return Number.NaN
  }
}

/** Returns the running child processes of a process, oldest first. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

function descendants(pid: number): number[] {
  const children = childrenOf(pid)
  return [...children, ...children.flatMap(descendants)]
}
