import type { TunnelEnd } from '../../internal/http/client-exchange.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { Chunk } from '../transport/node-try.ts'
import type { AnswerHead } from './answer-head.ts'
import type { RequestBodySender } from './request-body-sender.ts'

/**
 * One request and its answer, as the pool and the connection see them. The connection calls the methods in the order
 * in which they stand here.
 */
export interface NodeExchange {
  readonly method: string
  /** Whether a 101 is an answer to the request. */
  readonly isWebSocket: boolean
  /**
   * The longest silence between two pieces of the body, milliseconds; 0 = no limit, undefined = the limit of the
   * connection.
   */
  readonly bodyIdleTimeoutMs: number | undefined
  /** Hands the connection to the exchange, which calls `send` on it once and owns it until the last call. */
  onConnection(connection: ExchangeConnection): void
  /** Is called with each interim answer, 1xx, but 100 and 101. */
  onInterim(head: AnswerHead): void
  /**
   * Is called with the head of the answer. After a 101, the connection waits for `detach()`, and neither `onChunk` nor
   * `onEnd` is called.
   *
   * @throws InvalidAnswer when the node must not answer this request like that
   */
  onHead(head: AnswerHead): void
  onChunk(chunk: Chunk): void
  /**
   * Is called when the answer is whole. The connection may already carry another request. Last call.
   *
   * @param trailers those that may be passed on, flat; undefined when there are none
   */
  onEnd(trailers: readonly string[] | undefined): void
  /** Is called when the node was found to hang, while no head has come. The exchange may give up. */
  onHung(): void
  /** Is called when no answer will come, or no more of it. Last call. */
  onFailure(failure: UpstreamFailure): void
}

/** What an exchange may do with the connection that it was handed. */
export interface ExchangeConnection {
  /**
   * Sends the request.
   *
   * @param head of the request, latin1
   * @param body undefined when the request has none
   */
  send(exchange: NodeExchange, head: string, body: RequestBodySender | undefined): void
  /** Stops reading the answer until `resume()`. What was already read may still be delivered. */
  pause(): void
  resume(): void
  /** Ends the exchange with `failure` and closes the connection. */
  abort(failure: UpstreamFailure): void
  /** Ends the exchange after a 101, and hands over the connection, which no longer belongs to the pool. */
  detach(): TunnelEnd
}
