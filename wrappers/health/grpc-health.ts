import { readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { GRPC_STATUS, GRPC_STATUS_NAMES } from '../../internal/grpc/status.ts'
import { formatTimeout } from '../../internal/grpc/timeout.ts'
import type { Http2Answer, Http2Request } from './http2-request.ts'

// The two messages of grpc.health.v1 are written and read by hand: one text, and one number of one digit
// (https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto).

const PREFIX_BYTES = 5
/** Tags of the fields `string service = 1` and `ServingStatus status = 1`. */
const SERVICE_TAG = 0x0a
const STATUS_TAG = 0x08
const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/**
 * Writes the call of `grpc.health.v1.Health/Check`.
 *
 * @param service of at most 127 ASCII characters; empty = the whole server
 */
export function healthRequest(
  service: string,
  authority: string,
  timeoutMs: number,
  scheme: 'http' | 'https',
): Http2Request {
  const message = service === '' ? [] : [SERVICE_TAG, service.length, ...Buffer.from(service, 'latin1')]
  const body = Buffer.from([0, 0, 0, 0, message.length, ...message])
  return {
    lines: [
      ...[':method', 'POST', ':scheme', scheme, ':path', '/grpc.health.v1.Health/Check'],
      ...[':authority', authority, 'content-type', 'application/grpc', 'te', 'trailers'],
      ...['user-agent', 'waygate-health-check', 'grpc-timeout', formatTimeout(timeoutMs)],
    ],
    body,
  }
}

/** Reads the answer to the call. The reason is for people. */
export function readHealth({ status, headers, trailers, body }: Http2Answer): {
  readonly passed: boolean
  readonly reason: string
} {
  if (status !== 200) return { passed: false, reason: `status ${status}` }
  const end = readGrpcEnd(trailers.length > 0 ? trailers : headers)
  if (end.status === GRPC_STATUS.UNIMPLEMENTED) return { passed: false, reason: 'no health service' }
  if (end.status === GRPC_STATUS.NOT_FOUND)
    return { passed: false, reason: 'the health service does not know the service' }
  if (end.status !== GRPC_STATUS.OK)
    return { passed: false, reason: `gRPC status ${GRPC_STATUS_NAMES[end.status]}` }
  const shown = SERVING_STATUSES[servingStatus(body)]
  return { passed: shown === 'SERVING', reason: shown ?? 'invalid answer of the health service' }
}

/** Returns the number in the only field of the message, which is left out when it is 0; -1 when there is no such message. */
function servingStatus(body: Buffer): number {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return -1
  const message = body.subarray(PREFIX_BYTES)
  if (body.readUInt32BE(1) !== message.length) return -1
  if (message.length === 0) return 0
  return message.length === 2 && message[0] === STATUS_TAG ? message[1]! : -1
}
