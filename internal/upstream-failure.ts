/**
 * Why a try on one node gave no answer.
 * - `connect`: no connection; the node has seen nothing of the request.
 * - `reset`: the connection ended after the request may have been sent and before an answer's head.
 * - `timeout`: no answer's head in time.
 * - `hung`: given up before its time, since the node had been found to answer nobody.
 * - `invalid`: what came is not an HTTP answer.
 * - `unsendable`: the request itself cannot be put on the wire. Says nothing about the node.
 * - `aborted`: our own client left, or the gateway gave the call up. Says nothing about the node.
 */
export type FailureKind = 'connect' | 'reset' | 'timeout' | 'hung' | 'invalid' | 'unsendable' | 'aborted'

/** A failed try. Without a stack, for the same reason as GatewayError; the original is its cause. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly kind: FailureKind
  /** Whether a connection broke that had carried answers before: the node may have closed it while idle. */
  readonly staleConnection: boolean

  constructor(kind: FailureKind, cause?: unknown, staleConnection = false) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(`upstream ${kind}`, { cause })
    Error.stackTraceLimit = stackTraceLimit
    this.kind = kind
    this.staleConnection = staleConnection
  }
}
