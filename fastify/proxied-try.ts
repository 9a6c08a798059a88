import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { Call } from '../internal/call.ts'
import type { Outcome } from '../internal/upstream.ts'
import { type FailureKind, isOutOfFiles, UpstreamFailure } from '../internal/upstream-failure.ts'
import { isFailureStatus } from '../wrappers/breaker/failures.ts'
import type { ProxiedPeer } from './proxied-peer.ts'

const NO_CONNECTION: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** A request at a node, whose breaker gets exactly one outcome of it. The caller says what becomes of it, and ends it. */
export class ProxiedTry {
  readonly peer: ProxiedPeer
  /** The connection of the client. */
  readonly client: Socket
  readonly #call: Call
  readonly #outcome = Promise.withResolvers<Outcome>()
  #isOver = false

  constructor(peer: ProxiedPeer, request: FastifyRequest) {
    this.peer = peer
    this.client = request.raw.socket
    peer.requests++
    peer.inFlight++
    this.#call = new Call(request.id, request.method, request.url, performance.now())
    peer.circuit.fire(() => this.#outcome.promise, peer.asked, this.#call).catch(() => {})
  }

  /** Notes the head of the answer. */
  answer(status: number): void {
    if (isFailureStatus(status)) this.peer.failures++
    this.#outcome.resolve({ status, requestLine: this.#requestLine })
  }

  fail(kind: FailureKind): void {
    if (this.#isOver) return
    if (kind !== 'unsendable') this.peer.failures++
    const failure = new UpstreamFailure(kind)
    failure.requestLine = this.#requestLine
    this.#outcome.reject(failure)
    this.end()
  }

  get #requestLine(): string {
    return `${this.#call.method} ${this.#call.target}`
  }

  /** Ends the try. Without an answer so far, the client has left. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.peer.inFlight--
    this.#outcome.reject(new UpstreamFailure('aborted'))
  }
}

/**
 * Returns why a node gave no answer.
 *
 * @param error an error of @fastify/reply-from, whose cause is the error of the connection
 */
export function kindOf(error: Error): FailureKind {
  const { code } = (error.cause ?? error) as NodeJS.ErrnoException
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'timeout'
  if (isOutOfFiles(error.cause ?? error)) return 'unsendable'
  return NO_CONNECTION.has(code) ? 'connect' : 'reset'
}

/** The WebSocket to a node, as @fastify/http-proxy opens it: one of `ws`. */
export interface NodeSocket extends EventEmitter {
  terminate(): void
}

/** Ends a try with its WebSocket. While that is not open, the plugin does not close it for a client that leaves or an answer. */
export function followHandshake(begun: ProxiedTry, target: NodeSocket): void {
  const giveUp = () => {
    begun.end()
    target.terminate()
  }
  begun.client.once('close', giveUp)
  target.once('open', () => {
    begun.client.off('close', giveUp)
    begun.answer(101)
  })
  target.once('unexpected-response', (_request: unknown, { statusCode }: { readonly statusCode: number }) => {
    begun.answer(statusCode)
    giveUp()
  })
  target.once('error', () => begun.fail('reset'))
  target.once('close', () => {
    begun.client.off('close', giveUp)
    begun.end()
  })
}
