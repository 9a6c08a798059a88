import { GatewayError } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import { UNSAFE_TARGET } from './open-exchange.ts'

/**
 * Finds the route of a request in the table.
 *
 * @throws GatewayError WG_BAD_REQUEST when the path has a `%2F` and the route does not accept it, WG_NO_ROUTE, or
 *   WG_METHOD_NOT_ALLOWED with Allow when the path has routes for other methods only
 */
export function matchRoute(table: RouteTable, { call, head, hasEncodedSlash }: Exchange): Route {
  const path = pathOf(call.target)
  let route = table.match(call.method, head.host, path)
  if (call.method === 'OPTIONS') route = preflightRoute(table, head.host, path, head.headers) ?? route
  // The router takes a `%2F` for a part of its segment.
  if (hasEncodedSlash && !route?.allowEncodedSlash) {
    throw new GatewayError('WG_BAD_REQUEST', { detail: UNSAFE_TARGET })
  }
  if (route) return route
  const allowed = table.allowedMethods(head.host, path)
  if (allowed.length === 0) throw new GatewayError('WG_NO_ROUTE')
  throw new GatewayError('WG_METHOD_NOT_ALLOWED', { headers: { allow: allowed.join(', ') } })
}

/**
 * Finds the route that a CORS preflight asks about, if that route has `cors`: the one for the requested method, or else
 * one for any method of the path, whose answer then says which methods are allowed.
 */
function preflightRoute(
  table: RouteTable,
  host: string | undefined,
  path: string,
  headers: readonly string[],
): Route | undefined {
  const method = getHeader(headers, 'access-control-request-method')
  if (method === undefined || getHeader(headers, 'origin') === undefined) return undefined
  let route = table.match(method, host, path)
  const [other] = route === undefined ? table.allowedMethods(host, path) : []
  if (other !== undefined) route = table.match(other, host, path)
  return route?.policies?.cors === undefined ? undefined : route
}
