import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RouteFallback } from '../../internal/routing/route.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse, Wrapper } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'
import { StaleAnswers, type StaleAnswersOptions } from './stale-answers.ts'
import { isKeepable, staleKey, staleResponse } from './stale-rules.ts'

/**
 * Answers in place of a service that cannot: with a fixed answer, from another service, or with an earlier answer.
 *
 * A fixed answer and another service are used when the service has no node, is at its concurrency limit, has all its
 * breakers open, or when no node could be reached. They are not used once a node may have acted on the request. An
 * earlier answer replaces every failure, because the requests that have one change nothing. No fallback replaces an
 * answer that a node gave.
 */
export function createFallback(
  staleAnswers: StaleAnswersOptions = { totalBytes: 0, answerBytes: 0 },
): Wrapper {
  const answers = new WeakMap<RouteFallback, UpstreamResponse>()
  const stale = new StaleAnswers(staleAnswers)

  function fixedAnswer(fallback: RouteFallback & { readonly type: 'static' }): UpstreamResponse {
    let answer = answers.get(fallback)
    if (!answer) {
      const { status, headers, body } = fallback
      answer = createWholeResponse(status, Object.entries(headers).flat(), Buffer.from(body))
      answers.set(fallback, answer)
    }
    return answer
  }

  async function withStale(
    next: Upstream,
    request: UpstreamRequest,
    call: Call,
    maxAgeMs: number,
  ): Promise<UpstreamResponse> {
    const key = staleKey(request, call)
    try {
      const response = await next(request, call)
      if (key !== undefined && isKeepable(response)) stale.keep(key, response)
      return response
    } catch (error) {
      const kept =
        key === undefined || !(error instanceof GatewayError) ? undefined : stale.get(key, maxAgeMs)
      if (!kept) throw error
      call.degraded = true
      call.failure = error
      return staleResponse(request.method, kept.answer, kept.ageMs)
    }
  }

  return next => (request, call) => {
    const { fallback } = request.route
    if (!fallback) return next(request, call)
    if (fallback.type === 'stale') return withStale(next, request, call, fallback.maxAgeMs)
    return next(request, call).catch(error => {
      if (!isOutOfReach(error)) throw error
      // Another service would get the rest of a body. JSON in front of gRPC, for one, has read all of it.
      // A call that has ended can no longer cancel a try.
      if (fallback.type === 'service' && (request.body?.begun || call.ended)) throw error
      call.degraded = true
      call.failure = error
      if (fallback.type === 'static') return fixedAnswer(fallback)
      call.tried = []
      return next({ ...request, service: fallback.service, nodes: undefined }, call)
    })
  }
}

function isOutOfReach(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false
  if (error.code === 'WG_NO_NODE' || error.code === 'WG_CIRCUIT_OPEN' || error.code === 'WG_OVERLOADED')
    return true
  return (
    error.code === 'WG_UPSTREAM_UNREACHABLE' &&
    error.cause instanceof UpstreamFailure &&
    (error.cause.kind === 'connect' || error.cause.kind === 'refused')
  )
}
