import type { Call } from '../../internal/call.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { removeHeaders, withoutHeaders } from '../../internal/http/header-lines.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import { rewriteReferences } from '../../internal/references.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { BodyObserver, Transport, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { isFailureStatus } from '../breaker/failures.ts'
import { isMovable } from '../retry/retry-rules.ts'
import { acceptedHeaders } from './accepted-handshake.ts'
import { type AnswerHead, answerTrailers } from './answer-head.ts'
import { ConnectionPool, type ConnectionPoolOptions } from './connection-pool.ts'
import type { NodeConnection } from './node-connection.ts'
import type { Chunk, NodeExchange } from './node-exchange.ts'
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

/** Bytes kept for a caller that has not asked for the body yet. With more than that, reading from the node is paused. */
const MAX_EARLY_BYTES = 65_536
const NO_HEADERS: readonly string[] = []
const SWITCHING_PROTOCOLS = 101
const NO_CONTENT = 204
const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])
/** How long a node has to say whether it wants the body of a request with Expect. curl, too, waits for 1 s. */
const CONTINUE_TIMEOUT_MS = 1_000

/** One try: a request and its answer. It is both the answer and the connection's view of the request, to be one object. */
class Http1Try implements UpstreamResponse, NodeExchange {
  status = 0
  headers: readonly string[] = NO_HEADERS
  trailerNames: readonly string[] | undefined = undefined
  readonly method: string
  readonly isWebSocket: boolean
  readonly #request: UpstreamRequest
  readonly #call: Call
  readonly #peer: Peer
  readonly #pool: ConnectionPool
  readonly #onPiece: (bytes: number) => void
  readonly #resolve: (response: UpstreamResponse) => void
  readonly #reject: (failure: UpstreamFailure) => void
  #head = ''
  #body: RequestBodySender | undefined = undefined
  #connection: NodeConnection | undefined = undefined
  #target: ClientResponse | undefined = undefined
  #early: Chunk[] = []
  #earlyBytes = 0
  #ended = false
  #broken = false
  #over = false
  #listensForDrain = false
  #observer: BodyObserver | undefined = undefined
  #isDelimited = true
  #hasLength = false
  #trailers: readonly string[] | undefined = undefined
  #isHidden: ((spelling: string) => boolean) | undefined = undefined

  constructor(
    request: UpstreamRequest,
    call: Call,
    peer: Peer,
    pool: ConnectionPool,
    onPiece: (bytes: number) => void,
    resolve: (response: UpstreamResponse) => void,
    reject: (failure: UpstreamFailure) => void,
  ) {
    this.method = request.method
    this.isWebSocket = request.isWebSocket === true
    this.#request = request
    this.#call = call
    this.#peer = peer
    this.#pool = pool
    this.#onPiece = onPiece
    this.#resolve = resolve
    this.#reject = reject
  }

  get isBroken(): boolean {
    return this.#broken
  }

  get requestLine(): string {
    return `${this.method} ${this.#request.target}`
  }

  get bodyIdleTimeoutMs(): number | undefined {
    return this.#request.route.bodyIdleTimeoutMs
  }

  start(): void {
    const { body } = this.#request
    this.#peer.inFlight++
    this.#call.current = this
    try {
      const { head, bodyLength } = writeRequestHead(this.#request, this.#peer.address)
      this.#head = head
      if (body) this.#body = new RequestBodySender(body, bodyLength, continueTimeoutMs(this.#request.route))
    } catch (error) {
      this.#fail(new UpstreamFailure('unsendable', error))
      return
    }
    this.#pool.request(this)
  }

  /**
   * Ends the try, whatever it is waiting for. A try whose own timeout expires while the client still owes the body goes
   * on: the node is not at fault, and clients that send no body could otherwise get every node ejected. The timeout of the
   * call ends such a try without blaming the node.
   */
  cancel(given: UpstreamFailure): void {
    let reason = given
    if (given.kind === 'timeout' && this.status === 0 && this.#body?.waitsForClient) {
      if (!this.#call.ended) return
      reason = new UpstreamFailure('unsendable', new GatewayError('WG_REQUEST_TIMEOUT'))
    }
    if (this.#connection) this.#connection.abort(reason)
    else {
      this.#pool.forget(this)
      this.#fail(reason)
    }
  }

  onConnection(connection: NodeConnection): void {
    this.#connection = connection
    connection.send(this, this.#head, this.#body)
  }

  onInterim(head: AnswerHead): void {
    const { interim } = this.#request
    if (interim === undefined) return
    this.#rewriteReferences(head)
    interim.writeInterim(head.status, withoutHeaders(head.headers, CONTENT_LENGTH))
  }

  onHead(head: AnswerHead): void {
    this.#rewriteReferences(head)
    const { status, headers, framing, hasLength, trailer, connectionOptions } = head
    // A client that does not know that a 204 has no body would wait for one.
    if (status === NO_CONTENT) this.headers = withoutHeaders(headers, CONTENT_LENGTH)
    else if (status === SWITCHING_PROTOCOLS) this.headers = acceptedHeaders(headers, this.#request)
    else this.headers = headers
    this.status = status
    this.#isDelimited = framing !== 'close'
    this.#hasLength = hasLength
    if (trailer !== undefined && framing === 'chunked')
      this.trailerNames = answerTrailers.names(trailer, connectionOptions)
    if (isFailureStatus(status)) this.#peer.failures++
    this.#resolve(this)
  }

  onChunk(chunk: Chunk): void {
    this.#onPiece(chunk.length)
    this.#observer?.onChunk(chunk)
    const target = this.#target
    if (target) {
      if (!write(target, chunk)) this.#pauseUntilDrained(target)
      return
    }
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#connection!.pause()
  }

  onEnd(trailers: readonly string[] | undefined): void {
    this.#connection = undefined
    this.#ended = true
    this.#finish()
    this.#observer?.onEnd(this.#isDelimited)
    const target = this.#target
    if (target === undefined) this.#trailers = trailers
    else if (trailers === undefined) target.end()
    else this.#endWithTrailers(target, trailers)
  }

  onHung(): void {
    if (isMovable(this.#request, this.#call)) this.cancel(new UpstreamFailure('hung'))
  }

  onFailure(failure: UpstreamFailure): void {
    this.#connection = undefined
    if (this.status === 0) {
      this.#fail(failure)
      return
    }
    this.#broken = true
    this.#finish()
    this.#observer?.onEnd(false)
    if (this.#target) this.#target.abort(this.#hasLength)
  }

  observe(observer: BodyObserver): void {
    for (const chunk of this.#early) observer.onChunk(chunk)
    if (this.#ended) observer.onEnd(this.#isDelimited)
    else if (this.#broken) observer.onEnd(false)
    else this.#observer = observer
  }

  sendBody(target: ClientResponse, isHidden?: (spelling: string) => boolean): void {
    if (this.status === SWITCHING_PROTOCOLS) {
      this.#handOver(target)
      return
    }
    const early = this.#early
    this.#isHidden = isHidden
    if (this.#broken) {
      target.abort(this.#hasLength)
    } else if (this.#ended) {
      for (let i = 0; i < early.length - 1; i++) write(target, early[i]!)
      if (this.#trailers === undefined) endWith(target, early.at(-1))
      else {
        if (early.length > 0) write(target, early.at(-1)!)
        this.#endWithTrailers(target, this.#trailers)
      }
    } else {
      this.#target = target
      let writable = true
      for (const chunk of early) writable = write(target, chunk)
      // The head of an answer whose body is yet to come (an event stream) must not wait for the body.
      // flushHeaders() would write bytes beyond ASCII as UTF-8.
      if (early.length === 0) target.write('', 'latin1')
      if (writable) this.#connection!.resume()
      else this.#pauseUntilDrained(target)
    }
    this.#early = []
  }

  discard(): void {
    this.#connection?.abort(new UpstreamFailure('aborted'))
  }

  /** Hands the connection to the client's response. It stays in flight at the node until it is closed. */
  #handOver(target: ClientResponse): void {
    if (this.#connection === undefined) {
      target.abort(true)
      return
    }
    const node = this.#connection.detach()
    this.#connection = undefined
    // From here on, the two ends close each other.
    if (this.#call.current === this) this.#call.current = undefined
    node.socket.once('close', () => this.#finish())
    target.tunnel!(node)
  }

  #rewriteReferences({ hasReferences, headers }: AnswerHead): void {
    if (hasReferences && this.#request.route.rewriteLocation) {
      rewriteReferences(headers, this.#request, this.#peer.address)
    }
  }

  #endWithTrailers(target: ClientResponse, trailers: readonly string[]): void {
    const shown = [...trailers]
    if (this.#isHidden) removeHeaders(shown, this.#isHidden)
    target.endWithTrailers(shown)
  }

  #pauseUntilDrained(target: ClientResponse): void {
    this.#connection!.pause()
    if (this.#listensForDrain) return
    this.#listensForDrain = true
    target.on('drain', () => this.#connection?.resume())
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#over) return
    if (failure.kind !== 'aborted' && failure.kind !== 'unsendable') this.#peer.failures++
    if (failure.kind === 'timeout') this.#peer.timeouts++
    failure.requestLine = this.requestLine
    this.#finish()
    this.#reject(failure)
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#peer.inFlight--
    if (this.#call.current === this) this.#call.current = undefined
  }
}

/** Stays below the timeouts of a route: a node that does not know Expect must not run into them. */
function continueTimeoutMs({ timeoutMs, tryTimeoutMs = timeoutMs }: Route): number {
  return Math.min(CONTINUE_TIMEOUT_MS, tryTimeoutMs / 2)
}

/** Writes a chunk; latin1 carries every byte of a text as it is. */
function write(target: ClientResponse, chunk: Chunk): boolean {
  return typeof chunk === 'string' ? target.write(chunk, 'latin1') : target.write(chunk)
}

/**
 * Ends an answer with its last chunk. Node joins a head with text only. A Buffer is a second piece, and the `writev` of two
 * pieces costs 1.5 times as much as one `write`.
 */
function endWith(target: ClientResponse, chunk: Chunk | undefined): void {
  if (chunk === undefined) target.end()
  else if (typeof chunk === 'string') target.end(chunk, 'latin1')
  else target.end(chunk)
}
