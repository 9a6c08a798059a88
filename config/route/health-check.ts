import type { Static } from 'typebox'
import type { HealthCheck } from '../../internal/nodes/health.ts'
import { parseJson } from '../../internal/text/json.ts'
import { type Finding, toReason } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { findProblems } from '../kit/validate.ts'
import { closed } from '../kit/values.ts'

const TIME = { minimum: 100, maximum: 3_600_000 } as const
const SERVICE_NAME = '^[A-Za-z_][A-Za-z0-9_.]*$'
const THRESHOLD = { minimum: 1, maximum: 100 } as const

/** The schema of a health check as a route document or a node's metadata has it. */
export const HealthCheckRule = closed(
  {
    path: Type.Optional(
      Type.String({
        pattern: '^/[\\x21-\\x7e]*$',
        maxLength: 2048,
        title: 'a path that begins with / and has no spaces',
        description:
          'Path that is requested with GET, of nodes that get HTTP requests. One of `path`, `grpc` and `tcp` is required.',
      }),
    ),
    grpc: Type.Optional(
      Type.Union([Type.Literal(true), Type.String({ pattern: SERVICE_NAME, maxLength: 127 })], {
        description:
          'Asks the health service of gRPC nodes (`grpc.health.v1`): `true` about the whole server, or a name such as `task.v1.Tasks` about one of its services.',
      }),
    ),
    tcp: Type.Optional(
      Type.Literal(true, { description: 'Checks only that the node accepts a TCP connection.' }),
    ),
    host: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e]+$',
        maxLength: 255,
        title: 'a host name, without spaces',
        description: "`Host` header of the request, `:authority` of a gRPC call. Absent: the node's address.",
      }),
    ),
    statuses: Type.Optional(
      Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
        minItems: 1,
        uniqueItems: true,
        description: 'Statuses that count as healthy. Absent: 200 to 399.',
      }),
    ),
    intervalMs: Type.Optional(
      Type.Integer({
        ...TIME,
        description: 'Milliseconds between two checks, varied by up to a tenth. Absent: 5000.',
      }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        ...TIME,
        description: 'Milliseconds for the connection and the answer together. Absent: 2000.',
      }),
    ),
    healthyAfter: Type.Optional(
      Type.Integer({
        ...THRESHOLD,
        description:
          'Number of checks in a row that an unhealthy node must pass to become healthy. Absent: 2.',
      }),
    ),
    unhealthyAfter: Type.Optional(
      Type.Integer({
        ...THRESHOLD,
        description:
          'Number of checks in a row that a healthy node must fail to become unhealthy. Absent: 2.',
      }),
    ),
  },
  { title: 'health check' },
)
export type HealthCheckRule = Readonly<Omit<Static<typeof HealthCheckRule>, 'statuses'>> & {
  readonly statuses?: readonly number[]
}

/** The schema of a route's `healthCheck`: a check, or `false` for none. */
export const HealthCheckOrNone = Type.Union([HealthCheckRule, Type.Literal(false)], {
  description:
    'How the nodes of the service are checked ([health checks](health-checks.md)), such as `{"path": "/healthz"}`, `{"grpc": true}` or `{"tcp": true}`. `false`: not at all. If several routes of a service have a `healthCheck`, the one with the first id counts. Absent: as the metadata of each node says, otherwise `routes.defaults.healthCheck`.',
})

const KINDS = ['path', 'grpc', 'tcp'] as const

/** Finds what the schema cannot express. A value of the wrong type is ignored. */
export function* findHealthCheckProblems(rule: unknown): Generator<Finding> {
  if (typeof rule !== 'object' || rule === null) return
  const kinds = KINDS.filter(kind => (rule as Record<string, unknown>)[kind] !== undefined)
  if (kinds.length === 0) yield { path: [], message: 'must have `path`, `grpc` or `tcp`' }
  for (const kind of kinds.slice(1)) {
    yield { path: [kind], message: `must not be set together with \`${kinds[0]}\`` }
  }
}

export function toHealthCheck(rule: HealthCheckRule): HealthCheck {
  const { path, grpc, host, statuses } = rule
  const { intervalMs = 5_000, timeoutMs = 2_000, healthyAfter = 2, unhealthyAfter = 2 } = rule
  return Object.freeze({
    path,
    ...(grpc !== undefined && { grpc: grpc === true ? '' : grpc }),
    host,
    statuses: statuses && Object.freeze([...statuses]),
    intervalMs,
    timeoutMs,
    healthyAfter,
    unhealthyAfter,
  })
}

/** Writes a health check as a route document does. */
export function describeHealthCheck({ path, grpc, host, statuses, ...times }: HealthCheck): HealthCheckRule {
  return {
    ...(grpc !== undefined && { grpc: grpc === '' || grpc }),
    ...(path !== undefined && { path }),
    ...(path === undefined && grpc === undefined && { tcp: true }),
    ...(host !== undefined && { host }),
    ...(statuses && { statuses }),
    ...times,
  }
}

/**
 * Parses the health check in a node's metadata: `/path`, `grpc`, `tcp`, or a rule as JSON.
 *
 * @returns the check, or what is wrong with it, for people
 */
export function parseHealthCheck(
  text: string,
): { readonly check: HealthCheck } | { readonly reason: string } {
  let rule: unknown
  if (text === 'tcp') rule = { tcp: true }
  else if (text === 'grpc') rule = { grpc: true }
  else if (text.startsWith('/')) rule = { path: text }
  else {
    try {
      rule = parseJson(text)
    } catch {
      return { reason: 'must be a path, `grpc`, `tcp`, or a health check as JSON' }
    }
  }
  const findings = [...findProblems(HealthCheckRule, rule), ...findHealthCheckProblems(rule)]
  if (findings.length === 0) return { check: toHealthCheck(rule as HealthCheckRule) }
  return { reason: toReason(findings) }
}
