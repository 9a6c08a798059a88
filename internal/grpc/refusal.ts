import type { GatewayError } from '../http/errors.ts'
import { getHeader } from '../http/header-lines.ts'
import { UpstreamFailure } from '../upstream-failure.ts'
import { resetStatusOf } from './grpc-end.ts'
import { encodeGrpcMessage } from './percent.ts'
import { grpcStatusOfError, grpcStatusOfHttp } from './status.ts'
import { writeErrorInfo } from './status-details.ts'

/** A call that the gateway ends itself. */
export interface GrpcRefusal {
  /** 1..16. */
  readonly status: number
  /** `grpc-status` and the fields that belong to it, flat. */
  readonly lines: readonly string[]
}

/** Clients accept some 8 KiB of fields, and the message is there twice. */
const MAX_MESSAGE_CHARACTERS = 1_000

/**
 * Returns how a gRPC client is told an error of the gateway. Programs find the code of the error in
 * `grpc-status-details-bin`, and the time to wait in `grpc-retry-pushback-ms` (gRFC A6).
 */
export function refusalOfError(error: GatewayError): GrpcRefusal {
  const status = statusOf(error)
  const message = error.message.slice(0, MAX_MESSAGE_CHARACTERS)
  const lines = [
    'grpc-status',
    String(status),
    'grpc-message',
    encodeGrpcMessage(message),
    'grpc-status-details-bin',
    writeErrorInfo(status, message, error.code),
  ]
  const retryAfter = error.headers?.['retry-after']
  if (retryAfter !== undefined) lines.push(...pushback(retryAfter))
  return { status, lines }
}

function statusOf({ code, cause, grpcStatus }: GatewayError): number {
  if (grpcStatus !== undefined) return grpcStatus
  const resetStatus = cause instanceof UpstreamFailure ? resetStatusOf(cause.cause) : undefined
  return resetStatus ?? grpcStatusOfError(code)
}

/**
 * Returns how a gRPC client is told an answer that is plain HTTP, such as that of a proxy in front of a node, or of a
 * fallback.
 */
export function refusalOfHttp(status: number, headers: readonly string[]): GrpcRefusal {
  const grpcStatus = grpcStatusOfHttp(status)
  const message = `the service answered HTTP ${status} instead of gRPC`
  const lines = ['grpc-status', String(grpcStatus), 'grpc-message', message]
  const retryAfter = getHeader(headers, 'retry-after')
  if (retryAfter !== undefined) lines.push(...pushback(retryAfter))
  return { status: grpcStatus, lines }
}

/** Retry-After may also be a date, which no gRPC client reads. */
function pushback(retryAfter: string): string[] {
  return /^\d{1,6}$/.test(retryAfter) ? ['grpc-retry-pushback-ms', String(Number(retryAfter) * 1000)] : []
}
