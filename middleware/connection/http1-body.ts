import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../../internal/http/errors.ts'
import type { BodyReader, RequestBodyOptions } from '../../internal/policy.ts'
import type { BodyFlow, BodySink } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { ClientBody } from './client-body.ts'

/**
 * After so many chunks in one turn of the event loop, reading stops until the next: a client can send a body in chunks of
 * one byte, and what is read at once would then keep the gateway busy for a second.
 */
const MAX_CHUNKS_PER_TURN = 256
/** Smaller chunks are joined before they are passed on. */
const SMALL_CHUNK_BYTES = 1_024
const NO_CHUNKS: Buffer[] = []

/** Reads the bodies of HTTP/1 requests, each of which is Node's own. */
export const http1Bodies: BodyReader = {
  open: (request, options) => new Http1Body(request as IncomingMessage, options),
  discard: (request, onPiece) => discard(request as IncomingMessage, onPiece),
}

function discard(source: IncomingMessage, onPiece: (bytes: number) => void): void {
  let chunks = 0
  const goOn = () => {
    if (chunks >= MAX_CHUNKS_PER_TURN) {
      source.socket.resume()
      source.resume()
    }
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
function stopReading(source: IncomingMessage): void {
  source.pause()
  source.socket.pause()
}

class Http1Body extends ClientBody {
  readonly source: IncomingMessage

  constructor(source: IncomingMessage, options: RequestBodyOptions) {
    super(options)
    this.source = source
  }

  open(sink: BodySink): BodyFlow {
    return new Http1Flow(this, sink)
  }
}

/**
 * The body on its way to one try. A body with a length ends with its last byte, before Node says so.
 *
 * Small chunks that were read from the client together are passed on together: a client may send a body in chunks of one
 * byte, and each would otherwise cost as much as a packet on its way to the node.
 */
class Http1Flow implements BodyFlow {
  isPaused = true
  readonly #body: Http1Body
  readonly #source: IncomingMessage
  readonly #sink: BodySink
  #isReading = false
  #isOver = false
  #bytes = 0
  /** Chunks that wait for the end of this turn of the event loop, or for `resume`. */
  #held: Buffer[] = NO_CHUNKS
  /** Whether the client has sent all of it. */
  #isWhole = false

  constructor(body: Http1Body, sink: BodySink) {
    this.#body = body
    this.#source = body.source
    this.#sink = sink
  }

  resume(): void {
    if (this.#isOver || !this.isPaused) return
    this.isPaused = false
    if (!this.#isReading) {
      this.#begin()
      return
    }
    this.#passHeld()
    if (this.isPaused || this.#isOver) return
    if (this.#isWhole) this.#end()
    else this.#source.resume()
  }

  pause(): void {
    if (this.#isOver || this.isPaused) return
    this.isPaused = true
    this.#source.pause()
  }

  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isReading) return
    const source = this.#source
    if (this.#held.length >= MAX_CHUNKS_PER_TURN) source.socket.resume()
    this.#held = NO_CHUNKS
    source.off('data', this.#onData).off('end', this.#onEnd)
    if (!source.readableEnded) discard(source, this.#body.options.onPiece)
  }

  #begin(): void {
    const source = this.#source
    this.#isReading = true
    this.#body.begin()
    if (source.readableEnded) this.#end()
    else if (source.destroyed) this.#onError()
    else source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).resume()
  }

  readonly #onData = (chunk: Buffer): void => {
    const { length, maxBytes } = this.#body.options
    this.#bytes += chunk.length
    if (maxBytes > 0 && this.#bytes > maxBytes) {
      this.stop()
      this.#sink.onError(new GatewayError('WG_BODY_TOO_LARGE'))
    } else if (length !== undefined) {
      this.#pass(chunk)
      if (this.#bytes === length) this.#end()
    } else if (chunk.length < SMALL_CHUNK_BYTES) this.#hold(chunk)
    else {
      this.#passHeld()
      if (this.isPaused) this.#hold(chunk)
      else if (!this.#isOver) this.#pass(chunk)
    }
  }

  #hold(chunk: Buffer): void {
    if (this.#held === NO_CHUNKS) this.#held = []
    const count = this.#held.push(chunk)
    if (count === 1) setImmediate(this.#passHeld)
    else if (count === MAX_CHUNKS_PER_TURN) stopReading(this.#source)
  }

  readonly #passHeld = (): void => {
    const held = this.#held
    if (this.isPaused || held.length === 0) return
    this.#held = NO_CHUNKS
    const wasStopped = held.length >= MAX_CHUNKS_PER_TURN
    if (wasStopped) this.#source.socket.resume()
    this.#pass(held.length === 1 ? held[0]! : Buffer.concat(held))
    if (!wasStopped) return
    // Node keeps the chunks that it had read from the socket by then. They are delivered as one.
    const kept = Math.min(this.#source.readableLength, this.#source.readableHighWaterMark)
    if (kept > 0 && !this.isPaused && !this.#isOver) this.#source.read(kept)
    if (!this.isPaused && !this.#isOver) this.#source.resume()
  }

  #pass(chunk: Buffer): void {
    this.#body.options.onPiece(chunk.length)
    this.#sink.onData(chunk)
  }

  readonly #onEnd = (): void => {
    this.#isWhole = true
    this.#passHeld()
    if (this.#held.length === 0) this.#end()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink.onEnd()
  }

  // Stays attached when the flow is over, because a client that breaks off later must not be an unhandled error.
  readonly #onError = (error?: Error): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#held = NO_CHUNKS
    this.#sink.onError(new UpstreamFailure('aborted', error))
  }
}
