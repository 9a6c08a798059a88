import { GatewayError } from '../http/errors.ts'
import { getHeader, withoutHeaders } from '../http/header-lines.ts'
import { ERROR, Http2Error } from '../http2/frames.ts'
import type { UpstreamFailure } from '../upstream-failure.ts'
import { encodeGrpcMessage } from './percent.ts'
import { GRPC_STATUS, grpcStatusOfError, grpcStatusOfReset, parseGrpcStatus } from './status.ts'

/** How a gRPC call ended. */
export interface GrpcEnd {
  /** 0..16. */
  readonly status: number
  /** The trailers that the client gets, flat. */
  readonly lines: readonly string[]
  /** What is wrong with the status that the node sent, for the log; undefined when nothing is. */
  readonly problem?: string | undefined
}

/**
 * Judges the fields with which a node ends a call: its trailers, or the head of an answer that is trailers only. A client
 * always gets one valid status: a missing or unknown one becomes UNKNOWN. Everything else is passed on as it is.
 *
 * @throws Http2Error when there are several, which two readers could read differently
 */
export function readGrpcEnd(lines: readonly string[]): GrpcEnd {
  const value = getHeader(lines, 'grpc-status')
  if (value === undefined)
    return endWith(lines, GRPC_STATUS.UNKNOWN, 'the service ended the call without a status')
  if (isRepeated(lines)) throw new Http2Error(ERROR.protocolError, 'the answer has more than one grpc-status')
  const status = parseGrpcStatus(value)
  if (status !== undefined) return { status, lines }
  const end = endWith(lines, GRPC_STATUS.UNKNOWN, getHeader(lines, 'grpc-message'))
  return { ...end, problem: `grpc-status ${JSON.stringify(value.slice(0, 40))}` }
}

/** Returns the end of a call whose answer had begun when it failed. */
export function endOfFailure(failure: UpstreamFailure): GrpcEnd {
  const [status, message] = statusOfFailure(failure)
  return brokenGrpcEnd(status, message)
}

/** Returns the end of a call that its node did not end itself. */
export function brokenGrpcEnd(status: number, message: string): GrpcEnd {
  return { status, lines: statusLines(status, encodeGrpcMessage(message)), problem: message }
}

function statusOfFailure({ kind, cause }: UpstreamFailure): readonly [status: number, message: string] {
  // The body of the request is refused, such as one that is too large.
  if (cause instanceof GatewayError) return [grpcStatusOfError(cause.code), cause.message]
  if (kind === 'timeout') return [GRPC_STATUS.DEADLINE_EXCEEDED, 'the service did not answer in time']
  if (kind === 'invalid') return [GRPC_STATUS.INTERNAL, 'the answer of the service is not valid HTTP/2']
  const status = resetStatusOf(cause)
  return status === undefined
    ? [GRPC_STATUS.UNAVAILABLE, 'the service ended the connection']
    : [status, 'the service reset the call']
}

/** Returns the gRPC status that stands for the reset of a stream; undefined when an error is something else. */
export function resetStatusOf(error: unknown): number | undefined {
  return error instanceof Http2Error && error.streamId !== 0 ? grpcStatusOfReset(error.code) : undefined
}

/** @param message as it stands in `grpc-message` */
function endWith(lines: readonly string[], status: number, message: string | undefined): GrpcEnd {
  const others = withoutHeaders(lines, OF_STATUS)
  return { status, lines: [...others, ...statusLines(status, message)], problem: message }
}

const OF_STATUS = new Set(['grpc-status', 'grpc-message'])

function statusLines(status: number, message: string | undefined): string[] {
  const lines = ['grpc-status', String(status)]
  if (message !== undefined) lines.push('grpc-message', message)
  return lines
}

function isRepeated(lines: readonly string[]): boolean {
  let count = 0
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]!.toLowerCase() === 'grpc-status') count++
  }
  return count > 1
}
