import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of bodies that may pass before the buffers they came in are collected. */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024
/** Small pieces are collected often enough by what else a request allocates. */
const LARGE_PIECE_BYTES = 16 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: {
  type: 'minor' | 'major'
  flavor?: 'last-resort'
}) => void

/** For the last of what starting does: the watches, the first metrics. */
const STARTED_AFTER_MS = 2_000

let passedBytes = 0

/**
 * To be told of every piece of a body that passes. The buffers of a long body are garbage as soon as they are
 * sent, but tiny objects to V8, which waits for up to twice the size of its young generation (64 MB) before
 * it looks at what hangs on them. Collecting the young ones every 8 MB takes a fraction of a millisecond and
 * keeps the process as small as it was.
 */
export function notePassed(bytes: number): void {
  if (bytes < LARGE_PIECE_BYTES) return
  passedBytes += bytes
  if (passedBytes < COLLECT_EVERY_BYTES) return
  passedBytes = 0
  collect({ type: 'minor' })
}

/**
 * To be called once, when everything is loaded. What starting leaves behind is a quarter of the process, and without
 * load nothing would ever make V8 look for it. Takes some 50 ms.
 */
export function collectStartup(): void {
  collect({ type: 'major', flavor: 'last-resort' })
}

/** The same when all of starting is done, unless requests have come by then: they would wait for it. */
export function collectStartupLater(hasServed: () => boolean): void {
  setTimeout(() => hasServed() || collectStartup(), STARTED_AFTER_MS).unref()
}
