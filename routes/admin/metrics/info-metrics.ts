import type { Route, RouteAuth } from '../../../internal/routing/route.ts'
import type { LiveMetrics } from './live-metric.ts'

/**
 * Adds the metrics whose value is always 1, and whose labels say what something is. They are joined with others:
 * `... * on (route) group_left (auth) waygate_route_info`.
 *
 * @param version of Waygate
 */
export function addInfoMetrics(live: LiveMetrics, version: string, routes: () => readonly Route[]): void {
  live.gauge('waygate_build_info', 'Always 1; the label has the version of Waygate.', 'max', () => [
    { labels: { version }, value: 1 },
  ])
  live.gauge(
    'waygate_route_info',
    'Always 1; the labels have the service and the authentication of a route.',
    'max',
    function* () {
      for (const { id, service, auth } of routes()) {
        yield { labels: { route: id, service, auth: authText(auth) }, value: 1 }
      }
    },
  )
}

/** Returns the names of the authenticators of which one must accept a request, such as `jwt` or `jwt,api-key`. */
function authText(auth: RouteAuth): string {
  return auth.type === 'any' ? auth.rules.map(({ type }) => type).join() : auth.type
}
