import type { ServiceRules } from '../../config/route/describe-route.ts'
import { completeServiceLimit } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/directory.ts'
import type { Route } from '../../internal/routing/route.ts'

/** What the configuration says where routes say nothing. */
type Defaults = Pick<Config, 'breaker' | 'serviceLimit'>

/**
 * Collects the rules that routes set for their services. If several routes of a service have a field, the one with the
 * first id counts. What the field leaves out comes from the configuration.
 *
 * @returns the rules by service; a field that no route has is absent
 */
function serviceRules(routes: readonly Route[], defaults: Defaults): ReadonlyMap<string, ServiceRules> {
  const rules = new Map<string, ServiceRules>()
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const own = rulesOf(route, defaults)
    if (Object.keys(own).length > 0) rules.set(route.service, { ...own, ...rules.get(route.service) })
  }
  return rules
}

const FIELDS = ['breaker', 'serviceLimit', 'healthCheck'] as const

/** Finds the rules for a service that have no effect because another route of the service sets them too. */
export function unusedRules(routes: readonly Route[]): KeyProblem[] {
  const found: KeyProblem[] = []
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

function rulesOf({ breaker, serviceLimit, healthCheck }: Route, defaults: Defaults): ServiceRules {
  return {
    ...(breaker && { breaker: { ...defaults.breaker, ...breaker } }),
    ...(serviceLimit && { serviceLimit: completeServiceLimit(serviceLimit, defaults.serviceLimit) }),
    ...(healthCheck !== undefined && { healthCheck }),
  }
}

const NO_RULES: ServiceRules = Object.freeze({})

/** The rules that the current routes set for their services. Breakers, health checks and limits read them here. */
export class LiveRules {
  readonly #defaults: Defaults
  readonly #onChange: (rules: ReadonlyMap<string, ServiceRules>) => void
  #rules: ReadonlyMap<string, ServiceRules> = new Map()

  /** @param onChange is called with the rules by service, after each change of routes */
  constructor(defaults: Defaults, onChange: (rules: ReadonlyMap<string, ServiceRules>) => void = () => {}) {
    this.#defaults = defaults
    this.#onChange = onChange
  }

  /** Returns the rules that routes set for a service, completed by the configuration. A field that no route sets is absent. */
  of(service: string): ServiceRules {
    return this.#rules.get(service) ?? NO_RULES
  }

  /** Takes the rules of a new set of routes. */
  update(routes: readonly Route[]): void {
    this.#rules = serviceRules(routes, this.#defaults)
    this.#onChange(this.#rules)
  }
}
