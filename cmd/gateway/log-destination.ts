import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import pino, { type DestinationStream } from 'pino'
import type { LostLinesView } from '../../routes/admin/views.ts'

/** Where log lines are written. The owner calls `flush()` before the process ends. */
export interface LogDestination extends DestinationStream {
  /** Writes the lines that are left. Waits at most a second for a reader that does not read. */
  flush(): void
  /** The lines that were dropped so far. */
  readonly lost: LostLinesView
}

/** Lines that were dropped until the destination took lines again. */
export interface LostLines {
  readonly lines: number
  /** The code of the last error; undefined = the reader was too slow. */
  readonly reason: string | undefined
}

/** Lines that were dropped so far, by the reason. */
export type LostCounts = { -readonly [Reason in keyof LostLinesView]: LostLinesView[Reason] }

/** Where lines are not counted, or none can be lost. */
export const NONE_LOST: LostLinesView = { slowReader: 0, writeError: 0 }

/** PIPE_BUF of Linux. POSIX guarantees that a write of up to this size to a pipe is done whole or not at all. */
const BATCH_BYTES = 4_096
/** How long a line may wait for others, to be written together. */
const BATCH_MS = 100
/** How long to wait before writing again to a reader that takes nothing. */
const RETRY_MS = 20
/** The same after an error. */
const ERROR_RETRY_MS = 1_000
/** Errors that may pass, since somebody may make room on the disk. The lines are kept meanwhile. */
const PASSING_ERRORS = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']
/** Bytes kept for a reader that is too slow, or until there is room on the disk. Further lines are dropped and counted. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** How long `flush()` waits for a reader that is too slow. */
export const FLUSH_TIMEOUT_MS = 1_000

/**
 * Opens standard output for log lines, which are written in batches by calls that never block. A write costs a few µs.
 * Handing it to another thread and being notified of its end, as pino's own asynchronous destination does, would cost
 * more than half of a request.
 */
export function openLogDestination(): LogDestination {
  if (process.platform !== 'win32') return openNonBlocking(process.stdout)
  const destination = pino.destination({ sync: false, minLength: BATCH_BYTES, periodicFlush: BATCH_MS })
  return {
    write: line => void destination.write(line),
    flush: () => destination.flushSync(),
    lost: NONE_LOST,
  }
}

/**
 * Opens the same file for writes that do not block. A pipe is opened again, because the flag would otherwise also apply
 * to the other processes that hold it, such as a shell or our workers. A socket, such as journald's, cannot be opened
 * again: all processes share its flag, and each one that starts or ends with it clears it. So it is set before each write.
 */
function openNonBlocking(stdout: NodeJS.WriteStream & { readonly fd: number }): LogDestination {
  const { fd } = stdout
  const kind = fstatSync(fd)
  const { _handle: handle } = stdout as { readonly _handle?: { setBlocking?(isBlocking: boolean): number } }
  if (kind.isFIFO()) {
    try {
      return new BatchedFile(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK))
    } catch {
      // Without /proc, a pipe is treated like a socket.
    }
  } else if (!kind.isSocket()) return new BatchedFile(fd)
  return new BatchedFile(fd, (to, bytes) => {
    handle?.setBlocking?.(false)
    return writeSync(to, bytes)
  })
}

/**
 * Writes lines to a non-blocking descriptor, in batches that a pipe takes whole. So the lines of several processes that
 * share a pipe are not mixed, except when a line is longer than a batch and the pipe is full.
 */
export class BatchedFile implements LogDestination {
  readonly #fd: number
  readonly #write: (fd: number, bytes: Buffer) => number
  readonly #onRecovered: (lost: LostLines) => void
  #batch = ''
  #batchBytes = 0
  /** Batches that the reader has not taken yet. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  readonly lost: LostCounts
  /** Lines dropped since the last report. */
  #dropped = 0
  /** The error of the last write; undefined when it was none. */
  #error: string | undefined
  #timer: NodeJS.Timeout | undefined

  /**
   * @param write has the signature of `fs.writeSync` and throws EAGAIN when it would block
   * @param onRecovered is called when lines are written again after some were dropped. Default: the file gets a line that
   *   says so, in the form of the log
   * @param lost gets the lines that are dropped. Default: counts of its own
   */
  constructor(
    fd: number,
    write: (fd: number, bytes: Buffer) => number = writeSync,
    onRecovered?: (lost: LostLines) => void,
    lost: LostCounts = { slowReader: 0, writeError: 0 },
  ) {
    this.#fd = fd
    this.#write = write
    this.#onRecovered = onRecovered ?? (lines => this.#report(lines))
    this.lost = lost
  }

  /** Whether a line waits to be written. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0 || this.#batch !== ''
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#batchBytes + bytes > BATCH_BYTES) this.#writeBatch()
    this.#batch += line
    this.#batchBytes += bytes
    this.#timer ??= setTimeout(this.#onTimer, BATCH_MS).unref()
  }

  /** @param withinMs how long it waits for a reader that does not read. Default: a second */
  flush(withinMs = FLUSH_TIMEOUT_MS): void {
    const deadline = performance.now() + withinMs
    this.#writeBatch()
    while (this.isWaiting) {
      if (this.#waiting.length > 0) {
        // The time is for a reader that takes nothing. Writing what a reader takes may need longer.
        if (this.#error !== undefined || performance.now() >= deadline) return
        Atomics.wait(NEVER_NOTIFIED, 0, 0, RETRY_MS)
      }
      this.#writeBatch()
    }
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined
    this.#writeBatch()
    if (this.#waiting.length === 0) return
    this.#timer = setTimeout(this.#onTimer, this.#error === undefined ? RETRY_MS : ERROR_RETRY_MS).unref()
  }

  /** Queues the current batch and writes as much of the queue as the reader takes. */
  #writeBatch(): void {
    if (this.#batch !== '') {
      const batch = Buffer.from(this.#batch)
      this.#batch = ''
      this.#batchBytes = 0
      if (this.#waitingBytes + batch.length > MAX_WAITING_BYTES) this.#drop(batch)
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
        const { code } = error as NodeJS.ErrnoException
        if (code === 'EAGAIN') return
        // There is nowhere to report it, until a write succeeds.
        this.#error = String(code)
        if (PASSING_ERRORS.includes(this.#error)) return
        for (const each of this.#waiting) this.#drop(each)
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
      if (this.#waiting.length === 0 && (this.#dropped > 0 || this.#error !== undefined)) {
        const lost = { lines: this.#dropped, reason: this.#error }
        this.#dropped = 0
        this.#error = undefined
        this.#onRecovered(lost)
      }
    }
  }

  #drop(batch: Buffer): void {
    const lines = countLines(batch)
    this.#dropped += lines
    this.lost[this.#error === undefined ? 'slowReader' : 'writeError'] += lines
  }

  /** Says, once lines are written again, how many were dropped before. */
  #report({ reason, lines }: LostLines): void {
    const about = { level: 40, time: Date.now(), pid: process.pid, reason, lines }
    const msg =
      reason === undefined
        ? 'log lines dropped; the reader of the log is too slow'
        : 'log is written again; it could not be for a while'
    const text = `${JSON.stringify({ ...about, msg })}\n`
    this.#batch = text + this.#batch
    this.#batchBytes += Buffer.byteLength(text)
    this.#timer ??= setTimeout(this.#onTimer, BATCH_MS).unref()
  }
}

function countLines(batch: Buffer): number {
  let lines = 0
  for (const byte of batch) if (byte === 0x0a) lines++
  return lines
}

/** Waiting on it is a synchronous sleep. */
const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4))
