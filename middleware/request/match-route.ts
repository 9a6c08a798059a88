import { MatchedRequest } from '../../internal/conditions.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { Exchange } from '../../internal/policy.ts'
import { isAmbiguousPath } from '../../internal/routing/ambiguous-path.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import { UNSAFE_TARGET } from './open-exchange.ts'

/**
 * Finds the route of a request in the table, and notes whether that route answers the request as a CORS preflight.
 *
 * @throws GatewayError WG_BAD_REQUEST when the path has a `%2F` and the route does not accept it, or when a node could read
 *   the path as one that another route guards; WG_NO_ROUTE; WG_METHOD_NOT_ALLOWED with Allow when the path has routes for
 *   other methods only
 */
export function matchRoute(table: RouteTable, exchange: Exchange): Route {
  const { call, head, respelled } = exchange
  const path = pathOf(call.target)
  const facts = table.hasConditions ? factsOf(exchange) : undefined
  let route: Route | undefined
  if (call.method === 'OPTIONS') {
    route = preflightRoute(table, exchange, path)
    exchange.isPreflight = route !== undefined
  }
  route ??= table.match(call.method, head.host, path, facts)
  exchange.isRoutedByClient = facts?.isJudgedByClient === true
  // The router treats a `%2F` as part of its segment.
  if (respelled?.hasEncodedSlash && !route?.allowEncodedSlash) {
    throw new GatewayError('WG_BAD_REQUEST', { detail: UNSAFE_TARGET })
  }
  if (route) {
    // The gateway answers a preflight, so no node reads its path.
    const isRead = !exchange.isPreflight
    if (isRead && (respelled !== undefined || table.hasGuardedUpperCase || exchange.isWebSocket)) {
      checkReadings(table, route, exchange, path, facts)
    }
    return route
  }
  const others = table.possible(call.method, head.host, path)
  if (others.length > 0) throw new GatewayError('WG_NO_ROUTE', { cause: unmetConditions(others) })
  const allowed = table.allowedMethods(head.host, path, facts)
  if (allowed.length === 0) throw new GatewayError('WG_NO_ROUTE')
  throw new GatewayError('WG_METHOD_NOT_ALLOWED', { headers: { allow: allowed.join(', ') } })
}

function factsOf({ head, call }: Exchange, isPreflight = false): MatchedRequest {
  return new MatchedRequest(head.headers, call.target, call.clientAddress, isPreflight)
}

/** Says, for the log alone, which documents have conditions that do not hold. */
function unmetConditions(documents: readonly Route[]): Error {
  const ids = [...new Set(documents.map(({ id }) => id))]
  const others = ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} others` : ''
  return new Error(`conditions of ${ids.slice(0, MAX_NAMED).join(', ')}${others} do not hold`)
}

const MAX_NAMED = 5

/** @throws GatewayError WG_BAD_REQUEST */
function checkReadings(
  table: RouteTable,
  route: Route,
  { call, head, respelled, isWebSocket }: Exchange,
  path: string,
  facts: MatchedRequest | undefined,
): void {
  const { method } = call
  const { unmergedPath } = respelled ?? {}
  const request = { method, host: head.host, path, unmergedPath, facts, isHandshake: isWebSocket }
  if (isAmbiguousPath(table, route, request)) {
    throw new GatewayError('WG_BAD_REQUEST', { detail: AMBIGUOUS_PATH })
  }
}

const AMBIGUOUS_PATH =
  'The path can be read in two ways, and one of them leads to a route that is protected differently.'

/**
 * Finds the route that a CORS preflight asks about, which is the one for the requested method, if it has `cors`. If no
 * route accepts that method, a route for another method of the path answers which methods are allowed.
 */
function preflightRoute(table: RouteTable, exchange: Exchange, path: string): Route | undefined {
  const { host, headers } = exchange.head
  const method = getHeader(headers, 'access-control-request-method')
  if (method === undefined || getHeader(headers, 'origin') === undefined) return undefined
  const facts = table.hasConditions ? factsOf(exchange, true) : undefined
  const route = table.match(method, host, path, facts)
  if (route !== undefined) return hasCors(route) ? route : undefined
  return table
    .allowedMethods(host, path, facts)
    .map(other => table.match(other, host, path, facts))
    .find(hasCors)
}

function hasCors(route: Route | undefined): boolean {
  return route?.policies?.cors !== undefined
}
