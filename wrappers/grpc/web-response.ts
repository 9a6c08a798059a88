import { readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { MessageBoundary } from '../../internal/grpc/message-boundary.ts'
import { writeWebTrailers } from '../../internal/grpc/web-trailers.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'

/** What a client of gRPC-web gets: the messages, and behind them the trailers as the last part of the body. */
export class WebResponse implements ClientResponse {
  readonly #target: ClientResponse
  readonly #isText: boolean
  readonly #trailers: readonly string[] | undefined
  readonly #boundary = new MessageBoundary()

  /**
   * @param isText whether the body is base64
   * @param trailers those of an answer whose head has them; undefined when they come behind the messages
   */
  constructor(target: ClientResponse, isText: boolean, trailers: readonly string[] | undefined) {
    this.#target = target
    this.#isText = isText
    this.#trailers = trailers
  }

  get destroyed(): boolean {
    return this.#target.destroyed
  }

  get headersSent(): boolean {
    return this.#target.headersSent
  }

  get statusCode(): number {
    return this.#target.statusCode
  }

  get writableFinished(): boolean {
    return this.#target.writableFinished
  }

  get takesTrailers(): boolean {
    return true
  }

  get copiesChunks(): boolean {
    return this.#isText || this.#target.copiesChunks
  }

  writeHead(status: number, headers: string[]): unknown {
    return this.#target.writeHead(status, headers)
  }

  write(chunk: Buffer | string): boolean {
    this.#boundary.pass(chunk)
    // Each part of the text has its own padding, so that the client can read all that it has got.
    if (this.#isText) return this.#target.write(toBase64(chunk), 'latin1')
    return typeof chunk === 'string' ? this.#target.write(chunk, 'latin1') : this.#target.write(chunk)
  }

  end(chunk?: Buffer | string): void {
    if (chunk !== undefined && chunk.length > 0) this.write(chunk)
    this.endWithTrailers(this.#trailers ?? readGrpcEnd([]).lines)
  }

  endWithTrailers(trailers: readonly string[]): void {
    // Behind half of a message, the trailers would be taken for the rest of it.
    if (!this.#boundary.isAtBoundary) this.#target.abort(false)
    else this.#target.end(writeWebTrailers(trailers, this.#isText))
  }

  writeInterim(status: number, headers: readonly string[]): void {
    this.#target.writeInterim(status, headers)
  }

  sendContinue(): void {
    this.#target.sendContinue()
  }

  allowSlowClient(): void {
    this.#target.allowSlowClient()
  }

  closeAfter(): void {
    this.#target.closeAfter()
  }

  abort(isDelimited: boolean): void {
    this.#target.abort(isDelimited)
  }

  on(event: 'close' | 'drain', listener: () => void): unknown {
    return this.#target.on(event, listener)
  }

  once(event: 'close' | 'drain', listener: () => void): unknown {
    return this.#target.once(event, listener)
  }
}

function toBase64(chunk: Buffer | string): string {
  return (typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk).toString('base64')
}
