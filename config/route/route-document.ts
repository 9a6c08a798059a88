import { TOKEN } from '../../internal/http/header-lines.ts'
import { NAME } from '../../internal/nodes/node.ts'
import type {
  AuthenticatorName,
  Route,
  RouteAuth,
  RouteFallback,
  RoutePolicies,
} from '../../internal/routing/route.ts'
import { DuplicateMemberError } from '../../internal/text/json.ts'
import { renameFields } from '../kit/former-names.ts'
import { type Finding, jsonPath, show, toReason, under } from '../kit/problem.ts'
import { createProblemFinder } from '../kit/validate.ts'
import { membersOf } from '../kit/values.ts'
import { findPolicyProblems, findPolicyWarnings, toPolicies } from '../policies/policies.ts'
import type { RuleContext } from '../policies/policy-rule.ts'
import { reservedEverywhere } from '../policies/reserved-headers.ts'
import type { Config } from '../schema.ts'
import { findBalancerProblems, NO_COOKIE_SECRET, needsCookieSecret, toBalancer } from './balancer-rule.ts'
import { findGrpcProblems } from './grpc-json.ts'
import { type GrpcDefaults, toGrpcRule } from './grpc-rule.ts'
import { findHealthCheckProblems, toHealthCheck } from './health-check.ts'
import {
  findServiceLimitProblems,
  toBreaker,
  toHedge,
  toRetryRules,
  toServiceLimit,
} from './resilience-rules.ts'
import { findRouteAuthProblems, findUnknownAuthenticators, toRouteAuth } from './route-auth.ts'
import { routePathProblem, stripPrefixProblem, strippedServiceProblem } from './route-path.ts'
import { RouteDocument } from './route-schema.ts'

/** What is needed to convert a route document, beside the document. */
export interface RouteContext extends Pick<RuleContext, 'identityHeaders'> {
  readonly origin: Route['origin']
  readonly defaults: Omit<Config['routes']['defaults'], 'healthCheck'>
  /** Defaults of the rules for gRPC calls. */
  readonly grpc: GrpcDefaults
  /** Applies to a document without `auth`. */
  readonly defaultAuth: RouteAuth
  /** Whether sticky cookies can be signed; undefined = unknown, and not checked. */
  readonly hasCookieSecret?: boolean | undefined
  /** The authenticators that are configured; undefined = unknown, and not checked. */
  readonly authenticators?: ReadonlySet<AuthenticatorName> | undefined
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
  const findings = [...findRouteIdProblems(id), ...problems]
  const { auth, balancer, service } = membersOf(document)
  if (context.hasCookieSecret === false && needsCookieSecret(balancer)) {
    findings.push({ path: ['balancer'], message: NO_COOKIE_SECRET })
  }
  if (context.authenticators) {
    findings.push(...under(['auth'], findUnknownAuthenticators(auth, context.authenticators)))
  }
  if (findings.length === 0) {
    const route = toRoute(id, document as RouteDocument, context)
    if (warnings.length === 0) return { route }
    const texts = warnings.map(({ path, message }) => `${jsonPath(path)} ${message}`)
    return { route: Object.freeze({ ...route, warnings: Object.freeze(texts) }) }
  }
  const reason = toReason(findings)
  const closed = closedRoute(id, document, findings, context)
  return { reason, ...(typeof service === 'string' && { service }), ...(closed && { closed }) }
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

/** The members that decide which requests a document means. */
const MATCHING = ['path', 'methods', 'hosts'] as const

function closedRoute(
  id: string,
  document: unknown,
  findings: readonly Finding[],
  context: RouteContext,
): Route | undefined {
  const { path, methods, hosts, service, priority } = membersOf(document)
  const isReadable = (field: string) => !findings.some(finding => finding.path[0] === field)
  if (path === undefined || !NAME.test(id) || !MATCHING.every(isReadable)) return undefined
  const matching = { path, methods, hosts, priority: isReadable('priority') ? priority : undefined }
  const name = typeof service === 'string' && isReadable('service') ? service : ''
  const route = toRoute(id, { ...matching, service: name } as RouteDocument, context)
  return closeRoute(route)
}

/** Returns the route in a form that refuses every request. */
export function closeRoute(route: Route): Route {
  return Object.freeze({ ...route, policies: route.policies ?? NO_POLICIES, isBroken: true })
}

const NO_POLICIES: RoutePolicies = Object.freeze({})

const findSchemaProblems = createProblemFinder(RouteDocument)

/** A route document with the present names of its fields, and what was found in it. */
export interface RouteFindings {
  readonly document: unknown
  /** Why the document is refused: violations of the schema and of rules that a schema cannot express. */
  readonly problems: readonly Finding[]
  /** What should be changed in a document that is used. */
  readonly warnings: readonly Finding[]
}

/**
 * Examines a route document. Paths are those of the document as it was written.
 *
 * @param written a DuplicateMemberError stands for the document in which it was found
 */
export function readRouteDocument(written: unknown, context: RuleContext = {}): RouteFindings {
  if (written instanceof DuplicateMemberError) {
    const { member, value } = written
    const { problems, ...read } = readRouteDocument(value, context)
    const problem = { path: [member], message: 'is there twice, and readers disagree on which one counts' }
    return { ...read, problems: [problem, ...problems] }
  }
  const { document, warnings, problems, asWritten } = renameFields(written, RouteDocument)
  const found = [...findSchemaProblems(document), ...findRouteRuleProblems(document, context)]
  return {
    document,
    warnings: [...warnings, ...findPolicyWarnings(document), ...findGrpcWarnings(document)],
    problems: [...problems, ...found.map(({ path, message }) => ({ path: asWritten(path), message }))],
  }
}

/** A document without rules for gRPC may be for a service of HTTP that happens to have such paths. */
function* findGrpcWarnings(document: unknown): Generator<Finding> {
  const { stripPrefix, grpc } = membersOf(document)
  if (typeof stripPrefix !== 'string' || grpc !== undefined) return
  const message = strippedServiceProblem(stripPrefix)
  if (message !== undefined) yield { path: ['stripPrefix'], message }
}

/** Finds violations of rules that a schema cannot express. Fields of the wrong type are ignored. */
export function findRouteRuleProblems(document: unknown, context: RuleContext = {}): Finding[] {
  const members = membersOf(document)
  const { path, stripPrefix, methods, auth, balancer, serviceLimit, fallback, service, healthCheck } = members
  const found: Finding[] = []
  const add = (at: readonly (string | number)[], message: string | undefined) => {
    if (message !== undefined) found.push({ path: at, message })
  }
  const pathProblem = typeof path === 'string' && path !== '' ? routePathProblem(path) : undefined
  add(['path'], pathProblem)
  if (typeof stripPrefix === 'string' && typeof path === 'string' && pathProblem === undefined) {
    add(['stripPrefix'], stripPrefixProblem(stripPrefix, path))
  }
  if (typeof stripPrefix === 'string' && members.grpc !== undefined) {
    add(['stripPrefix'], strippedServiceProblem(stripPrefix))
  }
  if (Array.isArray(methods)) {
    for (const [index, method] of methods.entries()) {
      if (method === 'CONNECT' || method === 'TRACE') add(['methods', index], `${method} is never forwarded`)
      if (method === '*') add(['methods', index], 'must not be "*": leave out `methods` to match all of them')
    }
  }
  return [
    ...found,
    ...under(['auth'], findRouteAuthProblems(auth)),
    ...under(['balancer'], findBalancerProblems(balancer, path)),
    ...under(['healthCheck'], findHealthCheckProblems(healthCheck)),
    ...under(['serviceLimit'], findServiceLimitProblems(serviceLimit)),
    ...under(['grpc'], findGrpcProblems(members.grpc)),
    ...under(['fallback'], fallbackProblems(fallback, service)),
    ...findPolicyProblems(document, { ...context, document: members }),
  ]
}

const DAY_SECONDS = 86_400

function* fallbackProblems(fallback: unknown, service: unknown): Generator<Finding> {
  const { service: other, headers, status, body } = membersOf(fallback)
  if (typeof other === 'string' && other === service) {
    yield { path: ['service'], message: 'must not be the service of the route itself' }
  }
  if ((status === 204 || status === 304) && typeof body === 'string' && body !== '') {
    yield { path: ['body'], message: `must be empty with status ${status}` }
  }
  for (const [name, value] of Object.entries(membersOf(headers))) {
    const path = ['headers', name]
    const message = TOKEN.test(name) ? reservedEverywhere(name.toLowerCase()) : 'is not a valid header name'
    if (message !== undefined) yield { path, message }
    if (typeof value === 'string' && !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      yield { path, message: `contains a character that headers must not contain: ${show(value)}` }
    }
  }
}

/** Finds what is wrong with the id of a route. */
export function findRouteIdProblems(id: string): Finding[] {
  if (NAME.test(id)) return []
  return [
    {
      path: [],
      message: `the route id ${show(id)} must be 1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -`,
    },
  ]
}

function toRoute(
  id: string,
  document: RouteDocument,
  { origin, defaults, defaultAuth, grpc }: RouteContext,
): Route {
  return Object.freeze({
    id,
    origin,
    path: document.path,
    methods: document.methods && Object.freeze([...document.methods]),
    hosts: document.hosts && Object.freeze([...new Set(document.hosts.map(host => host.toLowerCase()))]),
    service: document.service,
    stripPrefix: document.stripPrefix ?? '',
    auth: document.auth === undefined ? defaultAuth : toRouteAuth(document.auth),
    timeoutMs: document.timeoutMs ?? defaults.timeoutMs,
    bodyIdleTimeoutMs: document.bodyIdleTimeoutMs,
    ...toRetryRules(document, defaults),
    hedge: toHedge(document.hedge),
    breaker: toBreaker(document.breaker),
    healthCheck:
      document.healthCheck === false ? null : document.healthCheck && toHealthCheck(document.healthCheck),
    serviceLimit: toServiceLimit(document.serviceLimit),
    grpc: toGrpcRule(document.grpc, grpc),
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
    policies: toPolicies(document, defaults),
  })
}

function toFallback(fallback: RouteDocument['fallback']): RouteFallback | undefined {
  if (fallback === undefined) return undefined
  if ('service' in fallback) return Object.freeze({ type: 'service', service: fallback.service })
  if ('stale' in fallback) {
    return Object.freeze({ type: 'stale', maxAgeMs: 1000 * (fallback.maxAgeSeconds ?? DAY_SECONDS) })
  }
  const { status, headers = {}, body = '' } = fallback
  return Object.freeze({ type: 'static', status, headers: Object.freeze({ ...headers }), body })
}
