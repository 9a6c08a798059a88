import { completeServiceLimit } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { HealthCheck } from '../../internal/nodes/health.ts'
import type { Route } from '../../internal/routing/route.ts'

/** The rules for a service as a whole, whichever route a request takes. */
export interface ServiceRules {
  readonly breaker: Config['breaker']
  readonly serviceLimit: Config['serviceLimit']
  /** Null = its nodes are not checked. Absent = each node is checked as its metadata says. */
  readonly healthCheck?: HealthCheck | null
}

/**
 * Collects the rules that routes set for their services. If several routes of a service have a field, the one with the
 * first id counts. What the field leaves out comes from the configuration.
 *
 * @param defaults the rules in the configuration
 * @returns the rules by service; a field that no route has is absent
 */
function serviceRules(
  routes: readonly Route[],
  defaults: ServiceRules,
): ReadonlyMap<string, Partial<ServiceRules>> {
  const rules = new Map<string, Partial<ServiceRules>>()
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const own = rulesOf(route, defaults)
    if (Object.keys(own).length > 0) rules.set(route.service, { ...own, ...rules.get(route.service) })
  }
  return rules
}

const FIELDS = ['breaker', 'serviceLimit', 'healthCheck'] as const

/**
 * Finds the parts of valid routes that should be changed: former names of fields, and rules for a service that have no
 * effect because another route of the service sets them too.
 */
export function routeWarnings(routes: readonly Route[]): { readonly key: string; readonly reason: string }[] {
  const found = routes.flatMap(({ id, warnings = [] }) => warnings.map(reason => ({ key: id, reason })))
  const first = new Map<string, string>()
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    for (const field of FIELDS) {
      if (route[field] === undefined) continue
      const by = first.get(`${route.service} ${field}`)
      if (by === undefined) first.set(`${route.service} ${field}`, route.id)
      else found.push({ key: route.id, reason: `$.${field} is not used, because route ${by} sets it too` })
    }
  }
  return found
}

function rulesOf(
  { breaker, serviceLimit, healthCheck }: Route,
  defaults: ServiceRules,
): Partial<ServiceRules> {
  return {
    ...(breaker && { breaker: { ...defaults.breaker, ...breaker } }),
    ...(serviceLimit && { serviceLimit: completeServiceLimit(serviceLimit, defaults.serviceLimit) }),
    ...(healthCheck !== undefined && { healthCheck }),
  }
}

const NO_RULES: Partial<ServiceRules> = Object.freeze({})

/** The rules that the current routes set for their services. Breakers, health checks and limits read them here. */
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

  /** Returns the rules that routes set for a service, completed by the configuration. A field that no route sets is absent. */
  of(service: string): Partial<ServiceRules> {
    return this.#rules.get(service) ?? NO_RULES
  }

  /** Takes the rules of a new set of routes. */
  update(routes: readonly Route[]): void {
    this.#rules = serviceRules(routes, this.#defaults)
    this.#onChange(this.#rules)
  }
}
