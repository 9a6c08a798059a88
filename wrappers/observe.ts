import type { Call } from '../internal/call.ts'
import type { Wrapper } from '../internal/upstream.ts'

/** Measures the times to the first try and from there to the head of the answer, for the access log and the metrics. */
export function createObserve(now: () => number = () => performance.now()): Wrapper {
  return next => (request, call) => {
    const begunAt = now()
    call.upstreamAt = begunAt
    return next(request, call).then(
      outcome => noted(outcome, call, now() - begunAt),
      error => {
        call.upstreamMs = now() - begunAt
        throw error
      },
    )
  }
}

function noted<T>(outcome: T, call: Call, upstreamMs: number): T {
  call.upstreamMs = upstreamMs
  return outcome
}
