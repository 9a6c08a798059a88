import type { Call } from '../internal/call.ts'
import { type ErrorCode, GatewayError } from '../internal/errors.ts'
import type { Outcome, Upstream, UpstreamRequest, Wrapper } from '../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../internal/upstream-failure.ts'
import { CircuitOpenError } from './circuit.ts'

/** Methods that may be repeated without asking (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** What the client is told when the last try failed. An aborted call has no client to tell. */
const CODES: Readonly<Record<Exclude<FailureKind, 'aborted'>, ErrorCode>> = {
  connect: 'WG_UPSTREAM_UNREACHABLE',
  reset: 'WG_UPSTREAM_UNREACHABLE',
  timeout: 'WG_UPSTREAM_TIMEOUT',
  invalid: 'WG_UPSTREAM_INVALID',
  unsendable: 'WG_BAD_REQUEST',
}

/**
 * Tries again on another node when a try brought no answer's head: any request whose connection failed, and
 * idempotent ones whose connection broke later. Never once the client's body has been touched, and never a
 * node twice, with one exception: a kept connection that the node closed just as we used it says nothing
 * about the node. Such a call gets one try more than its route allows, and that node may be chosen again.
 *
 * @throws GatewayError what the client is told of the last failure
 * @throws UpstreamFailure of kind `aborted` when the client has left
 */
export function createRetry<T extends Outcome>(): Wrapper<T> {
  return next => (request, call) => next(request, call).catch(error => tryAgain(next, request, call, error))
}

async function tryAgain<T extends Outcome>(
  next: Upstream<T>,
  request: UpstreamRequest,
  call: Call,
  firstError: unknown,
): Promise<T> {
  let failure = firstError
  let retriesLeft = request.route.retries ?? Number.POSITIVE_INFINITY
  let staleRetryLeft = true
  for (;;) {
    if (failure instanceof CircuitOpenError) {
      // Another call took the probe's place between choosing and asking. Nothing was sent.
      call.attempts--
      call.peer!.requests--
      call.exclude(call.peer!)
    } else if (!(failure instanceof UpstreamFailure) || !isRepeatable(failure, request, call)) {
      throw asAnswer(failure)
    } else if (failure.staleConnection && staleRetryLeft) {
      staleRetryLeft = false
    } else if (retriesLeft > 0) {
      retriesLeft--
      call.exclude(call.peer!)
    } else {
      throw asAnswer(failure)
    }
    try {
      return await next(request, call)
    } catch (error) {
      const noNodeLeft = error instanceof GatewayError && failure instanceof UpstreamFailure
      if (noNodeLeft) throw asAnswer(failure)
      failure = error
    }
  }
}

function isRepeatable(failure: UpstreamFailure, request: UpstreamRequest, call: Call): boolean {
  if (call.ended || request.body?.begun) return false
  return failure.kind === 'connect' || (failure.kind === 'reset' && IDEMPOTENT.has(request.method))
}

/** The client's word for a failed try; anything else as it is. */
function asAnswer(failure: unknown): unknown {
  if (!(failure instanceof UpstreamFailure) || failure.kind === 'aborted') return failure
  if (failure.cause instanceof GatewayError) return failure.cause
  return new GatewayError(CODES[failure.kind], { cause: failure })
}
