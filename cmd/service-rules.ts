import { completeLimit } from '../config/resilience-rules.ts'
import type { Config } from '../config/schema.ts'
import type { HealthCheck } from '../internal/health.ts'
import type { Route } from '../internal/route.ts'

/** What holds for a service as a whole, whatever route a request takes. */
export interface ServiceRules {
  readonly breaker: Config['breaker']
  readonly limit: Config['limit']
  /** Null: its nodes are not checked. Undefined: as they say themselves. */
  readonly healthCheck?: HealthCheck | null | undefined
}

type Complete<Field extends keyof ServiceRules> = (
  said: Exclude<Route[Field], undefined>,
  defaults: ServiceRules[Field],
) => ServiceRules[Field]

/** Fields of a route document that speak of its service. What they leave out, the configuration says. */
const COMPLETE: { readonly [Field in keyof ServiceRules]-?: Complete<Field> } = {
  breaker: (said, defaults) => ({ ...defaults, ...said }),
  limit: completeLimit,
  healthCheck: said => said,
}

/**
 * What routes say of their services: for each field, of several routes of a service that have it, the one with the
 * first id.
 *
 * @param defaults what the configuration says
 * @returns by service; a field that no route has is absent
 */
export function serviceRules(
  routes: readonly Route[],
  defaults: ServiceRules,
): ReadonlyMap<string, Partial<ServiceRules>> {
  const rules = new Map<string, Partial<ServiceRules>>()
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    for (const field of Object.keys(COMPLETE) as (keyof ServiceRules)[]) {
      const known = rules.get(route.service)
      if (route[field] !== undefined && known?.[field] === undefined) {
        rules.set(route.service, { ...known, ...completed(field, route, defaults) })
      }
    }
  }
  return rules
}

function completed<Field extends keyof ServiceRules>(
  field: Field,
  route: Route,
  defaults: ServiceRules,
): Partial<ServiceRules> {
  const complete: Complete<Field> = COMPLETE[field]
  return { [field]: complete(route[field] as Exclude<Route[Field], undefined>, defaults[field]) }
}
