import { type Finding, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { forgeableKeyWarnings, KEY, needsIdentity } from './key-rule.ts'
import {
  findLimitProblems,
  LIMIT_FIELDS,
  localWarnings,
  onStoreDown,
  storeDownWarnings,
} from './limit-fields.ts'
import { policyRule, type RuleContext } from './policy-rule.ts'

const MAX_RULES = 8
const MAX_EXACT = 1_000
/** A faster rate is a matter of overload, and its requests cannot be told apart by the clock. */
const MAX_PER_SECOND = 100_000

const RULE = closed(
  {
    name: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9-]{1,32}$',
        title: '1 to 32 characters from a-z 0-9 -',
        description:
          'Names the rule in headers, logs and metrics. Absent: `r0` for the first, `r1`, and so on.',
      }),
    ),
    limit: LIMIT_FIELDS.limit,
    windowSeconds: Type.Optional(
      Type.Number({ minimum: 0.001, maximum: 86_400, description: 'Length of the window. Absent: 1.' }),
    ),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'For `gcra`: requests that may come at once, at most ten times `limit`. Absent: `limit`.',
      }),
    ),
    key: Type.Optional({
      ...KEY,
      description:
        'By what clients are told apart: `address` (the default), `route`, `service`, `subject`, a place such as `{"header": "x-api-key"}`, or a list of these ([keys](policies/keys.md)).',
    }),
    algorithm: Type.Optional(
      Type.Enum(['gcra', 'exact', 'fixed'], {
        description:
          '`gcra`, the default: an even rate with a burst. `exact`: never more than `limit` in any window; `limit` is at most 1,000. `fixed`: windows of the clock.',
      }),
    ),
    store: LIMIT_FIELDS.store,
    scope: LIMIT_FIELDS.scope,
    cost: LIMIT_FIELDS.cost,
    countStatuses: Type.Optional(
      Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), {
        minItems: 1,
        maxItems: 64,
        uniqueItems: true,
        description:
          'Only requests whose answer has one of these statuses are counted, such as `[401]` against the guessing of passwords. Absent: all, when they arrive.',
      }),
    ),
    onMissing: LIMIT_FIELDS.onMissing,
    onStoreDown: onStoreDown('local'),
    stage: Type.Optional(
      Type.Enum(['before', 'after'], {
        description:
          'Whether the rule is asked before authentication or after it. Absent: `before` if the key is made of address, route and service alone, otherwise `after`.',
      }),
    ),
    ipv6Prefix: Type.Optional(
      Type.Integer({
        minimum: 32,
        maximum: 128,
        description: 'Bits of an IPv6 address that tell clients apart. Absent: 64.',
      }),
    ),
    hidden: Type.Optional(
      Type.Boolean({ description: 'True: clients are not told of the rule in headers. Absent: false.' }),
    ),
    enforce: LIMIT_FIELDS.enforce,
  },
  { title: 'rate limit' },
)

/** `rateLimit`: how many requests clients may send in a time. */
export const rateLimit = policyRule({
  schema: Type.Union([RULE, Type.Array(RULE, { minItems: 1, maxItems: MAX_RULES })], {
    description:
      'How many requests clients may send: `{"limit": 20, "windowSeconds": 1, "key": "address"}`, or a list of such rules, all of which must admit a request. Others get 429. The rules of `routes.defaults` and of a document all apply.',
  }),
  adds: true,
  *problems(value, context) {
    const names = new Set<unknown>()
    for (const [path, rule] of rulesOf(value)) {
      yield* under(path, ruleProblems(rule, context))
      const name = rule.name ?? `r${path[0] ?? 0}`
      if (names.has(name)) yield { path: [...path, 'name'], message: `${name} is the name of another rule` }
      names.add(name)
    }
  },
  *warnings(value, context) {
    const isGuarded = hasAddressRule(value)
    for (const [path, rule] of rulesOf(value)) {
      yield* under(path, localWarnings(context, rule.store !== 'shared'))
      yield* under(path, storeDownWarnings(rule.onStoreDown, rule.store !== 'shared'))
      if (!isGuarded) yield* under([...path, 'key'], forgeableKeyWarnings(rule.key))
    }
  },
})

/** Whether one of the rules of a `rateLimit` counts by address, among other things. Accepts any value; `false` has no rule. */
export function hasAddressRule(value: unknown): boolean {
  if (value === undefined || value === false) return false
  return [...rulesOf(value)].some(([, { key = 'address' }]) => [key].flat().includes('address'))
}

type Members = Readonly<Record<string, unknown>>

function* rulesOf(value: unknown): Generator<readonly [path: readonly number[], rule: Members]> {
  if (!Array.isArray(value)) yield [[], membersOf(value)]
  else for (const [index, rule] of value.entries()) yield [[index], membersOf(rule)]
}

function* ruleProblems(rule: Members, context: RuleContext): Generator<Finding> {
  const { limit, windowSeconds = 1, algorithm = 'gcra', burst = limit, key, stage } = rule
  yield* findLimitProblems(rule, algorithm === 'gcra' ? burst : limit, 'local', context)
  if (stage === 'before' && needsIdentity(key)) {
    yield { path: ['stage'], message: 'must be "after": the key is known only then' }
  }
  if (typeof limit !== 'number') return
  if (algorithm === 'exact' && limit > MAX_EXACT) {
    yield {
      path: ['limit'],
      message: `must be at most ${MAX_EXACT} with the algorithm "exact", not ${limit}`,
    }
  }
  if (typeof windowSeconds === 'number' && limit > windowSeconds * MAX_PER_SECOND) {
    yield {
      path: ['limit'],
      message: 'must be at most 100,000 a second; serviceLimit protects against overload',
    }
  }
  if (rule.burst === undefined) return
  if (algorithm !== 'gcra')
    yield { path: ['burst'], message: `has no meaning with the algorithm "${algorithm}"` }
  else if (typeof burst === 'number' && burst > 10 * limit) {
    yield { path: ['burst'], message: `must be at most 10 times the limit, ${10 * limit}, not ${burst}` }
  }
}
