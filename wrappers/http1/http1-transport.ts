import type { Call } from '../../internal/call.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { withoutHeaders } from '../../internal/http/header-lines.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { answerTrailers, CONTENT_LENGTH } from '../transport/answer-rules.ts'
import { type Chunk, continueTimeoutMs, NodeTry, type Reject, type Resolve } from '../transport/node-try.ts'
import { acceptedHeaders } from './accepted-handshake.ts'
import type { AnswerHead } from './answer-head.ts'
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts'
import type { NodeConnection } from './node-connection.ts'
import type { NodeExchange } from './node-exchange.ts'
import { RequestBodySender } from './request-body-sender.ts'
import { writeRequestHead } from './request-text.ts'

export interface Http1TransportOptions extends ConnectionPoolOptions {
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
}

/** Sends requests to one node over HTTP/1.1, on connections of a pool. */
export class Http1Transport implements Transport {
  readonly #peer: Peer
  readonly #onPiece: (bytes: number) => void
  readonly #pool: ConnectionPool

  /** @param peer the node, whose counters the transport keeps */
  constructor(peer: Peer, { onPiece, ...pool }: Http1TransportOptions) {
    this.#peer = peer
    this.#onPiece = onPiece
    this.#pool = new ConnectionPool(pool)
  }

  /**
   * Sends a request. Keeps the pieces of the answer that arrive together with its head, so that head and body of a short
   * answer leave in a single write.
   */
  send(request: UpstreamRequest, call: Call): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      new Http1Try(request, call, this.#peer, this.#pool, this.#onPiece, resolve, reject).start()
    })
  }

  notifyHung(): void {
    this.#pool.notifyHung()
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  destroy(): Promise<void> {
    return this.#pool.destroy()
  }
}

const SWITCHING_PROTOCOLS = 101
const NO_CONTENT = 204

/** One try. It is both the answer and the connection's view of the request, to be one object. */
class Http1Try extends NodeTry implements NodeExchange {
  readonly method: string
  readonly isWebSocket: boolean
  readonly #pool: ConnectionPool
  #head = ''
  #body: RequestBodySender | undefined = undefined
  #connection: NodeConnection | undefined = undefined

  constructor(
    request: UpstreamRequest,
    call: Call,
    peer: Peer,
    pool: ConnectionPool,
    onPiece: (bytes: number) => void,
    resolve: Resolve,
    reject: Reject,
  ) {
    super(request, call, peer, onPiece, resolve, reject)
    this.method = request.method
    this.isWebSocket = request.isWebSocket === true
    this.#pool = pool
  }

  get bodyIdleTimeoutMs(): number | undefined {
    return this.request.route.bodyIdleTimeoutMs
  }

  start(): void {
    const { body, route } = this.request
    this.begin()
    try {
      const { head, bodyLength } = writeRequestHead(this.request, this.peer.address, this.span)
      this.#head = head
      if (body) this.#body = new RequestBodySender(body, bodyLength, continueTimeoutMs(route))
    } catch (error) {
      this.fail(new UpstreamFailure('unsendable', error))
      return
    }
    this.#pool.request(this)
  }

  onConnection(connection: NodeConnection): void {
    this.#connection = connection
    if (this.span !== undefined) this.span.address = connection.address
    connection.send(this, this.#head, this.#body)
  }

  onInterim(head: AnswerHead): void {
    const { interim } = this.request
    if (interim === undefined) return
    if (head.hasReferences) this.rewriteReferences(head.headers)
    interim.writeInterim(head.status, withoutHeaders(head.headers, CONTENT_LENGTH))
  }

  onHead(head: AnswerHead): void {
    const { status, headers, framing, hasLength, trailer, connectionOptions } = head
    if (head.hasReferences) this.rewriteReferences(headers)
    // A client that does not know that a 204 has no body would wait for one.
    if (status === NO_CONTENT) this.headers = withoutHeaders(headers, CONTENT_LENGTH)
    else if (status === SWITCHING_PROTOCOLS) this.headers = acceptedHeaders(headers, this.request)
    else this.headers = headers
    this.isDelimited = framing !== 'close'
    this.hasLength = hasLength
    if (trailer !== undefined && framing === 'chunked')
      this.trailerNames = answerTrailers.names(trailer, connectionOptions)
    this.answer(status)
  }

  onChunk(chunk: Chunk): void {
    // The receiver may have ended the answer while it was given the piece.
    if (!this.pass(chunk)) this.#connection?.pause()
  }

  onEnd(trailers: readonly string[] | undefined): void {
    this.#connection = undefined
    this.end(trailers)
  }

  onFailure(failure: UpstreamFailure): void {
    this.#connection = undefined
    this.fail(failure)
  }

  override sendBody(target: ClientResponse, isHidden?: (spelling: string) => boolean): void {
    if (this.status === SWITCHING_PROTOCOLS) this.#handOver(target)
    else super.sendBody(target, isHidden)
  }

  discard(): void {
    this.#connection?.abort(new UpstreamFailure('aborted'))
  }

  protected get waitsForClient(): boolean {
    return this.#body?.waitsForClient === true
  }

  protected stop(reason: UpstreamFailure): void {
    if (this.#connection) this.#connection.abort(reason)
    else {
      this.#pool.forget(this)
      this.fail(reason)
    }
  }

  protected pauseAnswer(): void {
    this.#connection?.pause()
  }

  protected resumeAnswer(): void {
    this.#connection?.resume()
  }

  /** Hands the connection to the client's response. It stays in flight at the node until it is closed. */
  #handOver(target: ClientResponse): void {
    if (this.#connection === undefined) {
      target.abort(true)
      return
    }
    const node = this.#connection.detach()
    this.#connection = undefined
    this.span?.end(this.status, performance.now())
    // From here on, the two ends close each other.
    if (this.call.current === this) this.call.current = undefined
    node.socket.once('close', () => this.finish())
    target.tunnel!(node)
  }
}
