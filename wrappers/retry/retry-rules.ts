import type { Call } from '../../internal/call.ts'
import { type ErrorCode, GatewayError } from '../../internal/http/errors.ts'
import type { Outcome, UpstreamRequest } from '../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { keepBody } from './kept-body.ts'

/** Methods whose requests may be repeated automatically (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Failures after which the node may have acted on the request. */
const MAY_HAVE_ACTED: ReadonlySet<FailureKind> = new Set(['reset', 'timeout', 'hung'])

/** The error for the client when the last try failed. An aborted call has no client left. */
const CODES: Readonly<Record<Exclude<FailureKind, 'aborted'>, ErrorCode>> = {
  connect: 'WG_UPSTREAM_UNREACHABLE',
  reset: 'WG_UPSTREAM_UNREACHABLE',
  timeout: 'WG_UPSTREAM_TIMEOUT',
  hung: 'WG_UPSTREAM_TIMEOUT',
  invalid: 'WG_UPSTREAM_INVALID',
  unsendable: 'WG_BAD_REQUEST',
}

/** Whether an answer has a status that the route retries on, and another node may be tried for a better one. */
export function isUnwanted(outcome: Outcome, { route, method }: UpstreamRequest): boolean {
  return outcome.status >= 400 && IDEMPOTENT.has(method) && route.retryOn?.includes(outcome.status) === true
}

/** Whether another try may follow this failure. */
export function isRepeatable(
  { kind }: Pick<UpstreamFailure, 'kind'>,
  { method }: Pick<UpstreamRequest, 'method'>,
): boolean {
  return kind === 'connect' || (MAY_HAVE_ACTED.has(kind) && IDEMPOTENT.has(method))
}

/** Whether a try that waits for its answer may be abandoned for a try on another node. */
export function isMovable({ method, route, body }: UpstreamRequest, { attempts }: Call): boolean {
  // A later try may be the last one that the route allows.
  return attempts === 1 && route.retries !== 0 && IDEMPOTENT.has(method) && !body?.begun
}

/** Returns the request with a body that can be sent again, if its method and its route allow that. */
export function asRepeatable(request: UpstreamRequest): UpstreamRequest {
  const { body, route, method } = request
  if (!body?.length || body.length > (route.retryBufferBytes ?? 0)) return request
  return route.retries !== 0 && IDEMPOTENT.has(method) ? { ...request, body: keepBody(body) } : request
}

/** Turns the failure of a try into the error for the client. Returns anything else unchanged. */
export function asAnswer(failure: unknown): unknown {
  if (!(failure instanceof UpstreamFailure) || failure.kind === 'aborted') return failure
  if (failure.cause instanceof GatewayError) return failure.cause
  return new GatewayError(CODES[failure.kind], { cause: failure })
}
