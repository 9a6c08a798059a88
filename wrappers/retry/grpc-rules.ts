import { GRPC_STATUS, grpcStatusOfHttp } from '../../internal/grpc/status.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'

type CallRequest = Pick<UpstreamRequest, 'rpc'> & Partial<Pick<UpstreamRequest, 'route'>>

/** Whether a call may be repeated although a node may have acted on it. */
function mayRepeatCall({ route, rpc }: CallRequest): boolean {
  return rpc!.isIdempotent || route?.grpc?.retriesAll === true
}

/** Whether a call may be repeated that its node may have acted on, and brought no head of an answer. */
export function mayRepeatLostCall(request: CallRequest): boolean {
  return retriesOn(request, GRPC_STATUS.UNAVAILABLE) && mayRepeatCall(request)
}

/**
 * Whether an answer has a status on which the call is tried again. Only an answer that consists of its head may be
 * replaced by another: of any other, the client may have got messages (gRFC A6, "when retries are valid").
 */
export function isUnwantedCall(answer: UpstreamResponse, request: CallRequest): boolean {
  const status = answer.grpcStatus ?? (answer.status === 200 ? undefined : grpcStatusOfHttp(answer.status))
  if (status === undefined || !retriesOn(request, status) || !mayRepeatCall(request)) return false
  const pushback = pushbackMs(answer.headers)
  return pushback === undefined || pushback >= 0
}

function retriesOn({ route }: CallRequest, status: number): boolean {
  return route?.grpc?.retryOn.includes(status) === true
}

const WHOLE_MS = /^\d{1,10}$/

/**
 * Reads how long a node asks its client to wait with another try (gRFC A6, "pushback").
 *
 * @param headers flat
 * @returns milliseconds; -1 when there must be none; undefined when the node does not say
 */
export function pushbackMs(headers: readonly string[]): number | undefined {
  const value = getHeader(headers, 'grpc-retry-pushback-ms')
  if (value === undefined) return undefined
  return WHOLE_MS.test(value) ? Number(value) : -1
}
