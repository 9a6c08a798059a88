import type { Static, TSchemaOptions } from 'typebox'
import { BALANCERS, type BalancerName } from '../../internal/balancers/balancers.ts'
import type { HashKey, Route, StickyCookie } from '../../internal/routing/route.ts'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf, TOKEN_PATTERN } from '../kit/values.ts'

const ONE = { minProperties: 1, maxProperties: 1 } as const

const HashKeyRule = closed(
  {
    header: Type.Optional(
      Type.String({
        pattern: TOKEN_PATTERN,
        title: 'a header name',
        description: 'The value of a header that is forwarded to the node.',
      }),
    ),
    cookie: Type.Optional(
      Type.String({
        pattern: TOKEN_PATTERN,
        title: 'a cookie name',
        description: 'The value of a cookie of the client.',
      }),
    ),
    address: Type.Optional(
      Type.Literal(true, {
        description: "The client's address. Behind `trustedProxies`, the address that they name.",
      }),
    ),
    claim: Type.Optional(
      Type.String({ minLength: 1, description: 'A claim of the identity. Dots lead into nested objects.' }),
    ),
    pathParameter: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        title: 'a path parameter, without colon',
        description: "The value of a `:name` segment of the route's `path`.",
      }),
    ),
  },
  { ...ONE, title: 'hash key', description: 'Requests with the same key go to the same node.' },
)

const StickyCookieRule = closed(
  {
    cookie: Type.Optional(
      Type.String({
        pattern: TOKEN_PATTERN,
        title: 'a cookie name',
        description: 'Name of the cookie. Absent: `waygate-` followed by the name of the service.',
      }),
    ),
  },
  { title: 'cookie settings' },
)

/** A balancer as a route document names it: the name, or an object of the name and its settings. */
export type BalancerRule =
  | BalancerName
  | { readonly 'consistent-hash': Static<typeof HashKeyRule> }
  | { readonly 'sticky-cookie': Static<typeof StickyCookieRule> }

/** Returns the schema of a {@link BalancerRule}. */
export function balancerRule(options: TSchemaOptions) {
  return Type.Unsafe<BalancerRule>({
    ...Type.Union([
      ...Object.keys(BALANCERS).map(name => Type.Literal(name)),
      closed(
        {
          'consistent-hash': Type.Optional(HashKeyRule),
          'sticky-cookie': Type.Optional(StickyCookieRule),
        },
        { ...ONE, title: 'balancer with settings' },
      ),
    ]),
    ...options,
  })
}

/** Converts a rule to the fields of a route. `consistent-hash` without settings hashes the client's address. */
export function toBalancer(rule: BalancerRule): {
  readonly balancer: BalancerName
  readonly hashKey?: HashKey
  readonly stickyCookie?: StickyCookie
} {
  if (rule === 'consistent-hash') return { balancer: rule, hashKey: Object.freeze({ from: 'address' }) }
  if (rule === 'sticky-cookie') return { balancer: rule, stickyCookie: Object.freeze({}) }
  if (typeof rule === 'string') return { balancer: rule }
  if ('sticky-cookie' in rule) {
    const { cookie: name } = rule['sticky-cookie']
    return { balancer: 'sticky-cookie', stickyCookie: Object.freeze({ name }) }
  }
  return { balancer: 'consistent-hash', hashKey: Object.freeze(toHashKey(rule['consistent-hash'])) }
}

function toHashKey(rule: Static<typeof HashKeyRule>): HashKey {
  if (rule.header !== undefined) return { from: 'header', name: rule.header.toLowerCase() }
  if (rule.cookie !== undefined) return { from: 'cookie', name: rule.cookie }
  if (rule.claim !== undefined) return { from: 'claim', name: rule.claim }
  if (rule.pathParameter !== undefined) return { from: 'pathParameter', name: rule.pathParameter }
  return { from: 'address' }
}

/** Writes the balancer of a route as a route document does. */
export function describeBalancer({
  balancer,
  hashKey,
  stickyCookie,
}: Route): string | Readonly<Record<string, object>> {
  if (hashKey)
    return { [balancer]: hashKey.from === 'address' ? { address: true } : { [hashKey.from]: hashKey.name } }
  return stickyCookie?.name === undefined ? balancer : { [balancer]: { cookie: stickyCookie.name } }
}

/** Whether a rule, valid or not, names the balancer whose cookie is signed with a secret. */
export function needsCookieSecret(rule: unknown): boolean {
  return rule === 'sticky-cookie' || 'sticky-cookie' in membersOf(rule)
}

/**
 * Finds what the schema of a balancer cannot express. Fields of the wrong type are ignored.
 *
 * @param path of the route; undefined where the rule applies to many routes
 */
export function* findBalancerProblems(rule: unknown, path: unknown): Generator<Finding> {
  const { header, pathParameter } = membersOf(membersOf(rule)['consistent-hash'])
  if (typeof header === 'string' && header.toLowerCase() === 'host') {
    yield {
      path: ['consistent-hash', 'header'],
      message: 'must not be host: nodes get their own address as Host; use x-forwarded-host',
    }
  }
  if (typeof pathParameter !== 'string' || typeof path !== 'string') return
  if (path.split('/').includes(`:${pathParameter}`)) return
  yield { path: ['consistent-hash', 'pathParameter'], message: `is not a parameter of the path ${path}` }
}
