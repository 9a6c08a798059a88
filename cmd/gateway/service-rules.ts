import type { ServiceRules } from '../../config/route/describe-route.ts'
import { numbersOf } from '../../config/route/grpc-rule.ts'
import { completeServiceLimit } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { CircuitBreakerOptions } from '../../wrappers/breaker/circuit-breaker-options.ts'

/** What the configuration says where routes say nothing. */
type Defaults = Pick<Config, 'breaker' | 'serviceLimit' | 'grpc'>

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

/** The fields of a document that are rules for its service. */
const FIELDS = {
  breaker: ({ breaker }) => breaker,
  serviceLimit: ({ serviceLimit }) => serviceLimit,
  healthCheck: ({ healthCheck }) => healthCheck,
  upstreamTls: ({ upstreamTls }) => upstreamTls,
  'grpc.failures': ({ grpc }) => grpc?.failures,
  'grpc.descriptors': ({ grpc }) => grpc?.descriptors,
  'grpc.rules': ({ grpc }) => grpc?.rules,
} as const satisfies Readonly<Record<string, (route: Route) => unknown>>

/** Finds the rules for a service that have no effect because another route of the service sets them too. */
export function unusedRules(routes: readonly Route[]): KeyProblem[] {
  const found: KeyProblem[] = []
  const first = new Map<string, string>()
  for (const route of routes.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    for (const [field, read] of Object.entries(FIELDS)) {
      if (read(route) === undefined) continue
      const by = first.get(`${route.service} ${field}`)
      if (by === undefined) first.set(`${route.service} ${field}`, route.id)
      else found.push({ key: route.id, reason: `$.${field} is not used, because route ${by} sets it too` })
    }
  }
  return found
}

function rulesOf(
  { breaker, serviceLimit, healthCheck, upstreamTls, grpc }: Route,
  defaults: Defaults,
): ServiceRules {
  return {
    ...(breaker && { breaker: { ...defaults.breaker, ...breaker } }),
    ...(serviceLimit && { serviceLimit: completeServiceLimit(serviceLimit, defaults.serviceLimit) }),
    ...(healthCheck !== undefined && { healthCheck }),
    ...(upstreamTls && { upstreamTls }),
    ...(grpc?.failures && { grpcFailures: grpc.failures }),
    ...(grpc?.descriptors !== undefined && { grpcDescriptors: grpc.descriptors }),
    ...(grpc?.rules && { grpcRules: grpc.rules }),
  }
}

const NO_RULES: ServiceRules = Object.freeze({})

/** The rules that the current routes set for their services. Breakers, health checks and limits read them here. */
export class LiveRules {
  readonly #settings: { readonly config: Defaults }
  readonly #onChange: (rules: ReadonlyMap<string, ServiceRules>) => void
  /** That of services whose routes set nothing. */
  #circuit: CircuitBreakerOptions
  #rules: ReadonlyMap<string, ServiceRules> = new Map()
  /** By service, made when they are first asked for after a change of routes. */
  readonly #circuits = new Map<string, CircuitBreakerOptions>()

  /**
   * @param settings their configuration is read at each change of routes
   * @param onChange is called with the rules by service, after each change of routes
   */
  constructor(
    settings: { readonly config: Defaults },
    onChange: (rules: ReadonlyMap<string, ServiceRules>) => void = () => {},
  ) {
    this.#settings = settings
    this.#circuit = circuitOf(settings.config)
    this.#onChange = onChange
  }

  /** Returns the rules that routes set for a service, completed by the configuration. A field that no route sets is absent. */
  of(service: string): ServiceRules {
    return this.#rules.get(service) ?? NO_RULES
  }

  /** Returns the settings of the breakers of a service's nodes. */
  circuitOf(service: string): CircuitBreakerOptions {
    const known = this.#circuits.get(service)
    if (known) return known
    const { breaker, grpcFailures } = this.of(service)
    if (breaker === undefined && grpcFailures === undefined) return this.#circuit
    const own = { ...this.#circuit, ...breaker, ...(grpcFailures && { grpcFailures }) }
    this.#circuits.set(service, own)
    return own
  }

  /** Takes the rules of a new set of routes. */
  update(routes: readonly Route[]): void {
    const { config } = this.#settings
    this.#rules = serviceRules(routes, config)
    this.#circuit = circuitOf(config)
    this.#circuits.clear()
    this.#onChange(this.#rules)
  }
}

function circuitOf({ breaker, grpc }: Defaults): CircuitBreakerOptions {
  return { ...breaker, grpcFailures: numbersOf(grpc.failures) }
}
