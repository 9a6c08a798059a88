import { readdirSync, readFileSync } from 'node:fs'
import { until } from './until.ts'

/**
 * Stops a process, and resolves when all of its threads have stopped. Each thread handles the signal separately, and on
 * a busy machine one may run long enough to answer.
 */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  if (process.platform !== 'linux') return
  const threads = () => readdirSync(`/proc/${pid}/task`)
  await until('every thread stands still', () =>
    threads().every(thread => stat(`${pid}/task/${thread}`)?.[0] === 'T'),
  )
}

/** Lists the running child processes of a process. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(each => parentOf(each) === pid)
}

/** Reports whether a process is still running. */
export function isRunning(pid: number): boolean {
  const state = stat(String(pid))?.[0]
  return state !== undefined && state !== 'Z'
}

function parentOf(pid: number): number | undefined {
  const parent = stat(String(pid))?.[1]
  return parent === undefined ? undefined : Number(parent)
}

/** Reads the fields after the process name, which may contain any characters: state, parent and so on; see proc(5). */
function stat(task: string): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${task}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** Returns the CPU time that a process has used so far, milliseconds. Linux only. */
export function cpuMsOf(pid: number): number {
  const fields = stat(String(pid))
  if (fields === undefined) throw new Error(`there is no process ${pid}`)
  // utime and stime, the 14th and 15th field, in hundredths of a second; the list begins with the third.
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Returns the resident memory of a process. Linux only. */
export function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
}
