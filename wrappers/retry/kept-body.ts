import { Readable } from 'node:stream'
import type { RequestBody } from '../../internal/upstream.ts'

/**
 * The same body, which can be sent again: what comes of it is kept while it passes. Whole it is in memory in the
 * end, so it is for short ones. As before, nothing is read before a node takes the first byte.
 */
export function keepBody(source: RequestBody): RequestBody {
  const kept = new KeptBody(source)
  return { begun: false, length: source.length, open: () => new KeptBodyReader(kept) }
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

  /** Begins to take it from the client, at the first call. */
  read(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#source
      .open()
      .on('data', (chunk: Buffer) => {
        this.chunks.push(chunk)
        this.#tell()
      })
      .on('end', () => {
        this.ended = true
        this.#tell()
      })
      .on('error', error => {
        this.error = error
        this.#tell()
      })
  }

  #tell(): void {
    for (const reader of this.readers) reader.advance()
  }
}

/** The body from its beginning, for one try. */
class KeptBodyReader extends Readable {
  readonly #kept: KeptBody
  #next = 0

  constructor(kept: KeptBody) {
    super()
    this.#kept = kept
    kept.readers.add(this)
    // Whoever reads hears of it in a listener of its own; when nobody does any more, nobody needs to.
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

  /** Passes on what has come; all of it, since it is kept in any case. */
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
