import type { ServerResponse } from 'node:http'
import { type Dispatcher, errors } from 'undici'
import type { Call } from '../internal/call.ts'
import { GatewayError } from '../internal/errors.ts'
import { forwardResponseHeaders } from '../internal/response-head.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../internal/upstream.ts'
import { UpstreamFailure } from '../internal/upstream-failure.ts'
import { isFailureStatus } from './circuit.ts'
import { brokeReusedConnection } from './connector.ts'
import { chosenPeer, type UpstreamPeer } from './upstream-peer.ts'

export interface DispatchOptions {
  /** Told the size of every piece of an answer's body that comes. */
  readonly onPiece: (bytes: number) => void
}

/**
 * The innermost upstream: one request to the chosen node over its own pool.
 *
 * It uses undici's `dispatch`, the callback interface below `request` and `fetch`, and keeps the pieces of
 * the answer that arrive together with its head: when the caller then asks for the body and all of it is
 * there, head and body leave in a single write.
 */
export function createDispatch({ onPiece }: DispatchOptions): Upstream {
  return (request, call) =>
    new Promise((resolve, reject) => {
      new Exchange(request, call, chosenPeer(call), onPiece, resolve, reject).start()
    })
}

/** Bytes kept for a caller that has not asked for the body yet; the node is paused beyond. */
const MAX_EARLY_BYTES = 65_536

/** One request and its answer. Doubles as undici's handler and as the answer, to be one object per try. */
class Exchange implements UpstreamResponse, Dispatcher.DispatchHandler {
  status = 0
  headers: readonly string[] = []
  readonly #request: UpstreamRequest
  readonly #call: Call
  readonly #peer: UpstreamPeer
  readonly #onPiece: (bytes: number) => void
  readonly #resolve: (response: UpstreamResponse) => void
  readonly #reject: (failure: UpstreamFailure) => void
  #controller: Dispatcher.DispatchController | undefined = undefined
  #target: ServerResponse | undefined = undefined
  #early: Buffer[] = []
  #earlyBytes = 0
  #ended = false
  #broken = false
  #over = false
  #listensForDrain = false

  constructor(
    request: UpstreamRequest,
    call: Call,
    peer: UpstreamPeer,
    onPiece: (bytes: number) => void,
    resolve: (response: UpstreamResponse) => void,
    reject: (failure: UpstreamFailure) => void,
  ) {
    this.#request = request
    this.#call = call
    this.#peer = peer
    this.#onPiece = onPiece
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const request = this.#request
    this.#peer.inFlight++
    this.#call.current = this
    this.#peer.pool.dispatch(
      {
        method: request.method,
        path: request.target,
        headers: request.headers,
        body: request.body ? request.body.open() : null,
      },
      this,
    )
  }

  /** Ends the try, whatever it is waiting for. */
  cancel(reason: UpstreamFailure): void {
    if (this.#controller) this.#controller.abort(reason)
    else this.#fail(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // Given up while it waited for a connection.
    if (this.#over) controller.abort(new UpstreamFailure('aborted'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return
    const headers = forwardResponseHeaders(controller.rawHeaders as Buffer[])
    if (!headers) {
      controller.abort(
        new UpstreamFailure('invalid', new Error('the answer has an unknown transfer-encoding')),
      )
      return
    }
    this.status = status
    this.headers = headers
    if (isFailureStatus(status)) this.#peer.failures++
    this.#resolve(this)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#onPiece(chunk.length)
    const target = this.#target
    if (target) {
      if (!target.write(chunk)) this.#pauseUntilDrained(controller, target)
      return
    }
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > MAX_EARLY_BYTES) controller.pause()
  }

  onResponseEnd(): void {
    this.#ended = true
    this.#finish()
    this.#target?.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.status === 0) {
      this.#fail(error instanceof UpstreamFailure ? error : failureOf(error))
      return
    }
    this.#broken = true
    this.#finish()
    this.#target?.destroy()
  }

  sendBody(target: ServerResponse): void {
    const early = this.#early
    if (this.#broken) {
      target.destroy()
    } else if (this.#ended) {
      for (let i = 0; i < early.length - 1; i++) target.write(early[i])
      endWith(target, early.at(-1))
    } else {
      this.#target = target
      const controller = this.#controller!
      let writable = true
      for (const chunk of early) writable = target.write(chunk)
      // An answer whose body is yet to come (an event stream) must not wait for it to show its head.
      // Not by flushHeaders(), which writes bytes beyond ASCII as UTF-8.
      if (early.length === 0) target.write('', 'latin1')
      if (!writable) this.#pauseUntilDrained(controller, target)
      else if (controller.paused) controller.resume()
    }
    this.#early = []
  }

  discard(): void {
    if (!this.#over) this.#controller?.abort(new UpstreamFailure('aborted'))
  }

  #pauseUntilDrained(controller: Dispatcher.DispatchController, target: ServerResponse): void {
    controller.pause()
    if (this.#listensForDrain) return
    this.#listensForDrain = true
    target.on('drain', () => {
      if (!this.#over) controller.resume()
    })
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#over) return
    if (failure.kind !== 'aborted' && failure.kind !== 'unsendable') this.#peer.failures++
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

/**
 * Ends an answer with its last chunk. Node joins a head only with text: given a Buffer it writes two pieces
 * with `writev`, which costs half as much again as one `write`. Latin1 carries every byte as it is.
 */
function endWith(target: ServerResponse, chunk: Buffer | undefined): void {
  if (chunk === undefined) target.end()
  else if (chunk.length <= MAX_TEXT_BYTES) target.end(chunk.toString('latin1'), 'latin1')
  else target.end(chunk)
}

/** Larger chunks cost more to copy than a second piece does. */
const MAX_TEXT_BYTES = 16_384

/** undici's and Node's error codes as kinds of failure. */
function failureOf(error: Error): UpstreamFailure {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  // The client's body was over the limit: its own doing, and not the node's.
  if (code === 'UND_ERR_INVALID_ARG' || error instanceof GatewayError)
    return new UpstreamFailure('unsendable', error)
  if (syscall === 'connect' || syscall === 'getaddrinfo' || CONNECT_CODES.has(code)) {
    return new UpstreamFailure('connect', error)
  }
  if (isInvalidAnswer(error, code)) return new UpstreamFailure('invalid', error)
  return new UpstreamFailure('reset', error, brokeReusedConnection(error))
}

/** undici's parser errors have no code, and its two refusals of an interim answer only a message. */
function isInvalidAnswer(error: Error, code: string): boolean {
  if (error instanceof errors.HTTPParserError || INVALID_CODES.has(code)) return true
  return code === 'UND_ERR_SOCKET' && (error.message === 'bad response' || error.message === 'bad upgrade')
}

const INVALID_CODES = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])

/** Without a `syscall` of their own: all addresses of a name failed, undici's timer, a pool that is closing. */
const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
])
