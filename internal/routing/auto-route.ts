import type { Route } from './route.ts'

/** What an automatic route takes from the configuration. */
export type AutoRouteDefaults = Omit<
  Route,
  'id' | 'origin' | 'path' | 'service' | 'stripPrefix' | 'priority' | 'preserveHost'
>

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
