import type { Upstream, UpstreamRequest, Wrapper } from '../../internal/upstream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'

export interface TryTimeoutOptions {
  /** Ends tries that are not cleared in time. Shared by all tries, which costs less than a timer for each. */
  readonly deadlines: {
    start(
      expiring: { readonly startedAt: number; end(reason: UpstreamFailure): void },
      timeoutMs: number,
    ): { clear(): void }
  }
  readonly now?: () => number
}

/**
 * Ends a try that takes longer than its route's `tryTimeoutMs`, as a failure of its node. It is the innermost wrapper,
 * so that the failure passes the breaker of the node.
 *
 * A request whose body is too long to be kept takes as long as its client needs to send it. So only the total timeout
 * of the route applies to it, which starts again with every piece of the body.
 */
export function createTryTimeout({ deadlines, now = () => performance.now() }: TryTimeoutOptions): Wrapper {
  return (next: Upstream): Upstream =>
    (request, call) => {
      const { tryTimeoutMs } = request.route
      if (tryTimeoutMs === undefined || hasLongBody(request)) return next(request, call)
      const trying = next(request, call)
      const { current } = call
      // The try has already ended, because it could not begin.
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
