/**
 * Why a try on one node gave no answer.
 * - `connect`: no connection; the node has seen nothing of the request.
 * - `reset`: the connection ended after the request may have been sent and before an answer's head.
 * - `timeout`: no answer's head in time.
 * - `invalid`: what came is not an HTTP answer.
 * - `aborted`: our own client left, or the gateway gave the call up. Says nothing about the node.
 */
export type FailureKind = 'connect' | 'reset' | 'timeout' | 'invalid' | 'aborted'

/** A failed try. Without a stack, for the same reason as GatewayError; the original is its cause. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly kind: FailureKind

  constructor(kind: FailureKind, cause: unknown) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(`upstream ${kind}`, { cause })
    Error.stackTraceLimit = stackTraceLimit
    this.kind = kind
  }
}
