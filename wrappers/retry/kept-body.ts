import { Readable } from 'node:stream'
import type { RequestBody } from '../../internal/upstream.ts'

/**
 * Makes a body that can be sent more than once, by keeping its chunks as they pass. In the end all of it is in memory,
 * so this is for short bodies. Nothing is read from the client before a try reads the first byte.
 */
export function keepBody(source: RequestBody): RequestBody {
  const kept = new KeptBody(source)
  return {
    begun: false,
    length: source.length,
    get awaitsContinue() {
      return source.awaitsContinue
    },
    get trailers() {
      return source.trailers
    },
    open: () => new KeptBodyReader(kept),
  }
}

class KeptBody {
  readonly chunks: Buffer[] = []
  ended = false
  error: Error | undefined = undefined
  readonly readers = new Set<KeptBodyReader>()
  readonly #source: RequestBody
  #isReading = false

  constructor(source: RequestBody) {
    this.#source = source
  }

  /** Begins to read from the client at the first call; later calls do nothing. */
  read(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#source
      .open()
      .on('data', (chunk: Buffer) => {
        this.chunks.push(chunk)
        this.#notify()
      })
      .on('end', () => {
        this.ended = true
        this.#notify()
      })
      .on('error', error => {
        this.error = error
        this.#notify()
      })
  }

  #notify(): void {
    for (const reader of this.readers) reader.advance()
  }
}

/** Reads the body from its beginning, for one try. */
class KeptBodyReader extends Readable {
  readonly #kept: KeptBody
  #next = 0

  constructor(kept: KeptBody) {
    super()
    this.#kept = kept
    kept.readers.add(this)
    // The try that reads has its own listener. Without a reader, an error must not crash the process.
    this.on('error', () => {})
  }

  override _read(): void {
    this.#kept.read()
    this.advance()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#kept.readers.delete(this)
    done(error)
  }

  /** Passes on all chunks that have come, regardless of backpressure, because they are in memory anyway. */
  advance(): void {
    const { chunks, ended, error } = this.#kept
    while (this.#next < chunks.length) this.push(chunks[this.#next++])
    if (error) this.destroy(error)
    else if (ended && !this.readableEnded) {
      this.#kept.readers.delete(this)
      this.push(null)
    }
  }
}
