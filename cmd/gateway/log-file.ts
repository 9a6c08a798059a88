import { closeSync, constants, fstatSync, openSync, type Stats, statSync, writeSync } from 'node:fs'
import { BatchedFile, type LostCounts, type LostLines } from './log-destination.ts'

/** How often it is noticed that the file was renamed or removed. */
const LOOK_EVERY_MS = 1_000
/** Without O_NONBLOCK, a named pipe that nobody reads would stop the process. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** Lines have addresses and names. */
const MODE = 0o640

/**
 * A file that lines are appended to, in batches. Programs that rotate logs rename such a file. So it is opened again by its
 * path once the path names no file, or another one. Lines that cannot be written wait, as those of the log do.
 */
export class LogFile {
  readonly #path: string
  readonly #lines: BatchedFile
  #fd: number | undefined
  #lookedAt = performance.now()

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
    const write = (_: number, bytes: Buffer) => writeSync(this.#current(), bytes)
    this.#lines = new BatchedFile(this.#fd, write, onRecovered, lost)
  }

  write(line: string): void {
    this.#lines.write(line)
  }

  /** Writes the lines that are left. Those that come later are dropped. */
  close(): void {
    this.#lines.flush()
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
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
    } catch {
      // The old file is better than none.
    }
    return this.#fd
  }
}

function isSame(named: Stats | undefined, open: Stats): boolean {
  return named !== undefined && named.ino === open.ino && named.dev === open.dev
}
