/**
 * An unbounded queue between a producer that pushes events and one reader that iterates over them in order.
 * Ends when `signal` aborts, when `end()` is called, or when the reader leaves its loop.
 */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #events: T[] = []
  readonly #onEnd: () => void
  readonly #signal: AbortSignal
  readonly #abort = () => this.end()
  #wake: (() => void) | undefined
  #ended = false

  /** @param onEnd called once when the queue ends, for whatever reason */
  constructor(signal: AbortSignal, onEnd: () => void = () => {}) {
    this.#signal = signal
    this.#onEnd = onEnd
    if (signal.aborted) this.#ended = true
    else signal.addEventListener('abort', this.#abort, { once: true })
  }

  push(event: T): void {
    if (this.#ended) return
    this.#events.push(event)
    this.#wake?.()
  }

  /** Ends the iteration and drops the events that were not read yet. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#signal.removeEventListener('abort', this.#abort)
    this.#events.length = 0
    this.#wake?.()
    this.#onEnd()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      while (!this.#ended) {
        const batch = this.#events.splice(0)
        for (const event of batch) {
          if (this.#ended) return
          yield event
        }
        if (batch.length > 0) continue
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    } finally {
      this.end()
    }
  }
}
