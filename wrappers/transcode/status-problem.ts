import type { Call } from '../../internal/call.ts'
import type { GrpcEnd } from '../../internal/grpc/grpc-end.ts'
import type { JsonOptions } from '../../internal/grpc/json-options.ts'
import { decodeGrpcMessage } from '../../internal/grpc/percent.ts'
import { GRPC_STATUS_NAMES, httpStatusOf } from '../../internal/grpc/status.ts'
import { PROBLEM_CONTENT_TYPE } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { JsonDecoder } from '../protobuf/json-decoder.ts'
import { isJsonObject } from '../protobuf/special-encoders.ts'
import { standardTypes } from '../protobuf/standard-types.ts'

/** A status that is not OK, as clients of JSON get it. */
export interface StatusProblem {
  readonly httpStatus: number
  readonly contentType: string
  readonly document: Readonly<Record<string, unknown>>
  /** Seconds to wait, when the details say so. */
  readonly retryAfter: number | undefined
}

export interface ProblemOptions {
  readonly decoder: JsonDecoder
  readonly format: JsonOptions['errors']
  readonly call: Pick<Call, 'requestId' | 'trace'>
}

/** Returns the document for a call that has failed, with the details that the node gave. */
export function problemOf(
  { status, lines }: GrpcEnd,
  { decoder, format, call }: ProblemOptions,
): StatusProblem {
  const code = GRPC_STATUS_NAMES[status] ?? 'UNKNOWN'
  const httpStatus = httpStatusOf(status)
  const detail = decodeGrpcMessage(getHeader(lines, 'grpc-message') ?? '')
  const details = detailsOf(lines, decoder)
  const retryAfter = retryAfterOf(details)
  if (format === 'google') {
    const document = { code: status, message: detail, details }
    return { httpStatus, contentType: 'application/json', document, retryAfter }
  }
  return {
    httpStatus,
    contentType: PROBLEM_CONTENT_TYPE,
    document: {
      type: `urn:grpc:status:${code}`,
      title: titleOf(code),
      status: httpStatus,
      code,
      grpcStatus: status,
      detail,
      ...(details.length > 0 && { details }),
      requestId: call.requestId,
      ...(call.trace && { traceId: call.trace.traceId }),
    },
    retryAfter,
  }
}

/** Such as `Not found` of NOT_FOUND. */
function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words === 'ok' ? 'OK' : words.charAt(0).toUpperCase() + words.slice(1)
}

/** The details are for programs, so a mistake in them must not cost the client the error itself. */
function detailsOf(lines: readonly string[], decoder: JsonDecoder): readonly unknown[] {
  const value = getHeader(lines, 'grpc-status-details-bin')
  if (value === undefined) return []
  try {
    const bytes = Buffer.from(value, 'base64')
    const status = decoder.decode(standardTypes.getMessage('google.rpc.Status')!, bytes)
    return isJsonObject(status) && Array.isArray(status.details) ? status.details : []
  } catch {
    return []
  }
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

function retryAfterOf(details: readonly unknown[]): number | undefined {
  for (const detail of details) {
    if (!isJsonObject(detail) || detail['@type'] !== RETRY_INFO) continue
    const delay = detail.retryDelay ?? detail.retry_delay
    const seconds = typeof delay === 'string' ? Math.ceil(Number.parseFloat(delay)) : Number.NaN
    if (seconds >= 0) return seconds
  }
  return undefined
}
