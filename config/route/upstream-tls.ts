import { isIP } from 'node:net'
import type { Static } from 'typebox'
import type { UpstreamTlsRule } from '../../internal/routing/route.ts'
import { certificateProblem } from '../kit/certificates.ts'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf, NAME_PATTERN, NAME_TITLE } from '../kit/values.ts'

/** The schema of the field `upstreamTls` of a route document. */
export const UpstreamTlsSchema = closed(
  {
    serverName: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description:
          'The name, or the IP address, that the certificates of the nodes must be for. A name is also sent as SNI. Absent: the host with which each node is registered.',
      }),
    ),
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 262_144,
        description:
          'The authorities that sign the certificates of the nodes, as PEM text. Absent: those of `upstream.tls.ca`.',
      }),
    ),
    identity: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        title: NAME_TITLE,
        description:
          'The certificate that nodes are shown when they ask for one: a name of `upstream.tls.identities`. Absent: `upstream.tls.cert`.',
      }),
    ),
    verify: Type.Optional(
      Type.Boolean({
        description:
          'Whether the certificates of the nodes are verified. With false, anyone between the gateway and a node can read and change everything. Absent: `upstream.tls.verify`.',
      }),
    ),
  },
  {
    description:
      'TLS with the nodes of the service: those with the protocol `https`, `h2` or `grpcs` ([TLS](tls.md#tls-to-nodes)). It holds for the whole service: if several routes of a service have an `upstreamTls`, the one with the first id counts.',
  },
)

const HOST =
  /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/

/** Finds what the schema of the rule cannot express. Fields of the wrong type are ignored. */
export function* findUpstreamTlsProblems(rule: unknown): Generator<Finding> {
  const { serverName, ca } = membersOf(rule)
  if (
    typeof serverName === 'string' &&
    serverName !== '' &&
    isIP(serverName) === 0 &&
    !HOST.test(serverName)
  ) {
    yield { path: ['serverName'], message: 'must be a host name without port, or an IP address' }
  }
  if (typeof ca !== 'string' || ca === '') return
  const problem = certificateProblem(ca)
  if (problem !== undefined) yield { path: ['ca'], message: problem }
}

/** Warns of a rule that leaves certificates unverified. */
export function* findUpstreamTlsWarnings(rule: unknown): Generator<Finding> {
  if (membersOf(rule).verify !== false) return
  const message = 'is false: the certificates of the nodes are not verified'
  yield { path: ['verify'], message }
}

/** Finds an identity that is not configured. */
export function* findUnknownIdentities(rule: unknown, identities: ReadonlySet<string>): Generator<Finding> {
  const { identity } = membersOf(rule)
  if (typeof identity !== 'string' || identities.has(identity)) return
  yield { path: ['identity'], message: `is not a name of upstream.tls.identities: ${identity}` }
}

/** Converts the rule to that of a route. */
export function toUpstreamTls(
  rule: Static<typeof UpstreamTlsSchema> | undefined,
): UpstreamTlsRule | undefined {
  return rule && Object.freeze({ ...rule })
}
