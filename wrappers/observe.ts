import type { Call } from '../internal/call.ts'
import type { UpstreamResponse, Wrapper } from '../internal/upstream.ts'

/** Notes how long the way to an answer's head took, over all tries, for the access log and the metrics. */
export function createObserve(now: () => number = () => performance.now()): Wrapper {
  return next => (request, call) => {
    const begunAt = now()
    return next(request, call).then(
      response => noted(response, call, now() - begunAt),
      error => {
        call.upstreamMs = now() - begunAt
        throw error
      },
    )
  }
}

function noted(response: UpstreamResponse, call: Call, upstreamMs: number): UpstreamResponse {
  call.upstreamMs = upstreamMs
  return response
}
