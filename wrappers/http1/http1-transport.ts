import type { ServerResponse } from 'node:http'
import type { Call } from '../../internal/call.ts'
import { breakOff } from '../../internal/http/break-off.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { withoutHeaders } from '../../internal/http/header-lines.ts'
import type { BodyObserver, Upstream, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { isFailureStatus } from '../breaker/circuit-breaker.ts'
import { chosenPeer, type UpstreamPeer } from '../node/upstream-peer.ts'
import { isMovable } from '../retry/retry-rules.ts'
import type { AnswerHead } from './answer-head.ts'
import type { Chunk, Exchange } from './exchange.ts'
import type { NodeConnection } from './node-connection.ts'
import { RequestBodySender } from './request-body-sender.ts'
import { writeRequestHead } from './request-text.ts'

export interface DispatchOptions {
  /** Told the size of every piece of an answer's body that comes. */
  readonly onPiece: (bytes: number) => void
}

/**
 * The innermost upstream: one request to the chosen node over its own connections.
 *
 * It keeps the pieces of the answer that arrive together with its head: when the caller then asks for the body
 * and all of it is there, head and body leave in a single write.
 */
export function createDispatch({ onPiece }: DispatchOptions): Upstream {
  return (request, call) =>
    new Promise((resolve, reject) => {
      new Try(request, call, chosenPeer(call), onPiece, resolve, reject).start()
    })
}

/** Bytes kept for a caller that has not asked for the body yet; the node is paused beyond. */
const MAX_EARLY_BYTES = 65_536
const NO_HEADERS: readonly string[] = []
const NO_CONTENT = 204
const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/** One request and its answer. Doubles as the connection's exchange and as the answer, to be one object per try. */
class Try implements UpstreamResponse, Exchange {
  status = 0
  headers: readonly string[] = NO_HEADERS
  readonly method: string
  readonly #request: UpstreamRequest
  readonly #call: Call
  readonly #peer: UpstreamPeer
  readonly #onPiece: (bytes: number) => void
  readonly #resolve: (response: UpstreamResponse) => void
  readonly #reject: (failure: UpstreamFailure) => void
  #head = ''
  #body: RequestBodySender | undefined = undefined
  #connection: NodeConnection | undefined = undefined
  #target: ServerResponse | undefined = undefined
  #early: Chunk[] = []
  #earlyBytes = 0
  #ended = false
  #broken = false
  #over = false
  #listensForDrain = false
  #observer: BodyObserver | undefined = undefined
  #isDelimited = true
  #hasLength = false

  constructor(
    request: UpstreamRequest,
    call: Call,
    peer: UpstreamPeer,
    onPiece: (bytes: number) => void,
    resolve: (response: UpstreamResponse) => void,
    reject: (failure: UpstreamFailure) => void,
  ) {
    this.method = request.method
    this.#request = request
    this.#call = call
    this.#peer = peer
    this.#onPiece = onPiece
    this.#resolve = resolve
    this.#reject = reject
  }

  get isBroken(): boolean {
    return this.#broken
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
      if (body) this.#body = new RequestBodySender(body, bodyLength)
    } catch (error) {
      this.#fail(new UpstreamFailure('unsendable', error))
      return
    }
    this.#peer.pool.request(this)
  }

  /**
   * Ends the try, whatever it is waiting for; but not for its own time while the client owes its body. That says nothing
   * of the node, or clients could have every node left out by sending none. The call's time ends it without blame.
   */
  cancel(given: UpstreamFailure): void {
    let reason = given
    if (given.kind === 'timeout' && this.status === 0 && this.#body?.waitsForClient) {
      if (!this.#call.ended) return
      reason = new UpstreamFailure('unsendable', new GatewayError('WG_REQUEST_TIMEOUT'))
    }
    if (this.#connection) this.#connection.abort(reason)
    else {
      this.#peer.pool.forget(this)
      this.#fail(reason)
    }
  }

  onConnection(connection: NodeConnection): void {
    this.#connection = connection
    connection.send(this, this.#head, this.#body)
  }

  onHead({ status, headers, framing, tellsLength }: AnswerHead): void {
    this.status = status
    // Readers that do not know that it has none would look for a body.
    this.headers = status === NO_CONTENT ? withoutHeaders(headers, CONTENT_LENGTH) : headers
    this.#isDelimited = framing !== 'close'
    this.#hasLength = tellsLength
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

  onEnd(): void {
    this.#connection = undefined
    this.#ended = true
    this.#finish()
    this.#observer?.onEnd(this.#isDelimited)
    this.#target?.end()
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
    if (this.#target) breakOff(this.#target, this.#hasLength)
  }

  observe(observer: BodyObserver): void {
    for (const chunk of this.#early) observer.onChunk(chunk)
    if (this.#ended) observer.onEnd(this.#isDelimited)
    else if (this.#broken) observer.onEnd(false)
    else this.#observer = observer
  }

  sendBody(target: ServerResponse): void {
    const early = this.#early
    if (this.#broken) {
      breakOff(target, this.#hasLength)
    } else if (this.#ended) {
      for (let i = 0; i < early.length - 1; i++) write(target, early[i]!)
      endWith(target, early.at(-1))
    } else {
      this.#target = target
      let writable = true
      for (const chunk of early) writable = write(target, chunk)
      // An answer whose body is yet to come (an event stream) must not wait for it to show its head.
      // Not by flushHeaders(), which writes bytes beyond ASCII as UTF-8.
      if (early.length === 0) target.write('', 'latin1')
      if (writable) this.#connection!.resume()
      else this.#pauseUntilDrained(target)
    }
    this.#early = []
  }

  discard(): void {
    this.#connection?.abort(new UpstreamFailure('aborted'))
  }

  #pauseUntilDrained(target: ServerResponse): void {
    this.#connection!.pause()
    if (this.#listensForDrain) return
    this.#listensForDrain = true
    target.on('drain', () => this.#connection?.resume())
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#over) return
    if (failure.kind !== 'aborted' && failure.kind !== 'unsendable') this.#peer.failures++
    if (failure.kind === 'timeout') this.#peer.timeouts++
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

/** Latin1 carries every byte of a text as it is. */
function write(target: ServerResponse, chunk: Chunk): boolean {
  return typeof chunk === 'string' ? target.write(chunk, 'latin1') : target.write(chunk)
}

/**
 * Ends an answer with its last chunk. Node joins a head only with text: given a Buffer it writes two pieces
 * with `writev`, which costs half as much again as one `write`.
 */
function endWith(target: ServerResponse, chunk: Chunk | undefined): void {
  if (chunk === undefined) target.end()
  else if (typeof chunk === 'string') target.end(chunk, 'latin1')
  else target.end(chunk)
}
