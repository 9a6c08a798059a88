import type { HttpRule } from '../../internal/grpc/http-rule.ts'
import type { HealthCheck } from '../../internal/nodes/health.ts'
import type { LevelRule } from '../../internal/policy.ts'
import type { AuthRule, Route, UpstreamTlsRule } from '../../internal/routing/route.ts'
import { POLICY_RULES, type PolicyName } from '../policies/policies.ts'
import type { Config } from '../schema.ts'
import { describeBalancer } from './balancer-rule.ts'
import { describeGrpc } from './grpc-rule.ts'
import { describeHealthCheck, type HealthCheckRule, toHealthCheck } from './health-check.ts'
import { RouteDocument } from './route-schema.ts'

/** The rules that routes set for their service as a whole. A field that no route of the service has is absent. */
export interface ServiceRules {
  readonly breaker?: Config['breaker']
  readonly serviceLimit?: Config['serviceLimit']
  /** The numbers of the gRPC statuses that count as failures. */
  readonly grpcFailures?: readonly number[]
  /** The name of its descriptors. */
  readonly grpcDescriptors?: string
  /** Rules that replace the annotations of its methods. */
  readonly grpcRules?: readonly HttpRule[]
  readonly upstreamTls?: UpstreamTlsRule
  /** Null: its nodes are not checked. */
  readonly healthCheck?: HealthCheck | null
}

/** A route with every field of a route document; null where nothing is in force. */
type DescribedRoute = Pick<Route, 'id' | 'origin' | 'path' | 'service'> & {
  readonly methods: readonly string[] | null
  readonly hosts: readonly string[] | null
  readonly auth: AuthField
  readonly [field: string]: unknown
}

type RuleField = string | Readonly<Record<string, object>>
type AuthField = RuleField | readonly RuleField[]

type Describe = (route: Route, config: Config, rules: ServiceRules) => unknown

/** Describes the fields that a route does not hold as a document has them, or that the configuration completes. */
const DESCRIBED = {
  allowEncodedSlash: ({ allowEncodedSlash = false }) => allowEncodedSlash,
  allowSlowClients: ({ allowSlowClients = false }) => allowSlowClients,
  auth: describeAuth,
  balancer: describeBalancer,
  bodyIdleTimeoutMs: ({ bodyIdleTimeoutMs }, { upstream }) => bodyIdleTimeoutMs ?? upstream.bodyIdleTimeoutMs,
  breaker: (_route, { breaker }, rules) => rules.breaker ?? breaker,
  fallback: describeFallback,
  grpc: ({ grpc }, config, { grpcFailures }) => describeGrpc(grpc, config, grpcFailures),
  healthCheck: (_route, { routes }, rules) => describeCheck(rules.healthCheck, routes.defaults.healthCheck),
  mergeSlashes: ({ mergeSlashes = true }) => mergeSlashes,
  hedge: ({ hedge }) => (hedge ? (hedge.afterMs === undefined ? true : { afterMs: hedge.afterMs }) : false),
  enabled: ({ isDisabled = false }) => !isDisabled,
  policies: ({ sets }) => sets?.names,
  match: ({ match }) => (match?.length === 1 ? match[0] : match),
  nodes: ({ nodes }) => nodes?.only,
  maxBodyBytes: ({ maxBodyBytes }, { clientLimits }) => maxBodyBytes ?? clientLimits.bodyBytes,
  serviceLimit: (_route, { serviceLimit }, rules) => rules.serviceLimit ?? serviceLimit,
  upstreamTls: (_route, { upstream }, { upstreamTls }) => ({ verify: upstream.tls.verify, ...upstreamTls }),
  whenUnmatched: ({ match, whenUnmatched = 'next' }) => (match ? whenUnmatched : undefined),
} as const satisfies { readonly [Field in keyof RouteDocument]?: Describe }

/** Every field of the schema and how it is described; undefined = as the route holds it. */
const FIELDS = Object.keys(RouteDocument.properties).map(
  field => [field, (DESCRIBED as Readonly<Record<string, Describe>>)[field]] as const,
)

/**
 * Describes a route as a route document would, with the values in force, and with its id and origin. A field that is
 * added to the schema appears by itself.
 *
 * @param rules of the route's service
 */
export function describeRoute(route: Route, config: Config, rules: ServiceRules): DescribedRoute {
  const held = route as Route & { readonly [field: string]: unknown }
  const result: Record<string, unknown> = { id: route.id, origin: route.origin }
  if (route.isBroken) result.broken = true
  for (const [field, describe] of FIELDS) {
    const value = describe ? describe(route, config, rules) : held[field]
    result[field] = value ?? describePolicy(field, route) ?? null
  }
  return result as DescribedRoute
}

/** Of a policy whose rules add up, a single rule is shown as it was written, and several as a list, outer first. */
function describePolicy(field: string, { policies }: Route): unknown {
  const rule = policies?.[field]
  if (rule === undefined || !Object.hasOwn(POLICY_RULES, field) || !POLICY_RULES[field as PolicyName].adds) {
    return rule
  }
  const rules = (rule as readonly LevelRule[]).map(each => each.rule)
  return rules.length === 1 ? rules[0] : rules.flat()
}

/** Describes what a route asks of clients as a document would. */
export function describeAuth({ auth }: Route): AuthField {
  if (auth.type === 'none') return 'none'
  return auth.type === 'any' ? auth.rules.map(describeRule) : describeRule(auth)
}

function describeRule({ type, scopes, roles, claims }: AuthRule): RuleField {
  if (scopes.length === 0 && roles.length === 0 && !claims) return type
  const named = claims?.map(({ path, values }) => [path, values.length === 1 ? values[0] : values] as const)
  return { [type]: { scopes, roles, ...(named && { claims: Object.fromEntries(named) }) } }
}

/** Returns undefined when only nodes that ask for a check in their metadata are checked. */
function describeCheck(check: ServiceRules['healthCheck'], byDefault: HealthCheckRule | null) {
  if (check === null) return false
  if (check === undefined)
    return byDefault === null ? undefined : describeHealthCheck(toHealthCheck(byDefault))
  return describeHealthCheck(check)
}

function describeFallback({ fallback }: Route): RouteDocument['fallback'] {
  switch (fallback?.type) {
    case undefined:
      return undefined
    case 'service':
      return { service: fallback.service }
    case 'stale':
      return { stale: true, maxAgeSeconds: fallback.maxAgeMs / 1000 }
    case 'static':
      return { status: fallback.status, headers: { ...fallback.headers }, body: fallback.body }
    default:
      return fallback satisfies never
  }
}
