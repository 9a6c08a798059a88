import { GatewayError } from '../../internal/http/errors.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import { UNSAFE_TARGET } from './open-exchange.ts'

/**
 * The route of a request in the table as it is at this moment.
 *
 * @param hasEncodedSlash whether the path has a `%2F`; the router takes it for a part of a segment
 * @throws GatewayError WG_BAD_REQUEST where the route takes no such path, WG_NO_ROUTE, or WG_METHOD_NOT_ALLOWED with Allow where other methods would match
 */
export function matchRoute(
  table: RouteTable,
  method: string,
  host: string | undefined,
  target: string,
  hasEncodedSlash = false,
): Route {
  const path = pathOf(target)
  const route = table.match(method, host, path)
  if (hasEncodedSlash && !route?.allowEncodedSlash) {
    throw new GatewayError('WG_BAD_REQUEST', { detail: UNSAFE_TARGET })
  }
  if (route) return route
  const allowed = table.allowedMethods(host, path)
  if (allowed.length === 0) throw new GatewayError('WG_NO_ROUTE')
  throw new GatewayError('WG_METHOD_NOT_ALLOWED', { headers: { allow: allowed.join(', ') } })
}
