import { readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { MessageBoundary } from '../../internal/grpc/message-boundary.ts'
import { writeWebTrailers } from '../../internal/grpc/web-trailers.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { WrappedResponse } from '../../internal/http/wrapped-response.ts'

/** What a client of gRPC-web gets: the messages, and behind them the trailers as the last part of the body. */
export class WebResponse extends WrappedResponse {
  readonly #isText: boolean
  readonly #trailers: readonly string[] | undefined
  readonly #boundary = new MessageBoundary()

  /**
   * @param isText whether the body is base64
   * @param trailers those of an answer whose head has them; undefined when they come behind the messages
   */
  constructor(target: ClientResponse, isText: boolean, trailers: readonly string[] | undefined) {
    super(target)
    this.#isText = isText
    this.#trailers = trailers
  }

  override get takesTrailers(): boolean {
    return true
  }

  override get copiesChunks(): boolean {
    return this.#isText || super.copiesChunks
  }

  override write(chunk: Buffer | string): boolean {
    this.#boundary.pass(chunk)
    // Each part of the text has its own padding, so that the client can read all that it has got.
    return this.#isText ? this.target.write(toBase64(chunk), 'latin1') : super.write(chunk)
  }

  override end(chunk?: Buffer | string): void {
    if (chunk !== undefined && chunk.length > 0) this.write(chunk)
    this.endWithTrailers(this.#trailers ?? readGrpcEnd([]).lines)
  }

  override endWithTrailers(trailers: readonly string[]): void {
    // Behind half of a message, the trailers would be taken for the rest of it.
    if (!this.#boundary.isAtBoundary) this.target.abort(false)
    else this.target.end(writeWebTrailers(trailers, this.#isText))
  }
}

function toBase64(chunk: Buffer | string): string {
  return (typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk).toString('base64')
}
