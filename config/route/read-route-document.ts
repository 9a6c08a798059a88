import { TOKEN } from '../../internal/http/header-lines.ts'
import { NAME } from '../../internal/nodes/node.ts'
import { DuplicateMemberError } from '../../internal/text/json.ts'
import { renameFields } from '../kit/former-names.ts'
import { type Finding, show, under } from '../kit/problem.ts'
import { findProblems } from '../kit/validate.ts'
import { membersOf } from '../kit/values.ts'
import { findNodeSelectorProblems } from '../policies/node-selector.ts'
import { findPolicyProblems, findPolicyWarnings } from '../policies/policies.ts'
import type { RuleContext } from '../policies/policy-rule.ts'
import { reservedEverywhere } from '../policies/reserved-headers.ts'
import { findAnswerProblems } from './answered-by.ts'
import { findBalancerProblems } from './balancer-rule.ts'
import { findSizeProblems } from './document-size.ts'
import { findGrpcProblems } from './grpc-json.ts'
import { findHealthCheckProblems } from './health-check.ts'
import { findIdleSettings } from './idle-settings.ts'
import { findMatchRuleProblems } from './match-rule.ts'
import { findServiceLimitProblems } from './resilience-rules.ts'
import { findRouteAuthProblems } from './route-auth.ts'
import { routePathProblem, stripPrefixProblem, strippedServiceProblem } from './route-path.ts'
import { RouteDocument } from './route-schema.ts'
import { findUpstreamTlsProblems, findUpstreamTlsWarnings } from './upstream-tls.ts'

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
  const { problems, ...read } = readMergedDocument(written, context)
  return { ...read, problems: [...findSizeProblems(written), ...problems] }
}

/** Examines a route document that has fields of policy sets in it, too, so that it may have any size. */
export function readMergedDocument(written: unknown, context: RuleContext = {}): RouteFindings {
  const { document, warnings, problems, asWritten } = renameFields(written, RouteDocument)
  const found = [...findProblems(RouteDocument, document), ...findRouteRuleProblems(document, context)]
  return {
    document,
    warnings: [
      ...warnings,
      ...findPolicyWarnings(document, { ...context, document: membersOf(document) }),
      ...findIdleSettings(document, context),
      ...findGrpcWarnings(document),
      ...under(['upstreamTls'], findUpstreamTlsWarnings(membersOf(document).upstreamTls)),
    ],
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
    ...findMatchRuleProblems(members.match, members.whenUnmatched, context),
    ...under(['auth'], findRouteAuthProblems(auth)),
    ...under(['balancer'], findBalancerProblems(balancer, path)),
    ...under(['nodes'], findNodeSelectorProblems(members.nodes)),
    ...under(['healthCheck'], findHealthCheckProblems(healthCheck)),
    ...under(['serviceLimit'], findServiceLimitProblems(serviceLimit)),
    ...under(['grpc'], findGrpcProblems(members.grpc)),
    ...under(['upstreamTls'], findUpstreamTlsProblems(members.upstreamTls)),
    ...under(['fallback'], fallbackProblems(fallback, service)),
    ...(members === document ? findAnswerProblems(members) : []),
    ...findPolicyProblems(document, { ...context, document: members }),
  ]
}

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
