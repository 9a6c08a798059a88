import type { Finding } from '../../config/kit/problem.ts'
import { type FieldSchema, membersOf, withDefaults } from '../../config/kit/values.ts'
import { routeContext } from '../../config/load/route-context.ts'
import { parseRouteDocument } from '../../config/route/route-document.ts'
import { type Config, ConfigSchema } from '../../config/schema.ts'
import { Call } from '../../internal/call.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import { compileRedirect, type RedirectRule } from '../../middleware/policies/redirect.ts'

/** The host of a client that asks a route for every host. No name ends so (RFC 2606). */
const ANY_HOST = 'gateway.invalid'

/** What a client has asked for. */
interface Place {
  readonly host: string
  readonly target: string
}

/**
 * Finds redirects that lead back to themselves: each is followed for one path that its route matches, through the other
 * documents. A document that is invalid, or that has conditions besides its path, methods and hosts, is left out.
 *
 * @param documents by id
 * @returns findings whose paths begin with an id
 */
export function findRedirectLoops(documents: Iterable<readonly [id: string, document: unknown]>): Finding[] {
  const read = createReader()
  const routes = [...documents].flatMap(([id, document]) => read(id, document) ?? [])
  const table = new RouteTable(routes)
  return routes.flatMap(route => {
    const way = followRedirects(table, route)
    if (way === undefined) return []
    return { path: [route.id, 'redirect', 'to'], message: `leads back to itself: ${way.join(' → ')}` }
  })
}

/** Returns a function that converts a document that no configuration is known for; undefined = it leads nowhere. */
function createReader(): (id: string, document: unknown) => Route | undefined {
  const config = withDefaults(ConfigSchema as FieldSchema, {}) as Config
  const { defaults, grpc, defaultAuth } = routeContext(config, {})
  return (id, document) => {
    // No sample says whether conditions hold.
    if (membersOf(document).match !== undefined) return undefined
    const parsed = parseRouteDocument(id, document, { defaults, grpc, defaultAuth, origin: 'file' })
    return 'route' in parsed && parsed.route.isDisabled !== true ? parsed.route : undefined
  }
}

/** Returns what a client asks for, from a route on until it comes to a route again; undefined when it does not. */
function followRedirects(table: RouteTable, first: Route): string[] | undefined {
  const method = first.methods?.[0] ?? 'GET'
  const seen = new Set<Route>()
  const way: string[] = []
  let place: Place | undefined = {
    host: first.hosts?.[0]?.replace('*', 'x') ?? ANY_HOST,
    target: first.path.replace(/\/(?::[^/]+|\*)/g, '/x'),
  }
  let route: Route | undefined = first
  while (place && route) {
    way.push(pathOf(place.target))
    if (seen.has(route)) return route === first ? way : undefined
    seen.add(route)
    place = nextPlace(table, route, method, place)
    route = place && table.match(method, place.host, pathOf(place.target))
  }
  return undefined
}

/** Returns where a redirect leads; undefined when it is none, or leads to a host that may be another server's. */
function nextPlace(
  table: RouteTable,
  route: Route,
  method: string,
  { host, target }: Place,
): Place | undefined {
  const rule = route.policies?.redirect as RedirectRule | undefined
  if (rule === undefined) return undefined
  const call = new Call('check', method, target, 0)
  call.route = route
  call.clientAddress = '192.0.2.1'
  const exchange = { call, head: { host, headers: [] } } as unknown as Exchange
  const location = compileRedirect(rule.to, rule.keepQuery ?? true)(exchange)
  if (!URL.canParse(location, `http://${host}`)) return undefined
  const url = new URL(location, `http://${host}`)
  const isOurs = url.host === host || table.documents.some(({ hosts }) => hosts?.includes(url.hostname))
  return isOurs ? { host: url.host, target: url.pathname + url.search } : undefined
}
