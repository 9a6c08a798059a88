import type { HashKey, StickyCookie } from './affinity.ts'
import type { Route, RouteAuth } from './route.ts'

/** What an automatic route takes from the configuration. */
export interface AutoRouteDefaults {
  readonly auth: RouteAuth
  readonly timeoutMs: number
  readonly retries?: number | undefined
  readonly balancer: string
  readonly hashKey?: HashKey | undefined
  readonly stickyCookie?: StickyCookie | undefined
  readonly slowStartMs?: number | undefined
}

/** The route `/<service>/*` of a service without a document of its own; the node sees the rest of the path. */
export function createAutoRoute(service: string, defaults: AutoRouteDefaults): Route {
  return Object.freeze({
    ...defaults,
    id: `auto:${service}`,
    origin: 'auto',
    path: `/${service}/*`,
    service,
    stripPrefix: `/${service}`,
    priority: 0,
    preserveHost: false,
  })
}
