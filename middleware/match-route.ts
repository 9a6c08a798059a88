import { GatewayError } from '../internal/errors.ts'
import type { Route } from '../internal/route.ts'
import type { RouteTable } from '../internal/route-table.ts'
import { pathOf } from '../internal/target.ts'

/**
 * The route of a request in the table as it is at this moment.
 *
 * @throws GatewayError WG_NO_ROUTE, or WG_METHOD_NOT_ALLOWED with Allow where other methods would match
 */
export function matchRoute(
  table: RouteTable,
  method: string,
  host: string | undefined,
  target: string,
): Route {
  const path = pathOf(target)
  const route = table.match(method, host, path)
  if (route) return route
  const allowed = table.allowedMethods(host, path)
  if (allowed.length === 0) throw new GatewayError('WG_NO_ROUTE')
  throw new GatewayError('WG_METHOD_NOT_ALLOWED', { headers: { allow: allowed.join(', ') } })
}
