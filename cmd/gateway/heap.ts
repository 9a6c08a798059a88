import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of large body pieces after which the young generation is collected. */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024
/** Smaller pieces are not counted: what else a request allocates makes V8 collect them often enough. */
const LARGE_PIECE_BYTES = 16 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: {
  type: 'minor' | 'major'
  flavor?: 'last-resort'
}) => void

/** Time for the last steps of startup, such as opening the watches and collecting the first metrics. */
const STARTED_AFTER_MS = 2_000

let uncollectedBytes = 0

/**
 * Counts a piece of a body, and collects the young generation after every 8 MB. Call it for every piece of every body.
 *
 * The buffers of a long body are garbage as soon as they are sent. To V8 each is a tiny object that points to memory
 * elsewhere, so V8 lets up to twice the size of its young generation (64 MB) pile up before it collects them. One
 * collection every 8 MB takes a fraction of a millisecond and keeps the process from growing.
 */
export function countBodyBytes(bytes: number): void {
  if (bytes < LARGE_PIECE_BYTES) return
  uncollectedBytes += bytes
  if (uncollectedBytes < COLLECT_EVERY_BYTES) return
  uncollectedBytes = 0
  collect({ type: 'minor' })
}

/**
 * Collects the garbage that startup left behind, which is a quarter of the process. Without load, nothing would ever make
 * V8 collect it. Call it once, when everything is loaded. Takes about 50 ms.
 */
export function collectStartup(): void {
  collect({ type: 'major', flavor: 'last-resort' })
}

/**
 * Calls {@link collectStartup} when the last steps of startup are over. Does nothing when a request has arrived by then,
 * because requests would wait for the collection.
 */
export function collectStartupLater(hasServed: () => boolean): void {
  setTimeout(() => hasServed() || collectStartup(), STARTED_AFTER_MS).unref()
}
