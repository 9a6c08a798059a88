import { Readable } from 'node:stream'
import type { ClientRequest } from '../../internal/http/client-exchange.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RequestBody } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'

/** What a body is read from. */
export type BodySource = Pick<ClientRequest, 'socket'> & Readable

/**
 * After so many chunks in one turn of the event loop, reading stops until the next: a client can send a body in chunks of
 * one byte, and what is read at once would then keep the gateway busy for a second.
 */
const MAX_CHUNKS_PER_TURN = 256

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
export function createRequestBody(source: BodySource, options: RequestBodyOptions): RequestBody {
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
export function discardBody(source: BodySource, onPiece: (bytes: number) => void): void {
  let chunks = 0
  const goOn = () => {
    if (chunks >= MAX_CHUNKS_PER_TURN) readAgain(source)
    chunks = 0
  }
  source
    .on('data', (chunk: Buffer) => {
      onPiece(chunk.length)
      if (++chunks === 1) setImmediate(goOn)
      else if (chunks === MAX_CHUNKS_PER_TURN) stopReading(source)
    })
    .resume()
}

/** Stops reading from the client. A paused request alone would still be read until its buffer is full of small chunks. */
function stopReading(source: BodySource): void {
  source.pause()
  source.socket.pause()
}

function readAgain(source: BodySource): void {
  source.socket.resume()
  source.resume()
}

/** Smaller chunks are joined before they are passed on. */
const SMALL_CHUNK_BYTES = 1_024

/**
 * The body for one try. Small chunks that were read from the client together are passed on together: a client may send a
 * body in chunks of one byte, and each would otherwise cost as much as a packet on its way to the node.
 */
class BodyStream extends Readable {
  readonly #source: BodySource
  readonly #options: RequestBodyOptions
  readonly #onBegin: () => void
  #begun = false
  #bytes = 0
  /** Small chunks of this turn of the event loop. */
  #small: Buffer[] = []

  constructor(source: BodySource, options: RequestBodyOptions, onBegin: () => void) {
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
    } else if (this.#options.length === undefined && chunk.length < SMALL_CHUNK_BYTES) {
      const count = this.#small.push(chunk)
      if (count === 1) setImmediate(this.#passSmall)
      else if (count === MAX_CHUNKS_PER_TURN) stopReading(this.#source)
    } else {
      this.#passSmall()
      this.#pass(chunk)
    }
  }

  readonly #passSmall = (): void => {
    if (this.#small.length === 0) return
    const small = this.#small
    this.#small = []
    if (small.length >= MAX_CHUNKS_PER_TURN) readAgain(this.#source)
    if (!this.destroyed) this.#pass(small.length === 1 ? small[0]! : Buffer.concat(small))
  }

  #pass(chunk: Buffer): void {
    this.#options.onPiece(chunk.length)
    if (!this.push(chunk)) this.#source.pause()
  }

  readonly #onEnd = (): void => {
    this.#passSmall()
    this.push(null)
  }

  // Stays attached after this stream is destroyed, because a client that breaks off later must not be an unhandled error.
  readonly #onError = (error: Error): void => {
    this.destroy(new UpstreamFailure('aborted', error))
  }
}
