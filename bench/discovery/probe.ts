/**
 * Preloaded into the measured gateway (`node --import`). Watches its event loop, and answers questions of the parent process
 * over IPC with what it measured since the previous question.
 */
import { readdirSync } from 'node:fs'

export interface ProbeAnswer {
  /** The longest time in which no timer could run, in milliseconds. */
  readonly stallMs: number
  /** The longest turn of the event loop, in milliseconds of CPU time, which other programs do not lengthen. */
  readonly stallCpuMs: number
  /** Heap in use; after a full garbage collection if the question was `collect`. */
  readonly heapUsedBytes: number
  readonly rssBytes: number
  /** Open file descriptors; NaN without /proc. */
  readonly descriptors: number
  /** Number of resources that keep the process alive, such as timers and sockets. */
  readonly resources: number
  readonly cpuMicros: number
}

const TICK_MS = 1

let stallMs = 0
let stallCpuMs = 0
let last = performance.now()
let lastCpu = threadCpuMs()
setInterval(() => {
  const now = performance.now()
  const cpu = threadCpuMs()
  stallMs = Math.max(stallMs, now - last - TICK_MS)
  stallCpuMs = Math.max(stallCpuMs, cpu - lastCpu)
  last = now
  lastCpu = cpu
}, TICK_MS).unref()

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return Number.NaN
  }
}

process.on('message', question => {
  // Read before the collection, whose pause does not count.
  const seen = { stallMs, stallCpuMs }
  const { user, system } = process.cpuUsage()
  if (question === 'collect') globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  const answer: ProbeAnswer = {
    ...seen,
    heapUsedBytes: heapUsed,
    rssBytes: rss,
    descriptors: descriptors(),
    resources: process.getActiveResourcesInfo().length,
    cpuMicros: user + system,
  }
  last = performance.now()
  stallMs = 0
  stallCpuMs = 0
  lastCpu = threadCpuMs()
  process.send?.(answer)
})
process.channel?.unref()
