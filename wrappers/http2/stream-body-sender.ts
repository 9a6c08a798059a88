import { FORBIDDEN_IN_VALUE, TOKEN } from '../../internal/http/header-lines.ts'
import type { Http2Stream } from '../../internal/http2/http2-stream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { BodySender } from '../transport/body-sender.ts'

/** Sends the body of one request on its stream. */
export class StreamBodySender extends BodySender {
  #stream: Http2Stream | undefined = undefined

  /** Sends the body. The first byte is read from the client only now, or after `proceed`. */
  start(stream: Http2Stream, onFailure: (failure: UpstreamFailure) => void): void {
    this.#stream = stream
    this.begin(onFailure)
  }

  /** The stream takes more. */
  onDrain(): void {
    this.goOn()
  }

  protected override write(chunk: Buffer): boolean {
    return this.#stream!.sendData(chunk, false)
  }

  protected override writeEnd(trailers: readonly string[] | undefined): void {
    const lines = trailers === undefined ? NO_LINES : sendable(trailers)
    if (lines.length === 0) this.#stream!.sendData('', true)
    else this.#stream!.sendTrailers(lines)
  }
}

const NO_LINES: readonly string[] = []

/** Leaves out what must not be sent. As with heads, it is looked for at the last place before the wire. */
function sendable(trailers: readonly string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]!
    const value = trailers[i + 1]!
    if (TOKEN.test(name) && !FORBIDDEN_IN_VALUE.test(value)) lines.push(name, value)
  }
  return lines
}
