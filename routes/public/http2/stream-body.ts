import type { ClientRequest } from '../../../internal/http/client-exchange.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { BodyReader, RequestBodyOptions } from '../../../internal/policy.ts'
import type { BodyFlow, BodySink } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { ClientBody } from '../../../middleware/connection/client-body.ts'
import type { BodyTaker, IncomingBody } from './incoming-body.ts'

/** A request whose body arrives over a stream. */
export interface StreamRequest extends ClientRequest {
  /** Undefined when the request has no body. */
  readonly incoming: IncomingBody | undefined
}

/** Reads the bodies of HTTP/2 requests. */
export const http2Bodies: BodyReader = {
  open: (request, options) => new StreamBody((request as StreamRequest).incoming!, options),
  discard: request => (request as StreamRequest).incoming?.discard(),
}

class StreamBody extends ClientBody {
  readonly incoming: IncomingBody

  constructor(incoming: IncomingBody, options: RequestBodyOptions) {
    super(options)
    this.incoming = incoming
    incoming.mayPause = options.mayPause === true
  }

  open(sink: BodySink): BodyFlow {
    return new StreamFlow(this, sink)
  }
}

/** A body on its way to one try. */
class StreamFlow implements BodyFlow, BodyTaker {
  isPaused = true
  readonly #body: StreamBody
  readonly #sink: BodySink
  #hasBegun = false
  #isOver = false
  #bytes = 0

  constructor(body: StreamBody, sink: BodySink) {
    this.#body = body
    this.#sink = sink
  }

  resume(): void {
    if (this.#isOver || !this.isPaused) return
    this.isPaused = false
    this.#hasBegun = true
    this.#body.begin()
    this.#body.incoming.resume(this)
  }

  pause(): void {
    if (!this.#isOver) this.isPaused = true
  }

  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#hasBegun) this.#body.incoming.discard()
  }

  onPiece(piece: Buffer): void {
    const { maxBytes, onPiece } = this.#body.options
    this.#bytes += piece.length
    onPiece(piece.length)
    if (maxBytes > 0 && this.#bytes > maxBytes) {
      this.stop()
      this.#sink.onError(new GatewayError('WG_BODY_TOO_LARGE'))
    } else this.#sink.onData(piece)
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink.onEnd()
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink.onError(error instanceof UpstreamFailure ? error : new UpstreamFailure('aborted', error))
  }
}
