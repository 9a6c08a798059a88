import { closeSync, constants, fstatSync, openSync, type Stats, statSync, writeSync } from 'node:fs'
import { BatchedFile, FLUSH_TIMEOUT_MS, type LostCounts, type LostLines } from './log-destination.ts'

/** How often it is noticed that the file was renamed or removed. */
const LOOK_EVERY_MS = 1_000
/** Without O_NONBLOCK, a named pipe that nobody reads would stop the process. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** How often it is noticed that all lines of a file are written that is used no longer. */
const RETIRING_LOOK_MS = 20
const NEW_LINE = 0x0a
const NOTHING = Buffer.alloc(0)
/** Lines have addresses and names. */
const MODE = 0o640

/**
 * A file that lines are appended to, in batches. Programs that rotate logs rename such a file. So it is opened again by its
 * path once the path names no file, or another one. Lines that cannot be written wait, as those of the log do. A line of which only
 * the beginning could be written is written anew to another file, so that each file begins with a line.
 */
export class LogFile {
  readonly #path: string
  readonly #lines: BatchedFile
  #fd: number | undefined
  #lookedAt = performance.now()
  /** What the present file has of a line that is not whole yet. */
  #begun: Buffer = NOTHING
  /** What is to be written before anything else: what an earlier file has of a line. */
  #owed: Buffer = NOTHING

  /**
   * @param setting names the path in the error
   * @param onRecovered is called when lines are written again, with those that were dropped
   * @param lost gets the lines that are dropped
   * @throws Error when the file cannot be opened
   */
  constructor(path: string, setting: string, onRecovered: (lost: LostLines) => void, lost?: LostCounts) {
    this.#path = path
    try {
      this.#fd = openSync(path, FLAGS, MODE)
    } catch (cause) {
      throw new Error(
        `${setting}: cannot write to ${path} (${(cause as Error).message}); create its folder, or name another file`,
        { cause },
      )
    }
    const write = (_: number, bytes: Buffer) => this.#append(this.#current(), bytes)
    this.#lines = new BatchedFile(this.#fd, write, onRecovered, lost)
  }

  write(line: string): void {
    this.#lines.write(line)
  }

  /** Writes the lines that are left, and waits for a reader that is too slow. Those that come later are dropped. */
  close(): void {
    this.#lines.flush()
    this.#end()
  }

  /**
   * Writes the lines that are left without waiting. Those that a reader does not take at once have as long as `close` waits, while
   * the process does other things.
   */
  retire(): void {
    this.#lines.flush(0)
    const begunAt = performance.now()
    const look = () => {
      if (!this.#lines.isWaiting || performance.now() - begunAt >= FLUSH_TIMEOUT_MS) this.#end()
      else setTimeout(look, RETIRING_LOOK_MS).unref()
    }
    look()
  }

  #end(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  /** Returns how many of the bytes were written. */
  #append(fd: number, bytes: Buffer): number {
    const owed = this.#owed.length
    const all = owed === 0 ? bytes : Buffer.concat([this.#owed, bytes])
    const written = writeSync(fd, all)
    this.#owed = this.#owed.subarray(written)
    this.#begun =
      written === all.length ? NOTHING : endOf(Buffer.concat([this.#begun, all.subarray(0, written)]))
    return Math.max(0, written - owed)
  }

  #current(): number {
    if (this.#fd === undefined) throw new Error('closed')
    if (performance.now() - this.#lookedAt < LOOK_EVERY_MS) return this.#fd
    this.#lookedAt = performance.now()
    try {
      if (isSame(statSync(this.#path, { throwIfNoEntry: false }), fstatSync(this.#fd))) return this.#fd
      const next = openSync(this.#path, FLAGS, MODE)
      closeSync(this.#fd)
      this.#fd = next
      this.#owed = Buffer.concat([this.#begun, this.#owed])
      this.#begun = NOTHING
    } catch {
      // The old file is better than none.
    }
    return this.#fd
  }
}

/** Returns what comes after the last line that is whole. */
function endOf(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.lastIndexOf(NEW_LINE) + 1)
}

function isSame(named: Stats | undefined, open: Stats): boolean {
  return named !== undefined && named.ino === open.ino && named.dev === open.dev
}
