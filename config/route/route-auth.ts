import {
  AUTHENTICATOR_NAMES,
  type AuthenticatorName,
  type AuthRule,
  type RouteAuth,
} from '../../internal/routing/route.ts'
import { claimPathProblem } from '../kit/claim-path.ts'
import type { Finding } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import type { RouteAuthRule } from './auth-rule-schema.ts'

/** The default of routes while a key is configured: any valid token. */
export const ANY_TOKEN: RouteAuth = toRule('jwt')
/** The default of routes while no key is configured. */
export const NO_TOKEN: RouteAuth = Object.freeze({ type: 'none' })

type Grants = NonNullable<Extract<RouteAuthRule, { jwt?: unknown }>['jwt']>

/** Converts the field `auth` of a route document. */
export function toRouteAuth(auth: RouteAuthRule): RouteAuth {
  if (auth === 'none') return NO_TOKEN
  if (Array.isArray(auth)) return Object.freeze({ type: 'any', rules: Object.freeze(auth.map(toAuthRule)) })
  return toAuthRule(auth)
}

function toAuthRule(auth: Exclude<RouteAuthRule, 'none' | readonly unknown[]>): AuthRule {
  if (typeof auth === 'string') return toRule(auth)
  if (auth.mtls !== undefined) return toRule('mtls', { claims: certificateClaims(auth.mtls) })
  const type = (['jwt', 'api-key', 'basic'] as const).find(name => auth[name] !== undefined)!
  return toRule(type, auth[type])
}

/** The requirements on a certificate, as those on the claims that its authenticator makes of it. */
function certificateClaims({
  subjects,
  sans,
}: {
  subjects?: string[]
  sans?: string[]
}): NonNullable<Grants['claims']> {
  return { ...(subjects && { subject: subjects }), ...(sans && { sans }) }
}

function toRule(type: AuthenticatorName, { scopes = [], roles = [], claims }: Grants = {}): AuthRule {
  return Object.freeze({
    type,
    scopes: Object.freeze([...scopes]),
    roles: Object.freeze([...roles]),
    ...(claims && {
      claims: Object.freeze(
        Object.entries(claims).map(([path, values]) =>
          Object.freeze({ path, values: Object.freeze([values].flat()) }),
        ),
      ),
    }),
  })
}

/** Finds what the schema cannot express about a field `auth`. Values of the wrong type are ignored. */
export function* findRouteAuthProblems(auth: unknown): Generator<Finding> {
  for (const { rule, at } of eachRule(auth)) {
    for (const name of AUTHENTICATOR_NAMES) {
      const { claims } = membersOf(rule[name])
      for (const path of Object.keys(membersOf(claims)))
        yield* claimPathProblem(path, [...at, name, 'claims', path])
    }
  }
}

/** What configures each authenticator. */
const SETTINGS: Readonly<Record<AuthenticatorName, string>> = {
  jwt: 'jwt.secret',
  'api-key': 'apiKeys.enabled',
  basic: 'basic.users or basic.usersFile',
  mtls: 'tls.clientAuth',
}

/** Finds the authenticators that a field `auth` names and that are not configured. */
export function* findUnknownAuthenticators(
  auth: unknown,
  configured: ReadonlySet<AuthenticatorName>,
): Generator<Finding> {
  for (const { rule, at } of eachRule(auth)) {
    for (const name of AUTHENTICATOR_NAMES) {
      if (rule[name] === undefined || configured.has(name)) continue
      const setting = SETTINGS[name]
      yield { path: at, message: `requires "${name}", which is not configured: set ${setting}` }
    }
  }
}

interface PlacedRule {
  /** Requirements by name of the authenticator; empty for a plain name. */
  readonly rule: Readonly<Record<string, unknown>>
  readonly at: readonly (string | number)[]
}

function* eachRule(auth: unknown): Generator<PlacedRule> {
  const entries = Array.isArray(auth) ? auth.entries() : [[undefined, auth] as const]
  for (const [index, rule] of entries) {
    const at = index === undefined ? [] : [index]
    if (typeof rule === 'string') yield { rule: { [rule]: {} }, at }
    else if (typeof rule === 'object' && rule !== null) yield { rule, at }
  }
}
