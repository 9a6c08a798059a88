import type { FilterLanguage } from './filter.ts'

/** What is asked of a route when it is filtered: a part of what `/routes` shows. */
export interface FilteredRoute {
  readonly id: string
  readonly origin: string
  readonly path: string
  readonly methods: readonly string[] | null
  readonly hosts: readonly string[] | null
  readonly service: string
  readonly auth: AuthOfRoute | readonly AuthOfRoute[]
  readonly [field: string]: unknown
}

type AuthOfRoute = string | Readonly<Record<string, object>>

/** What is asked of a node when it is filtered. */
export interface FilteredNode {
  readonly service: string
  readonly id: string
  readonly address: string
  readonly weight: number
  readonly metadata: Readonly<Record<string, string>>
  readonly protocol?: string
  readonly state: string
  readonly breaker: string
  readonly health: string
  readonly inFlight: number
  readonly requests: number
  readonly failures: number
}

/** The fields of a route that say something else than that a rule is in force. */
const NO_RULES = new Set([
  'methods',
  'hosts',
  'labels',
  'auth',
  'policies',
  'nodes',
  'lastGood',
  'broken',
  'enabled',
])

/** What routes are filtered by, in the page, in `/api/v1/routes` and in `waygate routes`. */
export const ROUTE_FIELDS: FilterLanguage<FilteredRoute> = {
  texts: {
    route: ({ id }) => id,
    path: ({ path }) => path,
    service: ({ service }) => service,
    method: ({ methods }) => methods ?? ALL,
    host: ({ hosts }) => hosts ?? ALL,
    auth: authOf,
    origin: ({ origin }) => origin,
    policy: policiesOf,
    label: route => pairs(labelsOf(route)),
    description: ({ description }) => textOf(description),
  },
  searched: route => [
    route.path,
    route.id,
    route.service,
    ...(route.hosts ?? []),
    textOf(route.description),
    ...pairs(labelsOf(route)),
  ],
}

/** What nodes are filtered by. */
export const NODE_FIELDS: FilterLanguage<FilteredNode> = {
  texts: {
    node: ({ id }) => id,
    service: ({ service }) => service,
    address: ({ address }) => address,
    protocol: ({ protocol = 'http' }) => protocol,
    state: ({ state }) => state,
    breaker: ({ breaker }) => breaker,
    health: ({ health }) => health,
    meta: ({ metadata }) => pairs(metadata),
  },
  numbers: {
    weight: ({ weight }) => weight,
    inflight: ({ inFlight }) => inFlight,
    requests: ({ requests }) => requests,
    failures: ({ failures }) => failures,
  },
  searched: ({ service, id, address, metadata }) => [service, id, address, ...pairs(metadata)],
}

/** What stands for methods or hosts that a route does not restrict. */
const ALL = ['all']

/** Returns the names of the ways to sign in that a route accepts. */
export function authOf({ auth }: Pick<FilteredRoute, 'auth'>): readonly string[] {
  const all = Array.isArray(auth) ? (auth as readonly AuthOfRoute[]) : [auth as AuthOfRoute]
  return all.flatMap(each => (typeof each === 'string' ? [each] : Object.keys(each)))
}

/** Returns the labels of a route by name; none when it has none. */
export function labelsOf({
  labels,
}: {
  readonly labels?: unknown
  readonly [field: string]: unknown
}): Readonly<Record<string, string>> {
  return typeof labels === 'object' && labels !== null ? (labels as Record<string, string>) : {}
}

/** Returns the names of the policy sets of a route, and of its rules that are in force, such as `cors`. */
function policiesOf(route: FilteredRoute): readonly string[] {
  const sets = Array.isArray(route.policies) ? (route.policies as readonly string[]) : []
  const rules = Object.entries(route).filter(
    ([name, value]) => (typeof value === 'object' ? value !== null : value === true) && !NO_RULES.has(name),
  )
  return [...sets, ...rules.map(([name]) => name)]
}

/** `team=billing` of `team`, and the name alone, so that a filter can ask whether there is one. */
function pairs(of: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(of).flatMap(([name, value]) => [`${name}=${value}`, name])
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
