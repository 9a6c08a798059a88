/**
 * Preloaded into a gateway that is measured (`node --import`): watches its event loop, and answers the parent
 * process over IPC with what it saw since the question before.
 */
import { readdirSync } from 'node:fs'

export interface ProbeAnswer {
  /** The longest time in which no timer could run, milliseconds. */
  readonly stallMs: number
  /** After a full garbage collection. */
  readonly heapUsedBytes: number
  readonly rssBytes: number
  /** Open file descriptors; NaN where /proc does not tell. */
  readonly descriptors: number
  /** Timers, sockets and the like that keep the process alive, by type. */
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
  // Before the collection, whose pause is not the gateway's.
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
