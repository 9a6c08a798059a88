/**
 * Preloaded into the measured gateway (`node --import`). Watches its event loop, and answers questions of the parent process
 * over IPC with what it measured since the previous question.
 */
import { readdirSync } from 'node:fs'

export interface ProbeAnswer {
  /** The longest time in which no timer could run, in milliseconds. */
  readonly stallMs: number
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
let last = performance.now()
setInterval(() => {
  const now = performance.now()
  stallMs = Math.max(stallMs, now - last - TICK_MS)
  last = now
}, TICK_MS).unref()

function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return Number.NaN
  }
}

process.on('message', question => {
  // Read before the collection, whose pause does not count.
  const seen = stallMs
  const { user, system } = process.cpuUsage()
  if (question === 'collect') globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  const answer: ProbeAnswer = {
    stallMs: seen,
    heapUsedBytes: heapUsed,
    rssBytes: rss,
    descriptors: descriptors(),
    resources: process.getActiveResourcesInfo().length,
    cpuMicros: user + system,
  }
  last = performance.now()
  stallMs = 0
  process.send?.(answer)
})
process.channel?.unref()
