import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Short, so that a process that has used its share waits only for milliseconds. */
const PERIOD_MICROS = 10_000
const ROOT = '/sys/fs/cgroup'

/**
 * Limits a process, with all its threads, to a share of one core: 0.3 = 3 of every 10 ms.
 *
 * @returns a function that ends the limit
 * @throws Error when control groups are missing, or this process may not create them
 */
export function allotted(pid: number, share: number): () => void {
  const quota = Math.round(PERIOD_MICROS * share)
  const isV2 = existsSync(join(ROOT, 'cgroup.controllers'))
  const parent = isV2 ? ROOT : join(ROOT, 'cpu')
  const group = join(parent, `waygate-bench-${pid}`)
  mkdirSync(group)
  const release = () => {
    for (const thread of tasksOf(pid)) tryWrite(join(parent, isV2 ? 'cgroup.procs' : 'tasks'), thread)
    rmdirSync(group)
  }
  try {
    if (isV2) writeFileSync(join(group, 'cpu.max'), `${quota} ${PERIOD_MICROS}`)
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_MICROS))
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota))
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
    return release
  } catch (error) {
    release()
    throw error
  }
}

function tasksOf(pid: number): string[] {
  return existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : []
}

/** Ignores errors, because a thread may have ended. */
function tryWrite(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch {}
}
