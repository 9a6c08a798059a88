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
