/**
 * Why a try on a node brought no answer.
 * - `connect`: no connection; the node has seen nothing of the request.
 * - `reset`: the connection ended after the request may have been sent and before the head of an answer.
 * - `timeout`: the head of an answer did not come in time.
 * - `hung`: the try was given up early, because its node was found to hang.
 * - `invalid`: the node sent something that is not an HTTP answer.
 * - `unsendable`: the request itself cannot be sent. Does not count against the node.
 * - `aborted`: the client left, or the gateway gave the try up. Does not count against the node.
 */
export type FailureKind = 'connect' | 'reset' | 'timeout' | 'hung' | 'invalid' | 'unsendable' | 'aborted'

/**
 * A failed try. The original error is its `cause`. It captures no stack, because failures are outcomes and not crashes.
 */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly kind: FailureKind
  /**
   * Whether the broken connection had carried answers before, so that the node may have closed it while it was idle.
   */
  readonly staleConnection: boolean
  /** Method and target of the request that was sent, `GET /path?query`. Set by the transport. */
  requestLine: string | undefined = undefined

  constructor(kind: FailureKind, cause?: unknown, staleConnection = false) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(`upstream ${kind}`, { cause })
    Error.stackTraceLimit = stackTraceLimit
    this.kind = kind
    this.staleConnection = staleConnection
  }
}
