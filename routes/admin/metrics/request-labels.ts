import type { Call } from '../../../internal/call.ts'

/** The label `route` of requests that no route matches. An empty one would be the same as none to Prometheus. */
export const NO_ROUTE = 'none'

/** The labels of the series that counts share which have none of their own, because there would be too many. */
export const OTHER = 'other'

/** Returns the label `route` of a request: the id of its route. */
export function routeLabel({ route }: Call): string {
  return route?.id ?? NO_ROUTE
}

/** Returns the label `service` of a request: that of the node that was asked last, else that of its route. */
export function serviceLabel({ peer, route }: Call): string {
  return peer?.node.service ?? route?.service ?? ''
}

/**
 * Returns the id of a request's trace if the trace is sampled. Only such a one can be looked up where traces are stored, and
 * is worth an exemplar.
 */
export function sampledTraceOf(call: Call): string | undefined {
  const { trace } = call
  return trace?.isSampled ? trace.traceId : undefined
}
