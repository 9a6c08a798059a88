import type { ClientRequest, ClientResponse, Expectation } from '../../../internal/http/client-exchange.ts'
import { checkTrailerFields, readRequestFields } from '../../../internal/http2/field-rules.ts'
import { ERROR } from '../../../internal/http2/frames.ts'
import { Http2Stream, type ResetBy } from '../../../internal/http2/http2-stream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { answerLines, interimLines, trailerLines } from './answer-lines.ts'
import { IncomingBody } from './incoming-body.ts'
import type { StreamWatch } from './stream-watch.ts'

/** With more unsent bytes than that, further interim answers are dropped: they are only hints. */
const MAX_UNSENT_BYTES = 65_536
const NO_LINES: string[] = []
const NO_CONTENT = 204
const NOT_MODIFIED = 304

/** What a stream asks of its session. */
export interface StreamOwner {
  readonly socket: ClientRequest['socket']
  /** Serves a request whose head is read. */
  serve(stream: ClientStream, expectation: Expectation): void
  /** Answers a request whose head is too large to be read. */
  refuseLargeHead(stream: ClientStream, contentType: string | undefined): void
  /** Notes a request that was reset because its head is malformed. */
  noteMalformed(reason: string): void
  /** Calls `passBody` once everything that has arrived was read. */
  passBodyLater(stream: ClientStream): void
  /** Calls `finished` once what was sent is written to the socket. */
  finishLater(stream: ClientStream): void
  /** Is called when the answer is over, or will never be whole. */
  closed(stream: ClientStream): void
  /** Counts a stream that was ended before its time. */
  countReset(by: ResetBy): void
  /** Notes that so many more bytes of bodies are held; may be negative. */
  hold(bytes: number): void
  /** Lets the client send so many more bytes of the stream's body, now or later. */
  giveBack(stream: ClientStream, bytes: number): void
}

/** One request of an HTTP/2 client, and the answer to it. It is one object, because there are many. */
export class ClientStream extends Http2Stream implements ClientRequest, ClientResponse {
  method: string | undefined = undefined
  url: string | undefined = undefined
  /** As HTTP/1 would say it: Host for `:authority`, and Transfer-Encoding for a body of unknown length. */
  rawHeaders: readonly string[] = NO_LINES
  rawTrailers: readonly string[] = NO_LINES
  incoming: IncomingBody | undefined = undefined
  statusCode = 0
  headersSent = false
  destroyed = false
  writableFinished = false
  /** Whether the client may be as slow as it likes. */
  isUnhurried = false
  /** What the rules for slow clients remember about the stream; undefined until the gateway waits for its client. */
  watch: StreamWatch | undefined = undefined
  readonly #owner: StreamOwner
  /** The head that is set and not sent. */
  #head: string[] | undefined = undefined
  #hasBody = true
  #isEnded = false
  #isClosed = false
  /** The bytes that were last counted as held. */
  #heldBytes = 0
  #onClose: (() => void)[] | undefined = undefined
  #onDrain: (() => void)[] | undefined = undefined

  constructor(owner: StreamOwner) {
    super()
    this.#owner = owner
  }

  get socket(): StreamOwner['socket'] {
    return this.#owner.socket
  }

  /** Whether a part of a body is held. */
  get holdsBytes(): boolean {
    return this.#heldBytes > 0 || (this.incoming?.heldBytes ?? 0) > 0
  }

  get httpVersionMajor(): number {
    return 2
  }

  get httpVersionMinor(): number {
    return 0
  }

  get takesTrailers(): boolean {
    return this.method !== 'HEAD'
  }

  /** What cannot be sent at once is copied. */
  get copiesChunks(): boolean {
    return true
  }

  onHead(lines: string[], isEnd: boolean): void {
    const { method, path, lines: fields, contentLength } = readRequestFields(lines)
    this.expectBytes(contentLength)
    this.method = method
    this.url = path
    this.rawHeaders = fields
    if (!isEnd) {
      this.incoming = new IncomingBody(contentLength, this)
      if (contentLength === -1) fields.push('transfer-encoding', 'chunked')
    }
    this.#owner.serve(this, expectationOf(fields))
  }

  onHeadTooLarge(contentType: string | undefined): void {
    this.#owner.refuseLargeHead(this, contentType)
  }

  onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const { incoming } = this
    // The head was too large, and the refusal waits for a window.
    if (incoming === undefined) {
      this.consume(end - start)
      return
    }
    if (end > start) incoming.add(bytes, start, end)
    if (isEnd) incoming.isWhole = true
    this.#owner.passBodyLater(this)
  }

  onTrailers(lines: string[]): void {
    checkTrailerFields(lines)
    this.rawTrailers = lines
    if (this.incoming === undefined) return
    this.incoming.isWhole = true
    this.#owner.passBodyLater(this)
  }

  onReset(_code: number, by: ResetBy, reason: string): void {
    this.#owner.countReset(by)
    if (by === 'us' && this.method === undefined) this.#owner.noteMalformed(reason)
    this.#close()
  }

  onDrain(): void {
    this.#countQueued()
    if (this.#isEnded) this.#allSent()
    else if (this.#onDrain) for (const listener of this.#onDrain) listener()
  }

  // What the session calls.

  passBody(): void {
    this.incoming!.pass()
  }

  /** The end of the answer is written to the socket. */
  finished(): void {
    if (this.#isClosed) return
    this.writableFinished = true
    this.#close()
  }

  /** The socket closed before the end of the answer was written. */
  lost(): void {
    this.#close()
  }

  /** Ends the stream of a client that leaves the gateway waiting. */
  cancel(): void {
    this.#breakOff(ERROR.cancel)
  }

  /** Lets the client send the request again, later or on another connection. */
  refuse(): void {
    this.#breakOff(ERROR.refusedStream)
  }

  // What the body of the request calls.

  giveBack(bytes: number): void {
    this.#owner.giveBack(this, bytes)
  }

  hold(bytes: number): void {
    this.#owner.hold(bytes)
  }

  // What the gateway calls.

  /** @throws TypeError when a name or a value is not allowed in HTTP */
  writeHead(status: number, headers: readonly string[]): void {
    const { lines, isEventStream } = answerLines(status, headers)
    this.statusCode = status
    this.headersSent = true
    this.isUnhurried ||= isEventStream
    this.#hasBody = this.method !== 'HEAD' && status !== NO_CONTENT && status !== NOT_MODIFIED
    this.#head = lines
  }

  write(chunk: Buffer | string, _encoding?: 'latin1'): boolean {
    if (this.#isEnded || this.destroyed) return false
    this.#sendHead(false)
    return !this.#hasBody || chunk.length === 0 || this.#sendData(chunk, false)
  }

  end(chunk: Buffer | string = '', _encoding?: 'latin1'): void {
    if (this.#isEnded || this.destroyed) return
    this.#isEnded = true
    const hasChunk = this.#hasBody && chunk.length > 0
    if (this.#head !== undefined && !hasChunk) this.#sendHead(true)
    else {
      this.#sendHead(false)
      this.#sendData(hasChunk ? chunk : '', true)
    }
    if (this.isSent) this.#allSent()
  }

  endWithTrailers(trailers: readonly string[]): void {
    const lines = this.#hasBody ? trailerLines(trailers) : NO_LINES
    if (lines.length === 0) {
      this.end()
      return
    }
    if (this.#isEnded || this.destroyed) return
    this.#isEnded = true
    this.#sendHead(false)
    this.sendTrailers(lines)
    if (this.isSent) this.#allSent()
  }

  writeInterim(status: number, headers: readonly string[]): void {
    if (this.headersSent || this.destroyed || this.queuedBytes > MAX_UNSENT_BYTES) return
    this.sendHead(interimLines(status, headers), false)
  }

  sendContinue(): void {
    if (!this.headersSent && !this.destroyed) this.sendHead([':status', '100'], false)
  }

  allowSlowClient(): void {
    this.isUnhurried = true
  }

  /** Does nothing: it is the session that asks its client for another connection. */
  closeAfter(): void {}

  abort(): void {
    this.#breakOff(ERROR.internalError)
  }

  on(event: 'close' | 'drain', listener: () => void): this {
    if (event === 'drain') {
      this.#onDrain ??= []
      this.#onDrain.push(listener)
    } else if (this.#isClosed) listener()
    else {
      this.#onClose ??= []
      this.#onClose.push(listener)
    }
    return this
  }

  once(event: 'close' | 'drain', listener: () => void): this {
    if (event === 'close') return this.on(event, listener)
    const once = () => {
      this.#onDrain = this.#onDrain!.filter(each => each !== once)
      listener()
    }
    return this.on(event, once)
  }

  #sendHead(isEnd: boolean): void {
    const head = this.#head
    if (head === undefined) return
    this.#head = undefined
    this.sendHead(head, isEnd)
  }

  #sendData(chunk: Buffer | string, isEnd: boolean): boolean {
    const isSent = this.sendData(chunk, isEnd)
    if (!isSent) this.#countQueued()
    return isSent
  }

  /** What waits counts as held until all of it is sent. */
  #countQueued(): void {
    const more = this.queuedBytes - this.#heldBytes
    if (more === 0) return
    this.#heldBytes = this.queuedBytes
    this.#owner.hold(more)
  }

  /** The answer is whole. A client that is still sending is told to stop (RFC 9113 section 8.1). */
  #allSent(): void {
    if (!this.isReceived) this.reset(ERROR.noError)
    this.#owner.finishLater(this)
  }

  #breakOff(code: number): void {
    if (this.#isClosed) return
    this.#owner.countReset('us')
    this.reset(code)
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.destroyed = true
    this.#owner.hold(-this.#heldBytes)
    this.#heldBytes = 0
    this.#owner.closed(this)
    // What no node has taken of a whole body, such as one that a fallback has answered, is wanted no more.
    if (this.incoming?.isWhole) this.incoming.discard()
    else this.incoming?.fail(new UpstreamFailure('aborted'))
    if (this.#onClose) for (const listener of this.#onClose) listener()
  }
}

function expectationOf(fields: readonly string[]): Expectation {
  let expectation: Expectation = 'none'
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.length !== 6 || fields[i] !== 'expect' || fields[i + 1] === '') continue
    const isContinue = fields[i + 1]!.toLowerCase() === '100-continue'
    if (!isContinue || expectation === 'unknown') expectation = 'unknown'
    else expectation = 'continue'
  }
  return expectation
}
