import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { withoutHeaders } from '../../internal/http/header-lines.ts'
import {
  checkTrailerFields,
  type ResponseFields,
  readResponseFields,
} from '../../internal/http2/field-rules.ts'
import { ERROR, Http2Error } from '../../internal/http2/frames.ts'
import type { ResetBy } from '../../internal/http2/http2-stream.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { answerTrailers, CONTENT_LENGTH, InvalidAnswer, SPEAKS_HTTP1 } from '../transport/answer-rules.ts'
import { continueTimeoutMs, NodeTry, type Reject, type Resolve } from '../transport/node-try.ts'
import { pieceOf } from '../transport/open-socket.ts'
import { readAnswerFields } from './answer-fields.ts'
import { requestLines } from './request-lines.ts'
import type { SessionPool } from './session-pool.ts'
import { StreamBodySender } from './stream-body-sender.ts'
import { type CallSession, type PooledCall, type StreamCall, TryStream } from './try-stream.ts'

export interface Http2TryOptions {
  readonly pool: SessionPool
  /** What requests say of the connection. */
  readonly scheme: 'http' | 'https'
  /** The longest silence between two pieces of an answer's body; 0 = no limit. */
  readonly bodyIdleTimeoutMs: number
  /** Called with the size of each piece of the answer's body. */
  readonly onPiece: (bytes: number) => void
}

const CONTINUE = 100
const NO_CONTENT = 204
const NOT_MODIFIED = 304

/** RFC 8441 would allow it, but hardly any server does. A service whose other nodes speak HTTP/1.1 is no better off. */
const NO_WEBSOCKETS = new GatewayError('WG_UPSTREAM_INVALID', {
  detail: 'The service speaks HTTP/2, over which the gateway opens no WebSockets.',
})

/** One try on a node that speaks HTTP/2. */
export class Http2Try extends NodeTry implements PooledCall, StreamCall {
  readonly #options: Http2TryOptions
  #lines: readonly string[] = []
  #body: StreamBodySender | undefined = undefined
  /** Undefined until there is a session, and once nothing more is expected. */
  #stream: TryStream | undefined = undefined
  #isWhole = false
  #isPaused = false
  /** Bytes that were received and that the client has not taken. */
  #owedBytes = 0
  #idleTimer: NodeJS.Timeout | undefined = undefined

  constructor(
    request: UpstreamRequest,
    call: Call,
    peer: Peer,
    options: Http2TryOptions,
    resolve: Resolve,
    reject: Reject,
  ) {
    super(request, call, peer, options.onPiece, resolve, reject)
    this.#options = options
  }

  start(): void {
    const { body, route, rpc } = this.request
    this.begin()
    if (this.request.isWebSocket) {
      this.fail(new UpstreamFailure('unsendable', NO_WEBSOCKETS))
      return
    }
    try {
      const { lines, bodyLength } = requestLines(
        this.request,
        this.peer.address,
        this.#options.scheme,
        this.span,
      )
      this.#lines = lines
      const askedForMs = rpc === undefined ? continueTimeoutMs(route) : undefined
      if (body) this.#body = new StreamBodySender(body, bodyLength, askedForMs)
    } catch (error) {
      this.fail(new UpstreamFailure('unsendable', error))
      return
    }
    this.#options.pool.request(this)
  }

  onSession(session: CallSession): void {
    const stream = new TryStream(session, this)
    this.#stream = stream
    if (this.span !== undefined) this.span.address = session.address
    try {
      session.open(stream, this.#lines, this.#body === undefined)
    } catch (error) {
      this.#lose(new UpstreamFailure(error instanceof TypeError ? 'unsendable' : 'refused', error))
      return
    }
    this.#body?.start(stream, failure => this.stop(failure))
  }

  /** No session was to be had. */
  onFailure(failure: UpstreamFailure): void {
    this.fail(failure)
  }

  onHead(lines: string[], isEnd: boolean): void {
    const fields = readResponseFields(lines)
    if (fields.status < 200) this.#onInterim(fields)
    else this.#onFinalHead(fields, isEnd)
  }

  onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const length = end - start
    if (length > 0) {
      const piece = this.takesViews ? bytes.subarray(start, end) : pieceOf(bytes, start, end)
      const isTaken = this.pass(piece)
      // The client has left while it was given the piece.
      if (this.#stream === undefined) return
      if (isTaken && !this.#isPaused) this.#stream.consume(length)
      else {
        this.#isPaused = true
        this.#owedBytes += length
      }
    }
    if (isEnd) this.#finishWhole(undefined)
  }

  onTrailers(lines: string[]): void {
    checkTrailerFields(lines)
    this.#finishWhole(this.readTrailers(lines))
  }

  onReset(code: number, by: ResetBy, reason: string): void {
    // A node may refuse the rest of a body whose answer it has already given.
    if (!this.#isWhole) this.#lose(this.#failureOf(code, by, reason))
  }

  onDrain(): void {
    this.#body?.onDrain()
  }

  /** Is called after a read that brought something for this try. */
  afterRead(): void {
    const stream = this.#stream
    if (stream === undefined) return
    if (this.#isWhole) {
      this.#stream = undefined
      // The node has answered, and wants the rest of the body as little as we do.
      stream.session.leave(stream)
    } else if (this.status !== 0) this.#expectMore()
  }

  discard(): void {
    if (this.#stream) this.stop(new UpstreamFailure('aborted'))
  }

  protected get waitsForClient(): boolean {
    return this.#body?.waitsForClient === true
  }

  protected stop(reason: UpstreamFailure): void {
    const stream = this.#stream
    if (stream === undefined) this.#options.pool.forget(this)
    else {
      if (reason.kind === 'timeout' && this.status === 0) stream.session.doubt()
      this.#stream = undefined
      stream.session.leave(stream)
    }
    this.#lose(reason)
  }

  protected pauseAnswer(): void {
    this.#isPaused = true
  }

  protected resumeAnswer(): void {
    this.#isPaused = false
    this.#takeOwed()
    this.#idleTimer?.refresh()
  }

  /** How long the node may be silent in the middle of a body, milliseconds; 0 = no limit. */
  protected get idleMs(): number {
    return this.request.route.bodyIdleTimeoutMs ?? this.#options.bodyIdleTimeoutMs
  }

  /**
   * Reads the headers of the answer.
   *
   * @param isEnd whether the answer is over with its head
   * @throws Http2Error when the node must not answer like that
   */
  protected readHead({ status, lines }: ResponseFields, _isEnd: boolean): void {
    const { headers, hasReferences, trailer } = readAnswerFields(lines)
    if (hasReferences) this.rewriteReferences(headers)
    // A client that does not know that a 204 has no body would wait for one.
    this.headers = status === NO_CONTENT ? withoutHeaders(headers, CONTENT_LENGTH) : headers
    if (trailer !== undefined) this.trailerNames = answerTrailers.names(trailer, undefined)
  }

  /** Returns the trailers that may be passed on, flat; undefined when there are none. @throws Http2Error */
  protected readTrailers(lines: readonly string[]): readonly string[] | undefined {
    return answerTrailers.fields(lines, undefined)
  }

  #onInterim({ status, lines }: ResponseFields): void {
    if (status === CONTINUE) {
      this.#body?.proceed()
      return
    }
    const { interim } = this.request
    if (interim === undefined) return
    const { headers, hasReferences } = readAnswerFields(lines)
    if (hasReferences) this.rewriteReferences(headers)
    interim.writeInterim(status, withoutHeaders(headers, CONTENT_LENGTH))
  }

  #onFinalHead(fields: ResponseFields, isEnd: boolean): void {
    const { status, contentLength } = fields
    this.#body?.stopAsking()
    const hasNoBody = this.request.method === 'HEAD' || status === NO_CONTENT || status === NOT_MODIFIED
    this.#stream!.expectBytes(hasNoBody ? 0 : contentLength)
    this.hasLength = !hasNoBody && contentLength > 0
    this.readHead(fields, isEnd)
    this.answer(status)
    if (isEnd) this.#finishWhole(undefined)
  }

  #finishWhole(trailers: readonly string[] | undefined): void {
    this.#isWhole = true
    this.#letGo()
    this.#stream!.session.answered()
    // What the client has not taken is in its own buffer. The connection need not wait for it any longer.
    this.#takeOwed()
    this.end(trailers)
  }

  #takeOwed(): void {
    const bytes = this.#owedBytes
    this.#owedBytes = 0
    if (bytes === 0 || this.#stream === undefined) return
    this.#stream.consume(bytes)
    this.#stream.session.gaveBack()
  }

  #failureOf(code: number, by: ResetBy, reason: string): UpstreamFailure {
    if (by === 'closed') return this.#stream!.session.lossOf(this.#stream!)
    if (by === 'us') return new UpstreamFailure('invalid', new InvalidAnswer(reason))
    if (code === ERROR.http11Required) return new UpstreamFailure('invalid', new InvalidAnswer(SPEAKS_HTTP1))
    const cause =
      by === 'goaway'
        ? new Http2Error(code, 'GOAWAY')
        : new Http2Error(code, `RST_STREAM with code ${code}`, this.#stream!.id)
    return new UpstreamFailure(code === ERROR.refusedStream ? 'refused' : 'reset', cause)
  }

  /** Ends the try without an answer, or in the middle of it. */
  #lose(failure: UpstreamFailure): void {
    this.#letGo()
    this.#stream?.session.leave(this.#stream)
    this.#stream = undefined
    this.fail(failure)
  }

  #letGo(): void {
    this.#body?.stop()
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
  }

  #expectMore(): void {
    if (this.#idleTimer) {
      this.#idleTimer.refresh()
      return
    }
    const { idleMs } = this
    if (idleMs > 0) this.#idleTimer = setTimeout(onSilence, idleMs, this).unref()
  }

  /** Breaks the answer off if the node, and not the client, is what it waits for. */
  onSilence(): void {
    if (this.#isPaused) return
    this.stop(new UpstreamFailure('timeout', new Error('the node stopped sending in the middle of the body')))
  }
}

function onSilence(each: Http2Try): void {
  each.onSilence()
}
