import type { Static, TLiteral, TOptional, TSchema, TUnion } from 'typebox'
import type { LevelRule } from '../../internal/policy.ts'
import type { RoutePolicies } from '../../internal/routing/route.ts'
import { type Finding, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { deepFreeze, membersOf } from '../kit/values.ts'
import { clients } from './clients.ts'
import { compress } from './compress.ts'
import { concurrency } from './concurrency.ts'
import { cors } from './cors.ts'
import { errors } from './errors.ts'
import { mock, respond } from './fixed-answer.ts'
import { requestHeaders, responseHeaders } from './headers.ts'
import { httpsOnly } from './https-only.ts'
import { mirror } from './mirror.ts'
import type { PolicyRule, RuleContext } from './policy-rule.ts'
import { quota } from './quota.ts'
import { rateLimit } from './rate-limit.ts'
import { redirect } from './redirect.ts'
import { requestLimits } from './request-limits.ts'
import { rewrite } from './rewrite.ts'
import { securityHeaders } from './security-headers.ts'
import { split } from './split.ts'

/** Every policy by the field of a route document that holds its rule. The order of requests is cmd/gateway/policies.ts. */
export const POLICY_RULES = {
  clients,
  errors,
  compress,
  httpsOnly,
  securityHeaders,
  cors,
  requestLimits,
  rateLimit,
  quota,
  concurrency,
  redirect,
  respond,
  mock,
  split,
  rewrite,
  mirror,
  requestHeaders,
  responseHeaders,
} as const satisfies Readonly<Record<string, PolicyRule>>

type PolicyRules = typeof POLICY_RULES
export type PolicyName = keyof PolicyRules

/** What one policy is made from: its rule, or, where rules add up, the rules of every level, outer first. */
export type RuleOf<Name extends PolicyName> = PolicyRules[Name] extends { readonly adds?: true }
  ? readonly LevelRule<Static<PolicyRules[Name]['schema']>>[]
  : Static<PolicyRules[Name]['schema']>

const NAMES = Object.keys(POLICY_RULES) as PolicyName[]

type DefaultFields = { readonly [Name in PolicyName]: TOptional<PolicyRules[Name]['schema']> }
type DocumentFields = {
  readonly [Name in PolicyName]: TOptional<TUnion<[TLiteral<false>, PolicyRules[Name]['schema']]>>
}

/** Returns whether a policy answers every request itself, which is for documents alone. */
export function isAnswering(name: PolicyName): boolean {
  return (POLICY_RULES[name] as PolicyRule).answers === true
}

/** Returns whether a policy is for documents alone, not for `routes.defaults`. */
export function isOfDocuments(name: PolicyName): boolean {
  return isAnswering(name) || (POLICY_RULES[name] as PolicyRule).isOfDocuments === true
}

/** The fields of the policies that `routes.defaults` may have. */
export function defaultPolicyFields(): DefaultFields {
  return Object.fromEntries(
    NAMES.filter(name => !isOfDocuments(name)).map(name => [name, Type.Optional(POLICY_RULES[name].schema)]),
  ) as unknown as DefaultFields
}

/** The fields of all policies in a route document, where `false` takes none of `routes.defaults`. */
export function documentPolicyFields(): DocumentFields {
  return Object.fromEntries(
    NAMES.map(name => {
      const { schema } = POLICY_RULES[name]
      const { description = '', anyOf = [schema] } = schema as { description?: string; anyOf?: TSchema[] }
      return [name, Type.Optional(Type.Union([Type.Literal(false), ...anyOf], { description }))]
    }),
  ) as unknown as DocumentFields
}

/**
 * Finds what the schema cannot express in the rules of a document, or of `routes.defaults`. Accepts any value.
 */
export function* findPolicyProblems(holder: unknown, context: RuleContext): Generator<Finding> {
  yield* findInRules(holder, ({ problems }, rule) => problems?.(rule, context))
}

/** Finds what is probably not intended in the rules of a document, or of `routes.defaults`. Accepts any value. */
export function* findPolicyWarnings(holder: unknown, context: RuleContext = {}): Generator<Finding> {
  yield* findInRules(holder, ({ warnings }, rule) => warnings?.(rule, context))
}

function* findInRules(
  holder: unknown,
  find: (policy: PolicyRule, rule: unknown) => Iterable<Finding> | undefined,
): Generator<Finding> {
  const fields = membersOf(holder)
  for (const name of NAMES) {
    if (fields[name] === undefined || fields[name] === false) continue
    yield* under([name], find(POLICY_RULES[name], fields[name]) ?? [])
  }
}

/** Returns the rules of a level that apply beside those of the other levels. */
export function addingRules(rules: Rules): Rules {
  return Object.fromEntries(Object.entries(rules).filter(([name]) => POLICY_RULES[name as PolicyName]?.adds))
}

type Rules = { readonly [Name in PolicyName]?: unknown }

/** A place where rules for a route are written: `defaults` of the configuration, a policy set, or its own document. */
export interface PolicyLevel {
  /** `defaults`, the name of the set, or `route`. */
  readonly level: string
  readonly rules: Rules
}

/** Returns the rules in force for a route, frozen; undefined when it has none. @param levels outer first */
export function toPolicies(levels: readonly PolicyLevel[]): RoutePolicies | undefined {
  const policies: Record<string, unknown> = {}
  for (const name of NAMES) {
    const said = levels
      .map(({ level, rules }) => ({ level, rule: rules[name] }))
      .filter(({ rule }) => rule !== undefined)
    // `false` takes none of the outer ones.
    const inForce = said.slice(said.findLastIndex(({ rule }) => rule === false) + 1)
    const nearest = inForce.at(-1)
    if (nearest === undefined) continue
    policies[name] = deepFreeze(structuredClone(POLICY_RULES[name].adds ? inForce : nearest.rule))
  }
  return Object.keys(policies).length === 0 ? undefined : (Object.freeze(policies) as RoutePolicies)
}
