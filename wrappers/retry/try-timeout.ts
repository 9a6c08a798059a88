import type { Upstream, UpstreamRequest, Wrapper } from '../../internal/upstream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { KeptBody } from './kept-body.ts'

export interface TryTimeoutOptions {
  /** Ends tries that are not cleared in time. Shared by all tries, which costs less than a timer for each. */
  readonly deadlines: {
    start(
      expiring: { readonly startedAt: number; end(reason: UpstreamFailure): void },
      timeoutMs: number,
    ): { clear(): void }
  }
}

/**
 * Ends a try that takes longer than its route's `tryTimeoutMs`, as a failure of its node. It is the innermost wrapper,
 * so that the failure passes the breaker of the node.
 *
 * A request whose body is too long to be kept takes as long as its client needs to send it. So only the total timeout
 * of the route applies to it, which starts again with every piece of the body. A body of unknown length is too long when
 * it is not kept, or no longer. A gRPC method that may stream has no try timeout either: the head of its answer comes with
 * the first message, which it may wait for.
 */
export function createTryTimeout({ deadlines }: TryTimeoutOptions): Wrapper {
  return (next: Upstream): Upstream =>
    (request, call) => {
      const { tryTimeoutMs } = request.route
      if (tryTimeoutMs === undefined || isOpenEnded(request)) return next(request, call)
      const trying = next(request, call)
      const { current } = call
      // The try has already ended, because it could not begin.
      if (current === undefined) return trying
      const deadline = deadlines.start(
        {
          startedAt: performance.now(),
          end: reason => {
            if (!isOpenEnded(request)) current.cancel(reason)
          },
        },
        tryTimeoutMs,
      )
      return trying.finally(() => deadline.clear())
    }
}

/** Whether a try may take as long as it likes, because of its client or because of what it calls. */
function isOpenEnded({ body, route, rpc }: UpstreamRequest): boolean {
  if (body === null) return false
  if (rpc !== undefined && rpc.isStreaming !== false) return true
  if (body.length !== undefined) return body.length > (route.retryBufferBytes ?? 0)
  return !(body instanceof KeptBody) || body.begun
}
