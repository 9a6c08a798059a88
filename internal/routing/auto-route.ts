import type { Route } from './route.ts'

/** The fields of automatic routes that come from the configuration. */
export type AutoRouteDefaults = Omit<
  Route,
  'id' | 'origin' | 'path' | 'service' | 'stripPrefix' | 'priority' | 'preserveHost'
>

/**
 * Makes the automatic route `/<service>/*` of a service without a route document. The node sees the rest of the path.
 */
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
