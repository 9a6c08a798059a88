import type { Call } from '../../internal/call.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { removeHeaders } from '../../internal/http/header-lines.ts'
import { usesTls } from '../../internal/nodes/node.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import { rewriteReferences } from '../../internal/references.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { TrySpan } from '../../internal/trace/trace.ts'
import type { BodyObserver, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { isFailureStatus } from '../breaker/failures.ts'
import { isMovable } from '../retry/retry-rules.ts'
import { problemIn } from './answer-rules.ts'

/** A piece of a body: bytes, or, when it is short, latin1 text, which Node joins with a head into one write. */
export type Chunk = Buffer | string

export type Resolve = (response: UpstreamResponse) => void
export type Reject = (failure: UpstreamFailure) => void

/** Bytes kept for a caller that has not asked for the body yet. With more than that, no more is read from the node. */
const MAX_EARLY_BYTES = 65_536
const NO_HEADERS: readonly string[] = []
/** How long a node has to say whether it wants the body of a request with Expect. curl, too, waits for 1 s. */
const CONTINUE_TIMEOUT_MS = 1_000

/**
 * One try: a request and its answer, in whatever protocol. It is the answer that the caller gets, and keeps the counters
 * of the peer. A subclass connects it to the node.
 */
export abstract class NodeTry implements UpstreamResponse {
  status = 0
  headers: readonly string[] = NO_HEADERS
  trailerNames: readonly string[] | undefined = undefined
  readonly request: UpstreamRequest
  readonly call: Call
  readonly peer: Peer
  /** Undefined = nobody traces the try. It ends its span. */
  protected span: TrySpan | undefined = undefined
  /** Whether the body is certainly whole when it ends, and not only because the connection ended. */
  protected isDelimited = true
  /** Whether the head tells the client how long the body is. */
  protected hasLength = false
  // Fields with `#` would be defined one by one in each object of a derived class: 4% of the work for a small answer.
  private readonly onPiece: (bytes: number) => void
  private readonly resolve: Resolve
  private readonly reject: Reject
  private target: ClientResponse | undefined = undefined
  private early: Chunk[] = []
  private earlyBytes = 0
  private ended = false
  private broken = false
  private over = false
  private listensForDrain = false
  private observer: BodyObserver | undefined = undefined
  private trailers: readonly string[] | undefined = undefined
  private isHidden: ((spelling: string) => boolean) | undefined = undefined

  /**
   * @param peer the node, whose counters are kept
   * @param onPiece called with the size of each piece of the answer's body
   */
  constructor(
    request: UpstreamRequest,
    call: Call,
    peer: Peer,
    onPiece: (bytes: number) => void,
    resolve: Resolve,
    reject: Reject,
  ) {
    this.request = request
    this.call = call
    this.peer = peer
    this.onPiece = onPiece
    this.resolve = resolve
    this.reject = reject
  }

  /** Whether the node has taken all that the client has sent of its body, and the client has yet to send the rest. */
  protected abstract get waitsForClient(): boolean
  /** Ends the try, which must lead to `fail`. The request may not have been sent yet. */
  protected abstract stop(reason: UpstreamFailure): void
  /** Reads no more of the answer until `resumeAnswer`. What was already read may still be delivered. */
  protected abstract pauseAnswer(): void
  protected abstract resumeAnswer(): void
  /** Abandons the answer, of which the caller wants no more. */
  abstract discard(): void

  get isBroken(): boolean {
    return this.broken
  }

  get requestLine(): string {
    return `${this.request.method} ${this.request.target}`
  }

  /** Counts the try in flight, begins its span, and lets the call cancel it. */
  protected begin(): void {
    const { call, peer, request } = this
    peer.inFlight++
    call.current = this
    this.span = call.trace?.beginTry(request, peer, performance.now())
  }

  /**
   * Ends the try, whatever it is waiting for. A try whose own timeout expires while the client still owes the body goes
   * on: the node is not at fault, and clients that send no body could otherwise get every node ejected. The timeout of the
   * call ends such a try without blaming the node.
   */
  cancel(given: UpstreamFailure): void {
    let reason = given
    if (given.kind === 'timeout' && this.status === 0 && this.waitsForClient) {
      if (!this.call.ended) return
      reason = new UpstreamFailure('unsendable', new GatewayError('WG_REQUEST_TIMEOUT'))
    }
    this.stop(reason)
  }

  /** Is called when the node was found to hang, while no head has come. */
  onHung(): void {
    if (isMovable(this.request, this.call)) this.cancel(new UpstreamFailure('hung'))
  }

  /** Rewrites what the headers say of URLs and paths of the node, in place. */
  protected rewriteReferences(headers: string[]): void {
    const { request, peer } = this
    if (request.route.rewriteLocation) rewriteReferences(headers, request, peer.address, usesTls(peer.node))
  }

  /** Resolves with the answer, whose fields are set. */
  protected answer(status: number): void {
    this.status = status
    if (isFailureStatus(status)) this.peer.failures++
    this.peer.hasAnswered = true
    if (this.peer.problem !== undefined) this.peer.problem = undefined
    this.resolve(this)
  }

  /** Whether `pass` lets go of a piece before it returns, so that it may be a view of a buffer that is used again. */
  protected get takesViews(): boolean {
    return this.target?.copiesChunks === true && this.observer === undefined
  }

  /** Passes a piece of the body on, or keeps it. @returns false when no more should be read for now */
  protected pass(chunk: Chunk): boolean {
    this.onPiece(chunk.length)
    this.observer?.onChunk(chunk)
    const target = this.target
    if (target) {
      if (write(target, chunk)) return true
      this.awaitDrain(target)
      return false
    }
    this.early.push(chunk)
    this.earlyBytes += chunk.length
    return this.earlyBytes <= MAX_EARLY_BYTES
  }

  /** Ends a whole answer. @param trailers those that may be passed on, flat; undefined when there are none */
  protected end(trailers: readonly string[] | undefined): void {
    this.ended = true
    this.finish()
    this.observer?.onEnd(this.isDelimited)
    const target = this.target
    if (target === undefined) this.trailers = trailers
    else if (trailers === undefined) target.end()
    else this.endWithTrailers(target, trailers)
  }

  /** Ends the try without an answer, or breaks the answer off if its head has come. */
  protected fail(failure: UpstreamFailure): void {
    if (this.over) return
    if (this.span !== undefined) this.span.failure = failure.kind
    if (this.status === 0) {
      this.rejectWith(failure)
      return
    }
    this.broken = true
    this.finish()
    this.observer?.onEnd(false)
    if (this.target) this.breakOff(this.target)
  }

  /** Ends an answer at the client that broke off at the node. */
  protected breakOff(target: ClientResponse): void {
    target.abort(this.hasLength)
  }

  observe(observer: BodyObserver): void {
    for (const chunk of this.early) observer.onChunk(chunk)
    if (this.ended) observer.onEnd(this.isDelimited)
    else if (this.broken) observer.onEnd(false)
    else this.observer = observer
  }

  sendBody(target: ClientResponse, isHidden?: (spelling: string) => boolean): void {
    const early = this.early
    this.isHidden = isHidden
    if (this.broken) {
      this.breakOff(target)
    } else if (this.ended) {
      for (let i = 0; i < early.length - 1; i++) write(target, early[i]!)
      if (this.trailers === undefined) endWith(target, early.at(-1))
      else {
        if (early.length > 0) write(target, early.at(-1)!)
        this.endWithTrailers(target, this.trailers)
      }
    } else {
      this.target = target
      let writable = true
      for (const chunk of early) writable = write(target, chunk)
      // The head of an answer whose body is yet to come (an event stream) must not wait for the body.
      // flushHeaders() would write bytes beyond ASCII as UTF-8.
      if (early.length === 0) target.write('', 'latin1')
      if (writable) this.resumeAnswer()
      else {
        this.pauseAnswer()
        this.awaitDrain(target)
      }
    }
    this.early = []
  }

  /** No longer counts the try in flight. */
  protected finish(): void {
    if (this.over) return
    this.over = true
    this.peer.inFlight--
    if (this.call.current === this) this.call.current = undefined
    this.span?.end(this.status, performance.now())
  }

  private awaitDrain(target: ClientResponse): void {
    if (this.listensForDrain) return
    this.listensForDrain = true
    target.on('drain', () => this.resumeAnswer())
  }

  private endWithTrailers(target: ClientResponse, trailers: readonly string[]): void {
    const shown = [...trailers]
    if (this.isHidden) removeHeaders(shown, this.isHidden)
    target.endWithTrailers(shown)
  }

  private rejectWith(failure: UpstreamFailure): void {
    const { peer } = this
    if (failure.kind !== 'aborted' && failure.kind !== 'unsendable') peer.failures++
    if (failure.kind === 'timeout') peer.timeouts++
    const problem = problemIn(failure.cause, peer.hasAnswered === true)
    if (problem !== undefined) peer.problem = problem
    failure.requestLine = this.requestLine
    this.finish()
    this.reject(failure)
  }
}

/** Stays below the timeouts of a route: a node that does not know Expect must not run into them. */
export function continueTimeoutMs({ timeoutMs, tryTimeoutMs = timeoutMs }: Route): number {
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
