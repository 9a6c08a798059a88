import { Readable } from 'node:stream'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RequestBody } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'

export interface RequestBodyOptions {
  /** Larger bodies end with WG_BODY_TOO_LARGE; 0 = no limit. */
  readonly maxBytes: number
  /** The declared length of the body; undefined when it is chunked. */
  readonly length?: number | undefined
  /**
   * Asks the client for its body. Called when a node is ready for the first byte. Undefined when the client does not wait
   * to be asked.
   */
  readonly sendContinue?: (() => void) | undefined
  /** Returns the trailers for the node, flat. Called once the body has ended. */
  readonly trailers?: (() => readonly string[] | undefined) | undefined
  /** Called with the size of each piece that arrived. */
  readonly onPiece: (bytes: number) => void
}

/**
 * Creates the body of a client's request. Nothing is read from the client before a node takes the first byte, so that a
 * request whose connection to a node fails can still go to another node.
 */
export function createRequestBody(source: Readable, options: RequestBodyOptions): RequestBody {
  let begun = false
  return {
    get begun() {
      return begun
    },
    length: options.length,
    get awaitsContinue() {
      return !begun && options.sendContinue !== undefined
    },
    get trailers() {
      return options.trailers?.()
    },
    open: () =>
      new BodyStream(source, options, () => {
        if (begun) return
        begun = true
        options.sendContinue?.()
      }),
  }
}

/**
 * Reads the rest of a body and discards it, so that the client can read its answer and send another request.
 *
 * @param onPiece called with the size of each piece, because discarded pieces take memory until they are collected
 */
export function discardBody(source: Readable, onPiece: (bytes: number) => void): void {
  source.on('data', (piece: Buffer) => onPiece(piece.length)).resume()
}

class BodyStream extends Readable {
  readonly #source: Readable
  readonly #options: RequestBodyOptions
  readonly #onBegin: () => void
  #begun = false
  #bytes = 0

  constructor(source: Readable, options: RequestBodyOptions, onBegin: () => void) {
    super()
    this.#source = source
    this.#options = options
    this.#onBegin = onBegin
    // A reader has an error listener of its own. Once there is no reader, a client that breaks off must not end the
    // process.
    this.on('error', () => {})
  }

  override _read(): void {
    if (this.#begun) {
      this.#source.resume()
      return
    }
    this.#begun = true
    this.#onBegin()
    if (this.#source.readableEnded) this.push(null)
    else if (this.#source.destroyed) this.destroy(new UpstreamFailure('aborted'))
    else this.#source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#begun && !this.#source.readableEnded) {
      discardBody(this.#source.off('data', this.#onData).off('end', this.#onEnd), this.#options.onPiece)
    }
    done(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#options.maxBytes > 0 && this.#bytes > this.#options.maxBytes) {
      this.destroy(new GatewayError('WG_BODY_TOO_LARGE'))
      return
    }
    this.#options.onPiece(chunk.length)
    if (!this.push(chunk)) this.#source.pause()
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }

  // Stays attached after this stream is destroyed, because a client that breaks off later must not be an unhandled error.
  readonly #onError = (error: Error): void => {
    this.destroy(new UpstreamFailure('aborted', error))
  }
}
