import type { Call } from '../../internal/call.ts'
import { type ErrorCode, GatewayError } from '../../internal/http/errors.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { isUnwantedCall, mayRepeatLostCall } from './grpc-rules.ts'

/** Methods whose requests may be repeated automatically (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Failures after which the node has provably not acted on the request. */
const NOT_ACTED: ReadonlySet<FailureKind> = new Set(['connect', 'refused'])

/** Failures after which the node may have acted on the request. */
const MAY_HAVE_ACTED: ReadonlySet<FailureKind> = new Set(['reset', 'timeout', 'hung'])

/** The error for the client when the last try failed. An aborted call has no client left. */
const CODES: Readonly<Record<Exclude<FailureKind, 'aborted'>, ErrorCode>> = {
  connect: 'WG_UPSTREAM_UNREACHABLE',
  refused: 'WG_UPSTREAM_UNREACHABLE',
  reset: 'WG_UPSTREAM_UNREACHABLE',
  timeout: 'WG_UPSTREAM_TIMEOUT',
  hung: 'WG_UPSTREAM_TIMEOUT',
  invalid: 'WG_UPSTREAM_INVALID',
  unsendable: 'WG_BAD_REQUEST',
}

/** Whether an answer has a status that the route retries on, and another node may be tried for a better one. */
export function isUnwanted(outcome: UpstreamResponse, request: UpstreamRequest): boolean {
  const { route, method, rpc } = request
  if (rpc !== undefined) return isUnwantedCall(outcome, request)
  return outcome.status >= 400 && IDEMPOTENT.has(method) && route.retryOn?.includes(outcome.status) === true
}

/** Whether another try may follow this failure. */
export function isRepeatable(
  { kind }: Pick<UpstreamFailure, 'kind'>,
  request: Pick<UpstreamRequest, 'method' | 'rpc'> & Partial<Pick<UpstreamRequest, 'route'>>,
): boolean {
  if (NOT_ACTED.has(kind)) return true
  if (!MAY_HAVE_ACTED.has(kind)) return false
  return request.rpc === undefined ? IDEMPOTENT.has(request.method) : mayRepeatLostCall(request)
}

/** Whether a request may be sent to a second node while the first may still answer. */
export function isHedgeable({ method, route, body, rpc }: UpstreamRequest): boolean {
  if (!route.hedge) return false
  return rpc === undefined ? method === 'GET' && body === null : rpc.isIdempotent && rpc.isStreaming === false
}

const HUNG = { kind: 'hung' } as const

/** Whether a try that waits for its answer may be abandoned for a try on another node. */
export function isMovable(request: UpstreamRequest, { attempts }: Call): boolean {
  // A later try may be the last one that the route allows.
  return attempts === 1 && request.route.retries !== 0 && !request.body?.begun && isRepeatable(HUNG, request)
}

/**
 * Whether the body of a request is kept while it is sent, so that it can be sent again.
 *
 * @param mayBeRefused whether a node of the service speaks HTTP/2. One that ends its connection refuses requests that were
 *   already sent, of any method
 */
export function keepsBody(
  { body, route, method, rpc, service }: UpstreamRequest,
  mayBeRefused: (service: string) => boolean,
): boolean {
  if (body === null || !route.retryBufferBytes) return false
  if (rpc !== undefined) return true
  if (body.length !== undefined && body.length > route.retryBufferBytes) return false
  return (route.retries !== 0 && IDEMPOTENT.has(method)) || mayBeRefused(service)
}

/** Turns the failure of a try into the error for the client. Returns anything else unchanged. */
export function asAnswer(failure: unknown): unknown {
  if (!(failure instanceof UpstreamFailure) || failure.kind === 'aborted') return failure
  if (failure.cause instanceof GatewayError) return failure.cause
  return new GatewayError(CODES[failure.kind], { cause: failure })
}
