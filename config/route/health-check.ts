import Type from 'typebox'
import type { HealthCheck } from '../../internal/nodes/health.ts'
import { type Finding, toReason } from '../kit/problem.ts'
import { createProblemFinder } from '../kit/validate.ts'

const TIME = { minimum: 100, maximum: 3_600_000 } as const
const THRESHOLD = { minimum: 1, maximum: 100 } as const

/** How the nodes of a service are checked, as it is written. */
export const HealthCheckRule = Type.Object(
  {
    path: Type.Optional(
      Type.String({
        pattern: '^/[\\x21-\\x7e]*$',
        maxLength: 2048,
        title: 'a path that begins with / and has no spaces',
        description: 'What is asked for with GET. This or `tcp` must be there.',
      }),
    ),
    tcp: Type.Optional(Type.Literal(true, { description: 'Whether a connection is enough.' })),
    host: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e]+$',
        maxLength: 255,
        title: 'a host name, without spaces',
        description: "`Host` of the request. Absent: the node's address.",
      }),
    ),
    statuses: Type.Optional(
      Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
        minItems: 1,
        uniqueItems: true,
        description: 'Statuses of a node that is well. Absent: 200 to 399.',
      }),
    ),
    intervalMs: Type.Optional(
      Type.Integer({ ...TIME, description: 'Between two checks, give or take a tenth. Absent: 5000.' }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({ ...TIME, description: 'For connection and answer together. Absent: 2000.' }),
    ),
    healthyAfter: Type.Optional(
      Type.Integer({
        ...THRESHOLD,
        description: 'Checks in a row that an unhealthy node has to pass. Absent: 2.',
      }),
    ),
    unhealthyAfter: Type.Optional(
      Type.Integer({
        ...THRESHOLD,
        description: 'Checks in a row that a healthy node has to fail. Absent: 2.',
      }),
    ),
  },
  { additionalProperties: false, title: 'health check' },
)
export type HealthCheckRule = Readonly<Omit<Type.Static<typeof HealthCheckRule>, 'statuses'>> & {
  readonly statuses?: readonly number[]
}

/** What a route says: a check, or that there is none. */
export const HealthCheckOrNone = Type.Union([HealthCheckRule, Type.Literal(false)], {
  description:
    'How the service\'s nodes are checked, such as `{"path": "/healthz"}` or `{"tcp": true}` ([health checks](resilience.md#health-checks)); `false`: not at all. Of several routes of a service with a `healthCheck`, the one with the first id counts. Absent: as the nodes say in their metadata, else `routes.defaults.healthCheck`.',
})

/** What the schema cannot say; a value of the wrong type is passed over. */
export function* findHealthCheckProblems(rule: unknown): Generator<Finding> {
  if (typeof rule !== 'object' || rule === null) return
  const { path, tcp } = rule as Record<string, unknown>
  if (path === undefined && tcp === undefined) yield { path: [], message: 'needs `path` or `tcp`' }
  if (path !== undefined && tcp !== undefined) yield { path: ['tcp'], message: 'does not go with `path`' }
}

export function toHealthCheck(rule: HealthCheckRule): HealthCheck {
  const { path, host, statuses } = rule
  const { intervalMs = 5_000, timeoutMs = 2_000, healthyAfter = 2, unhealthyAfter = 2 } = rule
  return Object.freeze({
    path,
    host,
    statuses: statuses && Object.freeze([...statuses]),
    intervalMs,
    timeoutMs,
    healthyAfter,
    unhealthyAfter,
  })
}

/** Writes a check as a route document does. */
export function describeHealthCheck({ path, host, statuses, ...times }: HealthCheck): HealthCheckRule {
  return {
    ...(path === undefined ? { tcp: true } : { path }),
    ...(host !== undefined && { host }),
    ...(statuses && { statuses }),
    ...times,
  }
}

const findSchemaProblems = createProblemFinder(HealthCheckRule)

/**
 * The check that a node asks for in its metadata: `/path`, `tcp`, or a rule as JSON.
 *
 * @returns the check, or what is wrong, for people
 */
export function parseHealthCheck(
  text: string,
): { readonly check: HealthCheck } | { readonly reason: string } {
  let rule: unknown
  if (text === 'tcp') rule = { tcp: true }
  else if (text.startsWith('/')) rule = { path: text }
  else {
    try {
      rule = JSON.parse(text)
    } catch {
      return { reason: 'must be a path, `tcp`, or a check as JSON' }
    }
  }
  const findings = [...findSchemaProblems(rule), ...findHealthCheckProblems(rule)]
  if (findings.length === 0) return { check: toHealthCheck(rule as HealthCheckRule) }
  return { reason: toReason(findings) }
}
