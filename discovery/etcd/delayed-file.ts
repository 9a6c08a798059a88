import type { Logger } from '../logger.ts'
import { writeWhole } from '../write-whole.ts'

const DELAY_MS = 500

export interface DelayedFileOptions {
  /** Returns what to write, at the time of the write; undefined when there is nothing. */
  readonly render: () => { readonly path: string; readonly content: string } | undefined
  readonly logger: Logger
  /** Time between a change and the write. Changes in between are written together. Default 500. */
  readonly delayMs?: number | undefined
}

/**
 * A file that is written some time after its content has changed. A write that fails causes a warning, and only the first of
 * several in a row. Call `flush()` when done.
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
    this.#timer ??= setTimeout(() => void this.flush(), this.#options.delayMs ?? DELAY_MS).unref()
  }

  /** Writes now what is due. Resolves when it is on disk or could not be written. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const rendered = this.#isDue ? this.#options.render() : undefined
    this.#isDue = false
    if (!rendered) return
    const { path, content } = rendered
    try {
      await writeWhole(path, content)
      this.#hasFailed = false
    } catch (error) {
      const { message: reason } = error as Error
      if (!this.#hasFailed) this.#options.logger.warn({ path, reason }, 'writing the snapshot failed')
      this.#hasFailed = true
    }
  }
}
