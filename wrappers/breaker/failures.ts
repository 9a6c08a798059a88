import type { Outcome } from '../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'

/**
 * Whether a status says that the node, or something behind it, failed. 501 and 505 say that it does not know what the
 * client asks for.
 */
export function isFailureStatus(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505
}

/** Statuses of gRPC that say the same: UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_FAILURES: ReadonlySet<number> = new Set([2, 13, 14, 15])

/** Whether an answer says with its head that the node failed. */
export function isFailedAnswer({ status, grpcStatus }: Outcome): boolean {
  return isFailureStatus(status) || (grpcStatus !== undefined && GRPC_FAILURES.has(grpcStatus))
}

/** Failures that do not count against the node. */
const NOT_COUNTED: ReadonlySet<FailureKind> = new Set(['aborted', 'unsendable'])

/** Whether a try that ended with an error counts against the node. */
export function countsAgainstNode(error: unknown): boolean {
  if (!(error instanceof UpstreamFailure)) return true
  if (error.kind === 'hung') return hasShownHang(error)
  return !NOT_COUNTED.has(error.kind) && !error.isShortTimeout
}

/**
 * Whether the connection of the try has shown that its node hangs. Otherwise other tries have, and were counted. Where clients
 * set short deadlines, which do not count, this is all that tells of the hang.
 */
function hasShownHang({ kind, cause }: UpstreamFailure): boolean {
  return kind === 'hung' && cause !== undefined
}

/** Returns how a try failed, as the node is concerned; undefined when its error is not the failure of a try. */
export function failureKindOf(error: unknown): FailureKind | undefined {
  if (!(error instanceof UpstreamFailure)) return undefined
  return hasShownHang(error) ? 'timeout' : error.kind
}

/** Returns method and target of a try that failed; undefined when nothing was sent. */
export function requestLineOf(error: unknown): string | undefined {
  return error instanceof UpstreamFailure ? error.requestLine : undefined
}
