import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import pino, { type DestinationStream } from 'pino'

/** Where the log goes. Whoever made it calls `flush()` before the process ends. */
export interface LogDestination extends DestinationStream {
  /** Writes what is left, waiting at most a second for a reader that does not read. */
  flush(): void
}

/** POSIX's least PIPE_BUF on the systems we run on: a write of this much to a pipe is done whole or not at all. */
const BATCH_BYTES = 4_096
/** How long a line may wait for others to be written with. */
const BATCH_MS = 100
/** How soon a reader that takes nothing is asked again. */
const RETRY_MS = 20
/** Kept for such a reader; beyond it, lines are dropped and counted. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
const LAST_WAIT_MS = 1_000

/**
 * Standard output for log lines, written to in batches by calls that do not wait: where a write costs some µs, handing
 * it to another thread and hearing of its end (as pino's own asynchronous destination does) would cost more than the
 * half of a request.
 */
export function openLogDestination(): LogDestination {
  if (process.platform !== 'win32') return new BatchedFile(withoutWaiting(process.stdout.fd))
  const destination = pino.destination({ sync: false, minLength: BATCH_BYTES, periodicFlush: BATCH_MS })
  return { write: line => void destination.write(line), flush: () => destination.flushSync() }
}

/**
 * A descriptor of the same file whose writes do not wait. A pipe is opened anew, so that others who hold it (a shell,
 * our workers) do not find that theirs has stopped waiting; with a socket that is not possible, and Node has set it so
 * for `process.stdout` anyway.
 */
function withoutWaiting(fd: number): number {
  if (!fstatSync(fd).isFIFO()) return fd
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return fd
  }
}

/**
 * Lines, written to a descriptor that does not wait, as many at once as a pipe takes whole: lines of several processes
 * that share it are never mixed, unless one is longer than that and the pipe is full.
 */
export class BatchedFile implements LogDestination {
  readonly #fd: number
  readonly #write: (fd: number, bytes: Buffer) => number
  #batch = ''
  #batchBytes = 0
  /** Batches that the reader did not take yet. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined

  /** @param write as `fs.writeSync`; throws EAGAIN where it would have to wait */
  constructor(fd: number, write: (fd: number, bytes: Buffer) => number = writeSync) {
    this.#fd = fd
    this.#write = write
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#batchBytes + bytes > BATCH_BYTES) this.#pass()
    this.#batch += line
    this.#batchBytes += bytes
    this.#timer ??= setTimeout(this.#onTimer, BATCH_MS).unref()
  }

  flush(): void {
    const deadline = performance.now() + LAST_WAIT_MS
    this.#pass()
    while ((this.#waiting.length > 0 || this.#batch !== '') && performance.now() < deadline) {
      if (this.#waiting.length > 0) Atomics.wait(NEVER_NOTIFIED, 0, 0, RETRY_MS)
      this.#pass()
    }
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    this.#pass()
    if (this.#waiting.length > 0) this.#timer = setTimeout(this.#onTimer, RETRY_MS).unref()
  }

  /** Hands the batch over. */
  #pass(): void {
    if (this.#batch !== '') {
      const batch = Buffer.from(this.#batch)
      this.#batch = ''
      this.#batchBytes = 0
      if (this.#waitingBytes + batch.length > MAX_WAITING_BYTES) this.#dropped += countLines(batch)
      else {
        this.#waiting.push(batch)
        this.#waitingBytes += batch.length
      }
    }
    this.#drain()
  }

  #drain(): void {
    while (this.#waiting.length > 0) {
      const [batch] = this.#waiting as [Buffer, ...Buffer[]]
      let written: number
      try {
        written = this.#write(this.#fd, batch)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return
        // Nobody reads any more, or the disk is full: there is nowhere to say so.
        this.#waiting = []
        this.#waitingBytes = 0
        return
      }
      this.#waitingBytes -= written
      if (written < batch.length) {
        this.#waiting[0] = batch.subarray(written)
        return
      }
      this.#waiting.shift()
      if (this.#waiting.length === 0 && this.#dropped > 0) this.#tellDropped()
    }
  }

  #tellDropped(): void {
    const lines = this.#dropped
    this.#dropped = 0
    const text = `{"level":40,"time":${Date.now()},"pid":${process.pid},"lines":${lines},"msg":"log lines were dropped: their reader was too slow"}\n`
    this.#batch = text + this.#batch
    this.#batchBytes += Buffer.byteLength(text)
  }
}

function countLines(batch: Buffer): number {
  let lines = 0
  for (const byte of batch) if (byte === 0x0a) lines++
  return lines
}

/** To sleep on. */
const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4))
