import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DataFolderError } from './errors.ts'
import { DamagedError, type Entry, encode, type ReadLines, readLines, writeLine } from './journal-lines.ts'

/** A line of a whole state holds about this many bytes. */
const LINE_BYTES = 1 << 18

/** The file is read in pieces of this size. */
const READ_BYTES = 1 << 20

/** Reads and writes the one file of a durable store. Only one call may be under way at a time. */
export class JournalFile {
  readonly #path: string
  readonly #unfinished: string
  #handle: FileHandle | undefined
  #length = 0
  #wholeLength = 0
  #checksum = 0
  /** Whether bytes after `#length` may be in the file. */
  #hasRest = false

  constructor(path: string) {
    this.#path = path
    this.#unfinished = `${path}.new`
  }

  /** The size of the whole state with which the file begins. */
  get wholeBytes(): number {
    return this.#wholeLength
  }

  /** The size of the file. */
  get bytes(): number {
    return this.#length
  }

  /**
   * Reads the file, calls `apply` with each entry, and cuts off a torn last write. Without a file it does nothing.
   *
   * @returns whether there is a file, and how many bytes were cut off
   * @throws Error that names the file, the place of the damage, and the cure
   */
  async read(apply: (entry: Entry) => void): Promise<{ exists: boolean; cutBytes: number }> {
    const path = this.#path
    await rm(this.#unfinished, { force: true })
    let read: ReadLines
    try {
      read = await readLines(createReadStream(path, { highWaterMark: READ_BYTES }), apply)
      if (read.wholeLength === 0) throw new DamagedError('its first part is not whole', read.length)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { exists: false, cutBytes: 0 }
      throw explained(path, error)
    }
    const { checksum, length, wholeLength, size } = read
    this.#wholeLength = wholeLength
    this.#checksum = checksum
    this.#length = length
    this.#handle = await open(path, 'r+')
    const cutBytes = size - length
    this.#hasRest = cutBytes > 0
    await this.#cut()
    return { exists: true, cutBytes }
  }

  /**
   * Appends entries in one piece: after a crash, all of them are there or none. Resolves when they are on the disk.
   *
   * @throws Error of the file system; nothing of the entries stays then
   */
  async append(entries: readonly string[]): Promise<void> {
    const handle = this.#handle!
    await this.#checkPlace()
    await this.#cut()
    const { bytes, checksum } = writeLine(entries, this.#checksum)
    try {
      this.#hasRest = true
      await writeAll(handle, bytes, this.#length)
      await handle.datasync()
    } catch (error) {
      // When this fails too, it is tried again before the next append. A start would cut the rest off as well, or find it whole,
      // if only the last step failed.
      await this.#cut().catch(() => {})
      throw error
    }
    this.#hasRest = false
    this.#length += bytes.length
    this.#checksum = checksum
  }

  /**
   * Replaces the file by one with these entries. Another file takes its place when it is complete, so a crash leaves the old one or
   * the new one.
   *
   * @throws Error of the file system; the old file stays then
   */
  async replace(entries: Iterable<Entry>): Promise<void> {
    let handle: FileHandle | undefined
    let length = 0
    let checksum = 0
    try {
      handle = await open(this.#unfinished, 'w', 0o600)
      for (const batch of inBatches(entries)) {
        const line = writeLine(batch, checksum)
        await writeAll(handle, line.bytes, length)
        length += line.bytes.length
        checksum = line.checksum
      }
      await handle.datasync()
      await rename(this.#unfinished, this.#path)
    } catch (error) {
      await handle?.close().catch(() => {})
      await rm(this.#unfinished, { force: true }).catch(() => {})
      throw error
    }
    await this.#handle?.close().catch(() => {})
    this.#handle = handle
    this.#length = length
    this.#wholeLength = length
    this.#checksum = checksum
    this.#hasRest = false
    await syncFolder(dirname(this.#path))
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  /**
   * Checks that a start would read this file. It goes on to take writes when it was removed, and they would be lost.
   *
   * @throws Error when it was removed, or another one was put into its place
   */
  async #checkPlace(): Promise<void> {
    const [own, there] = await Promise.all([this.#handle!.stat(), stat(this.#path)])
    if (own.ino === there.ino && own.dev === there.dev) return
    throw Object.assign(new Error(`another file is in the place of ${this.#path}`), { code: 'ESTALE' })
  }

  /** Removes what does not belong to the file. */
  async #cut(): Promise<void> {
    if (!this.#hasRest) return
    await this.#handle!.truncate(this.#length)
    await this.#handle!.datasync()
    this.#hasRest = false
  }
}

/** Writes all bytes. A single write may stop short of them, without an error. */
async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

/** Makes a rename survive a crash of the machine. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch {
    // Windows cannot sync folders, and its file systems keep the order of renames and writes by themselves.
  } finally {
    await handle.close()
  }
}

function* inBatches(entries: Iterable<Entry>): Generator<string[]> {
  let batch: string[] = []
  let bytes = 0
  for (const entry of entries) {
    const json = encode(entry)
    batch.push(json)
    bytes += json.length
    if (bytes < LINE_BYTES) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

function explained(path: string, error: unknown): unknown {
  if (!(error instanceof DamagedError)) return error
  return new DataFolderError(
    `the data of the embedded etcd is damaged, in ${path} from byte ${error.position} on: ${error.message}; ` +
      'restore the file from a copy, or move it away to start without data',
    { cause: error },
  )
}
