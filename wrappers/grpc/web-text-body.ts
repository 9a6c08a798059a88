import { WebTextDecoder } from '../../internal/grpc/web-trailers.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { BodyFlow, BodySink, RequestBody } from '../../internal/upstream.ts'

/** The body of a request of `application/grpc-web-text`, decoded. */
export class WebTextBody implements RequestBody {
  readonly #text: RequestBody

  constructor(text: RequestBody) {
    this.#text = text
  }

  get begun(): boolean {
    return this.#text.begun
  }

  get awaitsContinue(): boolean | undefined {
    return this.#text.awaitsContinue
  }

  open(sink: BodySink): BodyFlow {
    const decoding = new DecodingSink(sink)
    const flow = this.#text.open(decoding)
    decoding.flow = flow
    return flow
  }
}

class DecodingSink implements BodySink {
  readonly #sink: BodySink
  readonly #decoder = new WebTextDecoder()
  /** Set before anything comes. */
  flow: BodyFlow | undefined

  constructor(sink: BodySink) {
    this.#sink = sink
  }

  onData(chunk: Buffer): void {
    const bytes = this.#decoder.push(chunk)
    if (bytes === undefined) {
      this.flow?.stop()
      this.#refuse()
    } else if (bytes.length > 0) this.#sink.onData(bytes)
  }

  onEnd(): void {
    if (this.#decoder.isWhole) this.#sink.onEnd()
    else this.#refuse()
  }

  onError(error: Error): void {
    this.#sink.onError(error)
  }

  #refuse(): void {
    this.#sink.onError(new GatewayError('WG_BAD_REQUEST', { detail: 'The body is not base64.' }))
  }
}
