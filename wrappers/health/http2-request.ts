import type { Socket } from 'node:net'
import { MAX_HEADER_LINES } from '../../internal/http/header-lines.ts'
import { Http2Connection } from '../../internal/http2/connection.ts'
import { readResponseFields } from '../../internal/http2/field-rules.ts'
import { ERROR, Http2Error } from '../../internal/http2/frames.ts'
import { Http2Stream, isInterim } from '../../internal/http2/http2-stream.ts'

/** An answer over HTTP/2. */
export interface Http2Answer {
  readonly status: number
  /** Header lines of the head, and trailers: flat. */
  readonly headers: readonly string[]
  readonly trailers: readonly string[]
  readonly body: Buffer
}

export interface Http2Request {
  /** Header lines, flat, pseudo-header fields first. */
  readonly lines: readonly string[]
  /** Undefined when it has none. */
  readonly body?: Buffer | undefined
}

/** The most that an answer to a check may have. */
const MAX_BODY_BYTES = 65_536
const MAX_LIST_BYTES = 16_384
const WINDOW_BYTES = 65_535

/**
 * Sends one request over a connected socket of its own, and collects the whole answer. `done` is called once, unless the
 * caller destroys the socket before, which it does in any case.
 */
export function requestOverHttp2(
  socket: Socket,
  request: Http2Request,
  done: (error: Error | undefined, answer?: Http2Answer) => void,
): void {
  const connection = new Http2Connection({
    role: 'client',
    maxConcurrentStreams: 0,
    streamWindowBytes: WINDOW_BYTES,
    connectionWindowBytes: WINDOW_BYTES,
    maxListBytes: MAX_LIST_BYTES,
    maxFields: MAX_HEADER_LINES,
    mayIndex: () => false,
    now: () => performance.now(),
    events: {
      write: bytes => socket.write(bytes),
      wantsFlush: each => process.nextTick(() => each.flush()),
      onFatal: error => done(error),
    },
  })
  socket
    .on('data', (bytes: Buffer) => connection.receive(bytes))
    .on('drain', () => connection.drained())
    .on('error', error => done(error))
    .on('close', () => connection.closed())
  const stream = new RequestStream(done)
  connection.open(stream, request.lines, request.body === undefined)
  if (request.body !== undefined) stream.sendData(request.body, true)
}

class RequestStream extends Http2Stream {
  readonly #done: (error: Error | undefined, answer?: Http2Answer) => void
  #status = 0
  #headers: readonly string[] = []
  readonly #pieces: Buffer[] = []
  #bytes = 0

  constructor(done: (error: Error | undefined, answer?: Http2Answer) => void) {
    super()
    this.#done = done
  }

  override onHead(lines: string[], isEnd: boolean): void {
    if (isInterim(lines)) return
    const { status, lines: headers } = readResponseFields(lines)
    this.#status = status
    this.#headers = headers
    if (isEnd) this.#finish([])
  }

  override onHeadTooLarge(): void {
    throw new Http2Error(ERROR.cancel, 'the head of the answer is too large')
  }

  override onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    this.#bytes += end - start
    if (this.#bytes > MAX_BODY_BYTES) throw new Http2Error(ERROR.cancel, 'the answer is too large')
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)))
    this.consume(end - start)
    if (isEnd) this.#finish([])
  }

  override onTrailers(lines: string[]): void {
    this.#finish(lines)
  }

  override onReset(code: number, by: string, reason: string): void {
    const what = by === 'closed' ? 'the node closed the connection' : reason || `RST_STREAM with code ${code}`
    this.#done(new Error(what))
  }

  override onDrain(): void {}

  #finish(trailers: readonly string[]): void {
    this.#done(undefined, {
      ...{ status: this.#status, headers: this.#headers, trailers },
      body: Buffer.concat(this.#pieces),
    })
  }
}
