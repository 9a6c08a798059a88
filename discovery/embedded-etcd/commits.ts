import { EtcdError, etcdError } from './errors.ts'
import type { CallTurns, Journal, StoreChange } from './journal.ts'
import type { JournalFile } from './journal-file.ts'
import { type Entry, encode, keyChange } from './journal-lines.ts'

/** More than this is not collected for one write. */
const BATCH_BYTES = 4 << 20

const OUT_OF_SPACE: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

export interface CommitsOptions {
  readonly file: JournalFile
  /** The file is replaced when it has doubled and has grown by this. */
  readonly growthBytes: number
  /** Returns the whole present state, for a file that takes the place of one that has grown. */
  readonly snapshot: () => Iterable<Entry>
  /** Called with the error when changes can no longer be kept, and without one when they can again. */
  readonly onFailing: (error: Error | undefined) => void
  /** Called when the file could not be replaced, which is tried again when it has grown further. */
  readonly onReplaceFailed: (error: Error) => void
}

/** A call, and what it told, which waits until that is kept. */
interface Call<T = unknown> {
  readonly work: () => T
  readonly deliver: (result: T) => void
  result?: T
}

/**
 * Keeps changes in a file before anyone hears of them.
 *
 * Calls run one after the other, in memory. The first change begins a batch. All calls of the same turn of the event loop join it,
 * reads too, because they see its changes. Then the batch is written and synced in one piece, and its calls are answered. Calls
 * that come meanwhile wait, so nobody sees what is not on the disk.
 *
 * When the batch cannot be kept, its changes are taken back, and its calls run again with changes refused.
 */
export class Commits implements Journal, CallTurns {
  readonly #options: CommitsOptions
  /** The calls of the batch. */
  #batch: Call[] = []
  #entries: string[] = []
  #bytes = 0
  #undo: (() => void)[] = []
  #done: (() => void)[] = []
  /** The calls that wait for the batch to be written. */
  #waiting: Call[] = []
  #isWriting = false
  #idle: Promise<void> = Promise.resolve()
  #refusal: EtcdError | undefined
  #isFailing = false
  #replaceAtBytes: number

  constructor(options: CommitsOptions) {
    this.#options = options
    this.#replaceAtBytes = this.#afterGrowth()
  }

  get isRefusing(): boolean {
    return this.#refusal !== undefined
  }

  /** Whether the last change could not be kept. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  permit(): void {
    if (this.#refusal) throw this.#refusal
  }

  add(change: StoreChange, undo: () => void, done?: () => void): void {
    const entry = encode(
      change.kind === 'write'
        ? { kind: 'write', revision: change.revision, changes: change.events.map(keyChange) }
        : change,
    )
    this.#entries.push(entry)
    this.#bytes += entry.length
    this.#undo.push(undo)
    if (done) this.#done.push(done)
  }

  run<T>(work: () => T, deliver: (result: T) => void): void {
    const call = { work, deliver } as Call
    if (this.#isWriting) this.#waiting.push(call)
    else this.#start(call)
  }

  /** Resolves when all writes have ended. */
  async settled(): Promise<void> {
    while (this.#isWriting || this.#batch.length > 0) await this.#idle
  }

  #start(call: Call): void {
    call.result = call.work()
    if (this.#entries.length === 0) {
      call.deliver(call.result)
      return
    }
    this.#batch.push(call)
    if (this.#batch.length === 1) {
      this.#idle = new Promise(resolve => {
        setImmediate(() => resolve(this.#write()))
      })
    }
    // What comes next in this turn waits for the next batch.
    if (this.#bytes > BATCH_BYTES) this.#isWriting = true
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    const batch = this.#batch
    const failure = await this.#options.file.append(this.#entries).then(
      () => undefined,
      error => error as Error,
    )
    this.#note(failure)
    if (failure) {
      for (const undo of this.#undo.toReversed()) undo()
      this.#clear()
      for (const call of batch) this.#runRefused(call, failure)
    } else {
      const done = this.#done
      this.#clear()
      for (const each of done) each()
      for (const { deliver, result } of batch) deliver(result)
      await this.#replaceIfGrown()
    }
    this.#isWriting = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const { work, deliver } of waiting) this.run(work, deliver)
  }

  #clear(): void {
    this.#batch = []
    this.#entries = []
    this.#bytes = 0
    this.#undo = []
    this.#done = []
  }

  #runRefused({ work, deliver }: Call, failure: NodeJS.ErrnoException): void {
    const { code = failure.message } = failure
    this.#refusal = OUT_OF_SPACE.includes(code)
      ? etcdError('noSpace')
      : new EtcdError('UNAVAILABLE', `etcdserver: the data folder cannot be written: ${code}`)
    const result = work()
    this.#refusal = undefined
    deliver(result)
  }

  #note(failure: Error | undefined): void {
    if (this.#isFailing === (failure !== undefined)) return
    this.#isFailing = failure !== undefined
    this.#options.onFailing(failure)
  }

  /** Writes the present state in place of all changes that led to it, which bounds the file. */
  async #replaceIfGrown(): Promise<void> {
    const { file, snapshot, growthBytes, onReplaceFailed } = this.#options
    if (file.bytes < this.#replaceAtBytes) return
    // Without space for a second file, the first one goes on growing.
    await file.replace(snapshot()).then(
      () => {
        this.#replaceAtBytes = this.#afterGrowth()
      },
      error => {
        this.#replaceAtBytes = file.bytes + growthBytes
        onReplaceFailed(error)
      },
    )
  }

  #afterGrowth(): number {
    const { file, growthBytes } = this.#options
    return file.wholeBytes + Math.max(file.wholeBytes, growthBytes)
  }
}
