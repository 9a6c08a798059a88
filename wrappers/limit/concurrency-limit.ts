import type { Wrapper } from '../../internal/upstream.ts'
import type { Limits } from './service-limits.ts'

/**
 * Holds the requests of a service at its limit: those beyond it wait for a moment, and are then refused. Counted are
 * requests, not tries, until their answers are over: whoever knows of that tells `call.limiter`.
 *
 * @throws GatewayError WG_OVERLOADED with Retry-After; nothing was sent then
 */
export function createLimit(limits: Limits): Wrapper {
  return next => (request, call) => {
    const limiter = limits.isOn ? limits.of(request.service) : undefined
    return limiter ? limiter.pass(next, request, call) : next(request, call)
  }
}
