import { GatewayError } from '../internal/errors.ts'
import type { RouteFallback } from '../internal/route.ts'
import type { Wrapper } from '../internal/upstream.ts'
import { UpstreamFailure } from '../internal/upstream-failure.ts'
import { createStaticResponse } from './static-response.ts'

/**
 * Answers for a service that cannot: with a fixed answer, or from another service. It steps in when the
 * service has no node, all its breakers are open, or no node could be reached; not for answers that a node
 * gave, nor once the request may have been acted on.
 */
export function createFallback(): Wrapper {
  const answers = new WeakMap<RouteFallback, ReturnType<typeof createStaticResponse>>()
  return next => (request, call) => {
    const { fallback } = request.route
    if (!fallback) return next(request, call)
    return next(request, call).catch(error => {
      if (!isOutOfReach(error) || request.body?.begun) throw error
      call.degraded = true
      call.failure = error
      if (fallback.type === 'service') {
        call.tried = []
        return next({ ...request, service: fallback.service }, call)
      }
      let answer = answers.get(fallback)
      if (!answer) {
        answer = createStaticResponse(fallback.status, fallback.headers, fallback.body)
        answers.set(fallback, answer)
      }
      return answer
    })
  }
}

function isOutOfReach(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false
  if (error.code === 'WG_NO_NODE' || error.code === 'WG_CIRCUIT_OPEN') return true
  return (
    error.code === 'WG_UPSTREAM_UNREACHABLE' &&
    error.cause instanceof UpstreamFailure &&
    error.cause.kind === 'connect'
  )
}
