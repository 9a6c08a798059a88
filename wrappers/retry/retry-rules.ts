import type { Call } from '../../internal/call.ts'
import { type ErrorCode, GatewayError } from '../../internal/http/errors.ts'
import type { Outcome, UpstreamRequest } from '../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { keepBody } from './kept-body.ts'

/** Methods that may be repeated without asking (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** The node may have acted on the request. */
const WITHOUT_ANSWER: ReadonlySet<FailureKind> = new Set(['reset', 'timeout', 'hung'])

/** What the client is told when the last try failed. An aborted call has no client to tell. */
const CODES: Readonly<Record<Exclude<FailureKind, 'aborted'>, ErrorCode>> = {
  connect: 'WG_UPSTREAM_UNREACHABLE',
  reset: 'WG_UPSTREAM_UNREACHABLE',
  timeout: 'WG_UPSTREAM_TIMEOUT',
  hung: 'WG_UPSTREAM_TIMEOUT',
  invalid: 'WG_UPSTREAM_INVALID',
  unsendable: 'WG_BAD_REQUEST',
}

/** Whether another node's answer would be better, and may be asked for. */
export function isUnwanted(outcome: Outcome, { route, method }: UpstreamRequest): boolean {
  return outcome.status >= 400 && IDEMPOTENT.has(method) && route.retryOn?.includes(outcome.status) === true
}

/** Whether a try that failed so may be followed by another. */
export function isRepeatable({ kind }: UpstreamFailure, { method }: UpstreamRequest): boolean {
  return kind === 'connect' || (WITHOUT_ANSWER.has(kind) && IDEMPOTENT.has(method))
}

/** Whether a try that waits may be given up for one on another node. */
export function isMovable({ method, route, body }: UpstreamRequest, { attempts }: Call): boolean {
  // A later try may be the last that the route allows.
  return attempts === 1 && route.retries !== 0 && IDEMPOTENT.has(method) && !body?.begun
}

/** The request with a body that can be sent again, where that may be and its route lets it be kept. */
export function asRepeatable(request: UpstreamRequest): UpstreamRequest {
  const { body, route, method } = request
  if (!body?.length || body.length > (route.retryBufferBytes ?? 0)) return request
  return route.retries !== 0 && IDEMPOTENT.has(method) ? { ...request, body: keepBody(body) } : request
}

/** The client's word for a failed try; anything else as it is. */
export function asAnswer(failure: unknown): unknown {
  if (!(failure instanceof UpstreamFailure) || failure.kind === 'aborted') return failure
  if (failure.cause instanceof GatewayError) return failure.cause
  return new GatewayError(CODES[failure.kind], { cause: failure })
}
