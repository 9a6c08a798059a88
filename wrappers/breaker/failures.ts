import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'

/**
 * Whether a status says that the node, or something behind it, failed. 501 and 505 say that it does not know what the
 * client asks for.
 */
export function isFailureStatus(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505
}

/** Failures that do not count against the node. `hung` follows from failures that were counted before. */
const NOT_COUNTED: ReadonlySet<FailureKind> = new Set(['aborted', 'unsendable', 'hung'])

/** Whether a try that ended with an error counts against the node. */
export function countsAgainstNode(error: unknown): boolean {
  return !(error instanceof UpstreamFailure && NOT_COUNTED.has(error.kind))
}

/** Returns how a try failed; undefined when its error is not the failure of a try. */
export function failureKindOf(error: unknown): FailureKind | undefined {
  return error instanceof UpstreamFailure ? error.kind : undefined
}

/** Returns method and target of a try that failed; undefined when nothing was sent. */
export function requestLineOf(error: unknown): string | undefined {
  return error instanceof UpstreamFailure ? error.requestLine : undefined
}
