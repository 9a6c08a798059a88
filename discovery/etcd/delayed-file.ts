import type { Logger } from '../logger.ts'
import { writeWhole } from '../write-whole.ts'

const DELAY_MS = 500
/** How long to wait before what could not be written is tried again. */
const RETRY_MS = 10_000

export interface DelayedFileOptions {
  /** Returns what to write, at the time of the write; undefined when there is nothing. */
  readonly render: () => { readonly path: string; readonly content: string } | undefined
  readonly logger: Logger
  /** Time between a change and the write. Changes in between are written together. Default 500. */
  readonly delayMs?: number | undefined
}

/**
 * A file that is written some time after its content has changed. A write that fails is tried again, and causes a warning,
 * unless the one before has failed as well. Call `flush()` when done.
 */
export class DelayedFile {
  readonly #options: DelayedFileOptions
  #isDue = false
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #hasFailed = false

  constructor(options: DelayedFileOptions) {
    this.#options = options
  }

  schedule(): void {
    this.#isDue = true
    this.#writeIn(this.#options.delayMs ?? DELAY_MS)
  }

  /** Writes now what is due. Resolves when it is on disk or could not be written. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  #writeIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      void this.flush().then(() => {
        if (this.#isDue) this.#writeIn(RETRY_MS)
      })
    }, ms).unref()
  }

  async #write(): Promise<void> {
    if (!this.#isDue) return
    this.#isDue = false
    let path: string | undefined
    try {
      // A table can be too large for one string.
      const rendered = this.#options.render()
      if (!rendered) return
      path = rendered.path
      await writeWhole(path, rendered.content)
      this.#hasFailed = false
    } catch (error) {
      this.#isDue = true
      const { message: reason } = error as Error
      if (!this.#hasFailed) this.#options.logger.warn({ path, reason }, 'writing the snapshot failed')
      this.#hasFailed = true
    }
  }
}
