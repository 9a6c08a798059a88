import type { Upstream, UpstreamRequest, Wrapper } from '../../internal/upstream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'

export interface TryTimeoutOptions {
  /** Ends what is not cleared in time. One for all tries costs less than a timer for each. */
  readonly deadlines: {
    start(
      expiring: { readonly startedAt: number; end(reason: UpstreamFailure): void },
      timeoutMs: number,
    ): { clear(): void }
  }
  readonly now?: () => number
}

/**
 * Ends a try that takes longer than its route allows, as a failure of its node. The innermost wrapper, so that the
 * node's breaker hears of it.
 *
 * How long a body takes that is too long to be kept is the client's affair: such a request has the route's total
 * alone, which begins anew with every piece.
 */
export function createTryTimeout({ deadlines, now = () => performance.now() }: TryTimeoutOptions): Wrapper {
  return (next: Upstream): Upstream =>
    (request, call) => {
      const { tryTimeoutMs } = request.route
      if (tryTimeoutMs === undefined || hasLongBody(request)) return next(request, call)
      const trying = next(request, call)
      const { current } = call
      // It is over already: it could not even begin.
      if (current === undefined) return trying
      const deadline = deadlines.start(
        { startedAt: now(), end: reason => current.cancel(reason) },
        tryTimeoutMs,
      )
      return trying.finally(() => deadline.clear())
    }
}

function hasLongBody({ body, route }: UpstreamRequest): boolean {
  return body !== null && (body.length ?? Number.POSITIVE_INFINITY) > (route.retryBufferBytes ?? 0)
}
