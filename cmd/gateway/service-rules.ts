import { completeLimit } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { HealthCheck } from '../../internal/nodes/health.ts'
import type { Route } from '../../internal/routing/route.ts'

/** What holds for a service as a whole, whatever route a request takes. */
export interface ServiceRules {
  readonly breaker: Config['breaker']
  readonly limit: Config['limit']
  /** Null: its nodes are not checked. Absent: as they say themselves. */
  readonly healthCheck?: HealthCheck | null
}

/**
 * What routes say of their services: for each field, of several routes of a service that have it, the one with the
 * first id. What a route's field leaves out, the configuration says.
 *
 * @param defaults what the configuration says
 * @returns by service; a field that no route has is absent
 */
function serviceRules(
  routes: readonly Route[],
  defaults: ServiceRules,
): ReadonlyMap<string, Partial<ServiceRules>> {
  const rules = new Map<string, Partial<ServiceRules>>()
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const said = rulesOf(route, defaults)
    if (Object.keys(said).length > 0) rules.set(route.service, { ...said, ...rules.get(route.service) })
  }
  return rules
}

const FIELDS = ['breaker', 'limit', 'healthCheck'] as const

/** What routes say of their services and what does not count, since another route of the service has said it. */
export function unusedRules(routes: readonly Route[]): { readonly key: string; readonly reason: string }[] {
  const first = new Map<string, string>()
  const unused: { key: string; reason: string }[] = []
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    for (const field of FIELDS) {
      if (route[field] === undefined) continue
      const by = first.get(`${route.service} ${field}`)
      if (by === undefined) first.set(`${route.service} ${field}`, route.id)
      else unused.push({ key: route.id, reason: `$.${field} is not used: that of the route ${by} counts` })
    }
  }
  return unused
}

function rulesOf({ breaker, limit, healthCheck }: Route, defaults: ServiceRules): Partial<ServiceRules> {
  return {
    ...(breaker && { breaker: { ...defaults.breaker, ...breaker } }),
    ...(limit && { limit: completeLimit(limit, defaults.limit) }),
    ...(healthCheck !== undefined && { healthCheck }),
  }
}

const NO_RULES: Partial<ServiceRules> = Object.freeze({})

/** The rules of every service as the current routes state them. Breakers, health checks and limits read them here. */
export class LiveRules {
  readonly #defaults: ServiceRules
  readonly #onChange: (rules: ReadonlyMap<string, Partial<ServiceRules>>) => void
  #rules: ReadonlyMap<string, Partial<ServiceRules>> = new Map()

  /** @param onChange is called with the rules by service, after each change of routes */
  constructor(
    defaults: ServiceRules,
    onChange: (rules: ReadonlyMap<string, Partial<ServiceRules>>) => void = () => {},
  ) {
    this.#defaults = defaults
    this.#onChange = onChange
  }

  /** Returns what routes state for a service, completed by the configuration. A field that no route states is absent. */
  of(service: string): Partial<ServiceRules> {
    return this.#rules.get(service) ?? NO_RULES
  }

  /** Takes the rules of a new set of routes. */
  update(routes: readonly Route[]): void {
    this.#rules = serviceRules(routes, this.#defaults)
    this.#onChange(this.#rules)
  }
}
