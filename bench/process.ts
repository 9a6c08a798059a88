import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { onPath } from './on-path.ts'

const STOP_GRACE_MS = 5_000
const STDERR_CHARS = 2_000

/** A started process and the first line it printed. Whoever started it calls `stop()`. */
export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly line: string
  /** Ends it, at last by force; resolves when it is gone. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Which stdout line means that it has started; by default the first. */
  readonly accept?: (line: string) => boolean
  /** Opens a channel for messages, for a Node process. */
  readonly ipc?: boolean
}

const hasTaskset = onPath('taskset')

/**
 * Starts a command on one core (where `taskset` exists) and resolves with the first stdout line that `accept` likes.
 *
 * @throws Error with the end of its stderr when it ends before that.
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
    child.once('close', code => reject(new Error(reason(complaint) ?? `it ended with ${code}`)))
    const lines = createInterface(child.stdout!).on('line', text => {
      if (!accept(text)) return
      resolve(text)
      // What else it prints is thrown away unread: reading lines would take from the core that is measured.
      lines.close()
      child.stdout!.resume()
    })
  })
  return { child, pid: child.pid!, line, stop: () => stop(child) }
}

/** The message of the error that Node printed, or the last line of another program. */
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

/** The command, bound to a core where that is possible. */
export function pinned(core: number, command: readonly string[]): string[] {
  return hasTaskset ? ['taskset', '-c', String(core), ...command] : [...command]
}

/** Binds this process, with all its threads, to a core where that is possible. */
export function pinSelf(core: number): void {
  if (hasTaskset) execFileSync('taskset', ['-acp', String(core), String(process.pid)])
}

/**
 * CPU time that a process and its descendants have used, all their threads, in microseconds; NaN where /proc does
 * not tell. From schedstat, which counts nanoseconds (stat counts hundredths of a second).
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

/** Memory of a process that is resident, bytes; NaN where /proc does not tell. */
export function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
  } catch {
    return Number.NaN
  }
}

/** The processes that a process has started and that still run, oldest first. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

function descendants(pid: number): number[] {
  const children = childrenOf(pid)
  return [...children, ...children.flatMap(descendants)]
}
