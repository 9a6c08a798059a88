import { NAME } from '../../internal/nodes/node.ts'
import type {
  AuthenticatorName,
  Route,
  RouteAuth,
  RouteFallback,
  RoutePolicies,
} from '../../internal/routing/route.ts'
import { type Finding, jsonPath, show, toReason, under } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import { toNodeSelection } from '../policies/node-selector.ts'
import { addingRules, findPolicyProblems, type PolicyLevel, toPolicies } from '../policies/policies.ts'
import { NO_COOKIE_SECRET, type RuleContext } from '../policies/policy-rule.ts'
import type { Config } from '../schema.ts'
import { needsCookieSecret, toBalancer } from './balancer-rule.ts'
import { type GrpcDefaults, toGrpcRule } from './grpc-rule.ts'
import { toHealthCheck } from './health-check.ts'
import { toMatch } from './match-rule.ts'
import { findRouteIdProblems, readMergedDocument, readRouteDocument } from './read-route-document.ts'
import { toBreaker, toHedge, toRetryRules, toServiceLimit } from './resilience-rules.ts'
import { findUnknownAuthenticators, NO_TOKEN, toRouteAuth } from './route-auth.ts'
import type { RouteDocument } from './route-schema.ts'
import { findUnknownIdentities, toUpstreamTls } from './upstream-tls.ts'

/** What is needed to convert a route document, beside the document. */
export interface RouteContext extends Omit<RuleContext, 'document'> {
  readonly origin: Route['origin']
  readonly defaults: Omit<Config['routes']['defaults'], 'healthCheck'>
  /** Defaults of the rules for gRPC calls. */
  readonly grpc: GrpcDefaults
  /** Applies to a document without `auth`. */
  readonly defaultAuth: RouteAuth
  /** The authenticators that are configured; undefined = unknown, and not checked. */
  readonly authenticators?: ReadonlySet<AuthenticatorName> | undefined
  /** The names of `upstream.tls.identities`; undefined = unknown, and not checked. */
  readonly identities?: ReadonlySet<string> | undefined
}

export type ParsedRoute =
  | { readonly route: Route }
  /**
   * `reason` has every problem with its JSON path. `service` is there when the document names one, `closed` when it can
   * be told which requests the document means: a route that refuses them, for a document that was never good.
   */
  | { readonly reason: string; readonly service?: string; readonly closed?: Route }

/**
 * Converts a route document to a frozen {@link Route} with every default filled in, or returns why it is refused. Never
 * throws, whatever the document is.
 */
export function parseRouteDocument(id: string, written: unknown, context: RouteContext): ParsedRoute {
  const { document, warnings, problems } = readRouteDocument(written, context)
  const findings = [...findRouteIdProblems(id), ...problems, ...findConfigurationProblems(document, context)]
  if (findings.length === 0) {
    const route = withSets(toRoute(id, document as RouteDocument, context), document as RouteDocument)
    if (warnings.length === 0) return { route }
    const texts = warnings.map(({ path, message }) => `${jsonPath(path)} ${message}`)
    return { route: Object.freeze({ ...route, warnings: Object.freeze(texts) }) }
  }
  const reason = toReason(findings)
  const { service } = membersOf(document)
  const closed = closedRoute(id, document, findings, context)
  return { reason, ...(typeof service === 'string' && { service }), ...(closed && { closed }) }
}

/** Finds the parts of a document that ask for something which the configuration does not have. */
function* findConfigurationProblems(document: unknown, context: RouteContext): Generator<Finding> {
  const { auth, balancer, upstreamTls } = membersOf(document)
  const { authenticators, hasCookieSecret, identities } = context
  if (hasCookieSecret === false && needsCookieSecret(balancer)) {
    yield { path: ['balancer'], message: `sticky-cookie ${NO_COOKIE_SECRET}` }
  }
  if (authenticators) yield* under(['auth'], findUnknownAuthenticators(auth, authenticators))
  if (identities) yield* under(['upstreamTls'], findUnknownIdentities(upstreamTls, identities))
}

/** Returns the route `/<service>/*` of a service without a document; its nodes see the rest of the path. */
export function createAutoRoute(service: string, context: Omit<RouteContext, 'origin'>): Route {
  const document = { path: `/${service}/*`, service, stripPrefix: `/${service}` }
  return toRoute(`auto:${service}`, document, { ...context, origin: 'auto' })
}

/** Returns the route `/<package.Service>/*` of a service without a document, for one of its gRPC services. */
export function createAutoGrpcRoute(
  service: string,
  grpcName: string,
  context: Omit<RouteContext, 'origin'>,
): Route {
  // JSON at the name of a method is a call of it, even if the service has nodes of HTTP beside those of gRPC.
  const document = { path: `/${grpcName}/*`, service, grpc: { bindings: 'all' as const } }
  return toRoute(`auto:${service}/${grpcName}`, document, { ...context, origin: 'auto' })
}

function withSets(route: Route, document: RouteDocument): Route {
  const { policies: names = [] } = document
  return names.length === 0 ? route : Object.freeze({ ...route, sets: { names, document } })
}

/**
 * Merges a route with the policy sets that its document names, or returns why they do not fit. Never throws.
 *
 * @param sets the documents of all sets by name
 */
export function mergeSets(
  route: Route,
  sets: ReadonlyMap<string, object>,
  context: RouteContext,
): { readonly route: Route } | { readonly reason: string } {
  if (route.sets === undefined) return { route }
  const { names } = route.sets
  const document = route.sets.document as RouteDocument
  const missing = names.find(name => !sets.has(name))
  if (missing !== undefined) return { reason: `$.policies: there is no policy set ${show(missing)}` }
  // The nearest set comes first, and its fields count.
  const outward = names.map(name => ({ level: name, rules: sets.get(name)! }))
  const inward = outward.toReversed()
  const merged = Object.assign({}, ...inward.map(({ rules }) => rules), document) as RouteDocument
  const { problems } = readMergedDocument(merged, context)
  // What is hidden by a nearer level does not count, except where rules add up.
  const inSets = outward.flatMap(({ level, rules }) => [
    ...under(['policies', level], findPolicyProblems(addingRules(rules), { ...context, document: merged })),
  ])
  const findings = [...problems, ...findConfigurationProblems(merged, context), ...inSets]
  if (findings.length > 0) return { reason: toReason(findings) }
  const [defaults, own] = levelsOf(document, context.defaults)
  const made = toRoute(route.id, merged, context, [defaults!, ...inward, own!])
  return { route: Object.freeze({ ...made, sets: route.sets, warnings: route.warnings }) }
}

/** The members without which nobody can tell which requests a document means. */
const MATCHING = ['path', 'methods', 'hosts'] as const
/**
 * Below every priority of a document. Whom a document means with conditions that cannot be read is not known: so it is
 * closed for all requests that no other document of the same path takes.
 */
const LAST = -1_000_001

function closedRoute(
  id: string,
  document: unknown,
  findings: readonly Finding[],
  context: RouteContext,
): Route | undefined {
  const { path, methods, hosts, match, whenUnmatched, service, priority, enabled } = membersOf(document)
  const isReadable = (field: string) => !findings.some(finding => finding.path[0] === field)
  if (path === undefined || !NAME.test(id) || !MATCHING.every(isReadable)) return undefined
  const name = typeof service === 'string' && isReadable('service') ? service : ''
  // The only other value is the default.
  const whenClosed = isReadable('whenUnmatched') ? whenUnmatched : 'refuse'
  const which = isReadable('match')
    ? { match, whenUnmatched: whenClosed, priority: isReadable('priority') ? priority : undefined }
    : { priority: LAST }
  // A document that means no requests closes none.
  const isEnabled = enabled !== false || !isReadable('enabled')
  const closed = { path, methods, hosts, service: name, enabled: isEnabled, ...which } as RouteDocument
  const route = toRoute(id, closed, context)
  return closeRoute(route)
}

/** Returns the route in a form that refuses every request. */
export function closeRoute(route: Route): Route {
  return Object.freeze({ ...route, policies: route.policies ?? NO_POLICIES, isBroken: true })
}

const NO_POLICIES: RoutePolicies = Object.freeze({})

/** @param levels where the rules of its policies are written, outer first */
function toRoute(
  id: string,
  document: RouteDocument,
  { origin, defaults, defaultAuth, grpc }: RouteContext,
  levels: readonly PolicyLevel[] = levelsOf(document, defaults),
): Route {
  return Object.freeze({
    id,
    origin,
    path: document.path,
    methods: document.methods && Object.freeze([...document.methods]),
    hosts: document.hosts && Object.freeze([...new Set(document.hosts.map(host => host.toLowerCase()))]),
    match: toMatch(document.match),
    whenUnmatched: document.whenUnmatched,
    service: document.service ?? '',
    nodes: toNodeSelection(document.nodes),
    stripPrefix: document.stripPrefix ?? '',
    auth: document.auth === undefined ? authWithout(document, defaultAuth) : toRouteAuth(document.auth),
    timeoutMs: document.timeoutMs ?? defaults.timeoutMs,
    bodyIdleTimeoutMs: document.bodyIdleTimeoutMs,
    ...toRetryRules(document, defaults),
    hedge: toHedge(document.hedge),
    breaker: toBreaker(document.breaker),
    healthCheck:
      document.healthCheck === false ? null : document.healthCheck && toHealthCheck(document.healthCheck),
    serviceLimit: toServiceLimit(document.serviceLimit),
    grpc: toGrpcRule(document.grpc, grpc),
    upstreamTls: toUpstreamTls(document.upstreamTls),
    ...toBalancer(document.balancer ?? defaults.balancer),
    slowStartMs: document.slowStartMs ?? defaults.slowStartMs,
    priority: document.priority ?? 0,
    fallback: toFallback(document.fallback),
    preserveHost: document.preserveHost ?? false,
    rewriteLocation: document.rewriteLocation ?? defaults.rewriteLocation,
    maxBodyBytes: document.maxBodyBytes,
    allowEncodedSlash: document.allowEncodedSlash ?? false,
    allowSlowClients: document.allowSlowClients ?? false,
    mergeSlashes: document.mergeSlashes ?? true,
    description: document.description,
    labels: document.labels && Object.freeze({ ...document.labels }),
    isDisabled: document.enabled === false,
    policies: toPolicies(levels),
  })
}

/** A redirect gives nothing away but where it leads, and people follow old links without a token. */
function authWithout({ redirect }: RouteDocument, defaultAuth: RouteAuth): RouteAuth {
  return redirect ? NO_TOKEN : defaultAuth
}

function levelsOf(document: RouteDocument, defaults: RouteContext['defaults']): PolicyLevel[] {
  return [
    { level: 'defaults', rules: defaults },
    { level: 'route', rules: document },
  ]
}

const DAY_SECONDS = 86_400

function toFallback(fallback: RouteDocument['fallback']): RouteFallback | undefined {
  if (fallback === undefined) return undefined
  if ('service' in fallback) return Object.freeze({ type: 'service', service: fallback.service })
  if ('stale' in fallback) {
    return Object.freeze({ type: 'stale', maxAgeMs: 1000 * (fallback.maxAgeSeconds ?? DAY_SECONDS) })
  }
  const { status, headers = {}, body = '' } = fallback
  return Object.freeze({ type: 'static', status, headers: Object.freeze({ ...headers }), body })
}
