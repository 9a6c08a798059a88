import { GatewayError } from './http/errors.ts'
import { QuietError } from './http/quiet-error.ts'

/**
 * Why a try on a node brought no answer.
 * - `connect`: no connection; the node has seen nothing of the request.
 * - `refused`: the node has a connection and has provably not acted on the request: it said so, or nothing was sent.
 * - `reset`: the connection ended after the request may have been sent and before the head of an answer.
 * - `timeout`: the head of an answer did not come in time.
 * - `hung`: the try was given up early, because its node was found to hang. It has a cause if its own connection showed that.
 * - `invalid`: the node sent something that is not an HTTP answer.
 * - `unsendable`: the request cannot be sent to any node, because of what it is or what the gateway lacks. Does not count
 *   against the node.
 * - `aborted`: the client left, or the gateway gave the try up. Does not count against the node.
 */
export type FailureKind =
  | 'connect'
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'hung'
  | 'invalid'
  | 'unsendable'
  | 'aborted'

/**
 * A failed try. The original error is its `cause`. It captures no stack, because failures are outcomes and not crashes.
 */
export class UpstreamFailure extends QuietError {
  override readonly name = 'UpstreamFailure'
  readonly kind: FailureKind
  /**
   * Whether the broken connection had carried answers before, so that the node may have closed it while it was idle.
   */
  readonly staleConnection: boolean
  /** Method and target of the request that was sent, `GET /path?query`. Set by the transport. */
  requestLine: string | undefined = undefined
  /**
   * Whether this is a timeout that left the node less time than its route gives, so that it says nothing about the node: the
   * client chose a shorter one, or the request had to wait before it could be sent.
   */
  isShortTimeout = false

  constructor(kind: FailureKind, cause?: unknown, staleConnection = false) {
    super(`upstream ${kind}`, { cause })
    this.kind = kind
    this.staleConnection = staleConnection
  }
}

/** Codes with which the system refuses a socket to this process, whatever the socket is for. */
const OUT_OF_FILES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

/** Whether no connection could be made because this process, or its system, lacks file descriptors or memory for sockets. */
export function isOutOfFiles(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && OUT_OF_FILES.has(error.code)
}

/**
 * Returns the failure of a try for which no connection could be made. Without a file descriptor there is no connection to any
 * other node either, so no other try follows.
 */
export function noConnection(cause: unknown): UpstreamFailure {
  if (!isOutOfFiles(cause)) return new UpstreamFailure('connect', cause)
  const detail = 'The gateway is at its limit; try again later.'
  const overloaded = new GatewayError('WG_OVERLOADED', { detail, headers: { 'retry-after': '1' }, cause })
  return new UpstreamFailure('unsendable', overloaded)
}

/** Returns the message of the innermost cause, which is what an operator looks for. */
export function rootReason(failure: unknown): string {
  let cause = failure
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}
