import { type Condition, MatchedRequest, type MatchRule } from '../../internal/conditions.ts'
import type { Route } from '../../internal/routing/route.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import { createAddressTest } from '../../middleware/request/client-address.ts'
import { holds, naiveRoute, type PlainRequest } from '../support/naive-routing.ts'
import { testRoute } from '../support/route.ts'
import { Choice } from './choice.ts'

export interface RouteFuzz {
  /** Requests routed. */
  readonly count: number
  /** Requests whose route has conditions, and those that were passed over by one. */
  readonly conditional: number
  readonly passedOver: number
  /** Requests without a route. */
  readonly unrouted: number
  readonly findings: ReadonlyMap<string, string>
}

const REQUESTS_PER_TABLE = 40

/**
 * Makes random tables with conditions and random requests, and compares the route of each with what the slow way finds.
 *
 * @param isOver is called before each table with the number of requests routed
 */
export function fuzzRoutes(seed: number, isOver: (count: number) => boolean): RouteFuzz {
  const choice = new Choice(seed)
  const findings = new Map<string, string>()
  let [count, conditional, passedOver, unrouted] = [0, 0, 0, 0]
  while (!isOver(count)) {
    // More than 64 documents are divided among branches.
    const documents = Array.from({ length: choice.chance(0.1) ? 150 : 1 + choice.below(12) }, (_, i) =>
      makeDocument(choice, `r${i}`),
    )
    const services = choice.some(0, 2, () => choice.of(WORDS))
    const automatic = new Map(
      services.map(name => [name, testRoute({ id: `auto:${name}`, path: `/${name}/*`, origin: 'auto' })]),
    )
    const autoRoute = (service: string) => automatic.get(service)
    const table = new RouteTable(documents, { autoRoute, createAddressTest })
    for (let i = 0; i < REQUESTS_PER_TABLE; i++, count++) {
      const request = makeRequest(choice)
      const facts = factsOf(request)
      const { method, host, path } = request
      const found = table.match(method, host, path, facts)
      const expected = naiveRoute(documents, autoRoute, request)
      if (found?.match) conditional++
      if (!found) unrouted++
      const [first] = table.possible(method, host, path)
      if (first !== undefined && first !== found) passedOver++
      const problem =
        found?.id === expected?.id
          ? problemOf(table, found, request)
          : `${found?.id} instead of ${expected?.id}`
      if (problem === undefined) continue
      findings.set(problem, JSON.stringify({ request, services, documents: documents.map(shown) }))
      return { count, conditional, passedOver, unrouted, findings }
    }
  }
  return { count, conditional, passedOver, unrouted, findings }
}

/** What must be true whatever the order of documents is. */
function problemOf(table: RouteTable, found: Route | undefined, request: PlainRequest): string | undefined {
  const { method, host, path } = request
  if (found?.match && !found.match.some(rule => holds(rule, request))) return 'no rule of the route holds'
  if (found && !table.possible(method, host, path).includes(found))
    return 'the route is not among the possible ones'
  const allowed = table.allowedMethods(host, path, factsOf(request))
  for (const other of METHODS) {
    const route = table.match(other, host, path, factsOf(request))
    if (allowed.includes(other) && route === undefined) return `${other} is allowed and has no route`
  }
  return undefined
}

function factsOf({ headers, query, cookies, from }: PlainRequest): MatchedRequest {
  const lines = headers.flat()
  for (const [name, value] of cookies) lines.push('Cookie', `${name}=${value}`)
  const target = `/?${query.map(pair => pair.map(encodeURIComponent).join('=')).join('&')}`
  return new MatchedRequest(lines, target, from)
}

const METHODS = ['GET', 'HEAD', 'POST']
const WORDS = ['a', 'b', 'ab', 'login']
const HOSTS = ['x.example', 'y.example', 'deep.x.example', '*.example', '*.x.example']
const NAMES = ['v', 'w']
const VALUES = ['1', '2', '12', 'A', 'a', '']
const ADDRESSES = ['10.0.0.1', '10.1.0.1', '11.0.0.1']
const RANGES = ['10.0.0.0/8', '10.1.0.0/16', '11.0.0.1', '0.0.0.0/0']

function makeDocument(choice: Choice, id: string): Route {
  return testRoute({
    id,
    path: makePattern(choice),
    methods: choice.chance(0.4) ? choice.some(1, 2, () => choice.of(METHODS)) : undefined,
    hosts: choice.chance(0.3) ? choice.some(1, 2, () => choice.of(HOSTS)) : undefined,
    match: choice.chance(0.6) ? choice.some(1, 3, () => makeRule(choice)) : undefined,
    whenUnmatched: choice.chance(0.2) ? 'refuse' : undefined,
    priority: choice.chance(0.3) ? choice.below(3) - 1 : 0,
  })
}

function makePattern(choice: Choice): string {
  const segments = choice.some(0, 3, () => (choice.chance(0.25) ? ':p' : choice.of(WORDS)))
  if (segments.length === 0 || choice.chance(0.4)) segments.push('*')
  return `/${segments.join('/')}`
}

function makeRule(choice: Choice): MatchRule {
  const named = () =>
    Object.fromEntries(choice.some(1, 2, () => [choice.of(NAMES), makeCondition(choice)] as const))
  const rule: MatchRule = {
    ...(choice.chance(0.6) && { headers: named() }),
    ...(choice.chance(0.3) && { query: named() }),
    ...(choice.chance(0.2) && { cookies: named() }),
    ...(choice.chance(0.2) && { clients: choice.some(1, 2, () => choice.of(RANGES)) }),
  }
  return Object.keys(rule).length === 0 ? { headers: { v: '1' } } : rule
}

function makeCondition(choice: Choice): Condition {
  const value = choice.of(VALUES)
  const rules = [
    ...[{ exact: value }, { exact: value }, { in: choice.some(1, 3, () => choice.of(VALUES)) }],
    ...[{ prefix: '1' }, { suffix: '2' }, { contains: 'a' }, { present: choice.chance(0.5) }],
    ...[{ regex: '[0-9]+' }, { regex: 'a|1.*' }],
  ]
  const rule = choice.of(rules)
  const turned = choice.chance(0.2) && { not: true }
  const folded = choice.chance(0.2) && !('present' in rule) && { ignoreCase: true }
  return 'exact' in rule && !turned && !folded ? rule.exact : { ...rule, ...turned, ...folded }
}

function makeRequest(choice: Choice): PlainRequest {
  const pairs = () => choice.some(0, 3, () => [choice.of(NAMES), choice.of(VALUES)] as const)
  const segments = choice.some(1, 4, () => choice.of(WORDS))
  return {
    method: choice.of(['GET', 'GET', 'HEAD', 'POST', 'DELETE']),
    host: choice.of(['x.example', 'y.example', 'deep.x.example', 'other.test']),
    path: `/${segments.join('/')}${choice.chance(0.1) ? '/' : ''}`,
    headers: pairs().map(([name, value]) => [choice.chance(0.3) ? name.toUpperCase() : name, value]),
    query: pairs(),
    cookies: pairs(),
    from: choice.of(ADDRESSES),
  }
}

function shown({ id, path, methods, hosts, match, whenUnmatched, priority }: Route) {
  return { id, path, methods, hosts, match, whenUnmatched, priority }
}
