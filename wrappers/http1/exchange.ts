import type { UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { AnswerHead } from './answer-head.ts'
import type { NodeConnection } from './node-connection.ts'

/** A piece of a body: bytes, or short ones as latin1 text, which Node joins with a head into one write. */
export type Chunk = Buffer | string

/** One request on its way, as its connection sees it. All calls come in the order of the methods. */
export interface Exchange {
  readonly method: string
  /** The longest silence between two pieces of the body, milliseconds; 0 = none, undefined = the connection's own. */
  readonly bodyIdleTimeoutMs: number | undefined
  /** The connection is the exchange's until its end: it calls `connection.send`, once. */
  onConnection(connection: NodeConnection): void
  /** The head of the answer, interim ones (1xx) left out. */
  onHead(head: AnswerHead): void
  onChunk(chunk: Chunk): void
  /** The answer is whole; the connection belongs to somebody else now. Last call. */
  onEnd(): void
  /** The node answers nobody: no head has come, and who would rather ask another may give it up. */
  onHung(): void
  /** There will be no answer, or no more of it. Last call. */
  onFailure(failure: UpstreamFailure): void
}

/** Who lends the connection out. */
export interface ConnectionOwner {
  /** It is free for another request. */
  onFree(connection: NodeConnection): void
  onClosed(connection: NodeConnection): void
}
