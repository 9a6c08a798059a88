import { tracedRequest } from '../internal/trace/traced-request.ts'
import type { Wrapper } from '../internal/upstream.ts'

/**
 * Gives each try a span of its own and tells the node of it. A gateway that traces has it around each try, within the breaker
 * of the node: a try that the breaker refuses has no span.
 *
 * @param now milliseconds on the monotonic clock
 */
export function createTracedTries(now: () => number = () => performance.now()): Wrapper {
  return next => (request, call) => next(tracedRequest(request, call.trace!, call.peer!, now()), call)
}
