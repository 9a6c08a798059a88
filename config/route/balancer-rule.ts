import Type from 'typebox'
import type { HashKey, StickyCookie } from '../../internal/affinity.ts'
import { BALANCERS, type BalancerName } from '../../internal/balancers/balancers.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Finding } from '../kit/problem.ts'

// RFC 9110 section 5.6.2 `token`; also what RFC 6265 section 4.1.1 lets a cookie be called.
const TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
const ONE = { additionalProperties: false, minProperties: 1, maxProperties: 1 } as const

const HashKeyRule = Type.Object(
  {
    header: Type.Optional(
      Type.String({ pattern: TOKEN, title: 'a header name', description: 'A header that the node sees.' }),
    ),
    cookie: Type.Optional(
      Type.String({ pattern: TOKEN, title: 'a cookie name', description: 'A cookie of the client.' }),
    ),
    address: Type.Optional(
      Type.Literal(true, {
        description: "The client's address; behind `trustedProxies`, the one they name.",
      }),
    ),
    claim: Type.Optional(
      Type.String({ minLength: 1, description: 'A claim of the token; dots lead inwards.' }),
    ),
    pathParameter: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        title: 'a parameter of the path, without colon',
        description: "A `:name` of the route's `path`.",
      }),
    ),
  },
  { ...ONE, title: 'where the key is', description: 'Requests with the same key go to the same node.' },
)

const StickyCookieRule = Type.Object(
  {
    cookie: Type.Optional(
      Type.String({
        pattern: TOKEN,
        title: 'a cookie name',
        description: 'Name of the cookie. Absent: `waygate-` and the name of the service.',
      }),
    ),
  },
  { additionalProperties: false, title: 'the cookie' },
)

/** As it is written: the name of a balancer, or an object of the name and what it needs to know. */
export type BalancerRule =
  | BalancerName
  | { readonly 'consistent-hash': Type.Static<typeof HashKeyRule> }
  | { readonly 'sticky-cookie': Type.Static<typeof StickyCookieRule> }

/** The schema of a {@link BalancerRule}: how a node is picked. */
export function balancerRule(options: Type.TSchemaOptions) {
  return Type.Unsafe<BalancerRule>({
    ...Type.Union([
      ...Object.keys(BALANCERS).map(name => Type.Literal(name)),
      Type.Object(
        {
          'consistent-hash': Type.Optional(HashKeyRule),
          'sticky-cookie': Type.Optional(StickyCookieRule),
        },
        { ...ONE, title: 'balancer and what it goes by' },
      ),
    ]),
    ...options,
  })
}

/** What a route knows of its balancer. A hash without a word on its key goes by the client's address. */
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

function toHashKey(rule: Type.Static<typeof HashKeyRule>): HashKey {
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

/** Whether a rule, of whatever type, asks for the cookie that a secret must sign. */
export function needsCookieSecret(rule: unknown): boolean {
  return rule === 'sticky-cookie' || (isObject(rule) && 'sticky-cookie' in rule)
}

/** Why `sticky-cookie` cannot be, as long as there is no secret. */
export const NO_COOKIE_SECRET =
  'sticky-cookie needs a secret that signs the cookie: set WAYGATE_COOKIE_SECRET, or routes.stickyCookie.secretFile'

/**
 * What the schema of a balancer cannot say; fields of the wrong type are passed over.
 *
 * @param path of the route; undefined where the rule stands for many
 */
export function* findBalancerProblems(rule: unknown, path: unknown): Generator<Finding> {
  if (!isObject(rule) || !isObject(rule['consistent-hash'])) return
  const { header, pathParameter } = rule['consistent-hash']
  if (typeof header === 'string' && header.toLowerCase() === 'host') {
    yield {
      path: ['consistent-hash', 'header'],
      message: 'must be x-forwarded-host: the node sees the Host of its own address',
    }
  }
  if (typeof pathParameter !== 'string' || typeof path !== 'string') return
  if (path.split('/').includes(`:${pathParameter}`)) return
  yield { path: ['consistent-hash', 'pathParameter'], message: `is no parameter of the path ${path}` }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
