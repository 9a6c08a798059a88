import { TOKEN } from '../../internal/http/header-lines.ts'
import { findPatternProblem, MAX_PATTERN_LENGTH } from '../../internal/pattern.ts'
import type { Finding } from '../kit/problem.ts'
import { under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { RANGES, rangeProblems } from './clients.ts'
import type { RuleContext } from './policy-rule.ts'
import { reservedInRequests } from './reserved-headers.ts'

const MAX_CONDITIONS = 16

/** The tests of a condition, of which it has one. */
const TESTS = ['exact', 'prefix', 'suffix', 'contains', 'in', 'present', 'regex'] as const

const PART = { minLength: 1, maxLength: 1_024 } as const

/** The schema of a condition: what the values of a header, a parameter of the query or a cookie must be. */
export const ConditionSchema = Type.Union([
  Type.String({ maxLength: 1_024 }),
  closed(
    {
      exact: Type.Optional(Type.String({ maxLength: 1_024, description: 'The whole value.' })),
      prefix: Type.Optional(Type.String({ ...PART, description: 'What the value begins with.' })),
      suffix: Type.Optional(Type.String({ ...PART, description: 'What the value ends with.' })),
      contains: Type.Optional(Type.String({ ...PART, description: 'What is somewhere in the value.' })),
      in: Type.Optional(
        Type.Array(Type.String({ maxLength: 1_024 }), {
          minItems: 1,
          maxItems: 256,
          description: 'Values, one of which is the whole value.',
        }),
      ),
      present: Type.Optional(Type.Boolean({ description: 'True: there is a value. False: there is none.' })),
      regex: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: MAX_PATTERN_LENGTH,
          description: 'A regular expression of RE2 syntax that matches the whole value.',
        }),
      ),
      ignoreCase: Type.Optional(
        Type.Boolean({ description: 'Whether upper and lower case are alike. Absent: false.' }),
      ),
      not: Type.Optional(
        Type.Boolean({
          description: 'True turns the condition around: it holds when no value passes. Absent: false.',
        }),
      ),
    },
    { minProperties: 1, title: 'condition' },
  ),
])

function conditions(description: string) {
  return Type.Optional(
    Type.Record(Type.String(), ConditionSchema, {
      minProperties: 1,
      maxProperties: MAX_CONDITIONS,
      description,
    }),
  )
}

/** The fields of a rule that says what a request must be like. Types: `MatchRule` in internal/conditions.ts. */
export const MATCH_FIELDS = {
  headers: conditions('Conditions for headers by name, in any case: `{"x-api-version": "2"}`.'),
  query: conditions('Conditions for parameters of the query by name. Names and values are decoded once.'),
  cookies: conditions('Conditions for cookies by name.'),
  clients: Type.Optional({
    ...RANGES,
    description: 'IP addresses and CIDR ranges, one of which includes the address of the client.',
  }),
}

/**
 * Finds what the schema cannot express in a rule with {@link MATCH_FIELDS}. Other fields are ignored. Accepts any value.
 */
export function* findMatchProblems(
  rule: unknown,
  { identityHeaders }: Pick<RuleContext, 'identityHeaders'>,
): Generator<Finding> {
  const { headers, query, cookies, clients } = membersOf(rule)
  const count = [headers, query, cookies].reduce<number>(
    (sum, named) => sum + Object.keys(membersOf(named)).length,
    clients === undefined ? 0 : 1,
  )
  if (count > MAX_CONDITIONS) yield { path: [], message: `must have at most ${MAX_CONDITIONS} conditions` }
  const seen = new Set<string>()
  for (const name of Object.keys(membersOf(headers))) {
    const lower = name.toLowerCase()
    const message = TOKEN.test(name) ? whyNotAsked(lower, identityHeaders) : 'is not a valid header name'
    if (message !== undefined) yield { path: ['headers', name], message }
    if (seen.has(lower)) yield { path: ['headers', name], message: 'is there twice, in another case' }
    seen.add(lower)
  }
  for (const name of Object.keys(membersOf(cookies))) {
    if (!TOKEN.test(name)) yield { path: ['cookies', name], message: 'is not a valid cookie name' }
  }
  for (const [field, named] of Object.entries({ headers, query, cookies })) {
    for (const [name, condition] of Object.entries(membersOf(named))) {
      yield* under([field, name], findConditionProblems(condition))
    }
  }
  yield* rangeProblems('clients', clients)
}

/** Finds what the schema cannot express in a condition. Accepts any value. */
export function* findConditionProblems(condition: unknown): Generator<Finding> {
  const members = membersOf(condition)
  if (members !== condition) return
  const tests = TESTS.filter(name => members[name] !== undefined)
  if (tests.length === 0) yield { path: [], message: `must have one of ${TESTS.join(', ')}` }
  if (tests.length > 1) yield { path: [], message: `must have only one of ${tests.join(', ')}` }
  const { regex, ignoreCase, present } = members
  if (present !== undefined && ignoreCase !== undefined)
    yield { path: ['ignoreCase'], message: 'means nothing with present' }
  if (typeof regex !== 'string' || regex.length > MAX_PATTERN_LENGTH) return
  const message = findPatternProblem(regex, ignoreCase === true)
  if (message !== undefined) yield { path: ['regex'], message }
}

/** Returns why no condition may ask for a header; undefined when one may. */
function whyNotAsked(name: string, identityHeaders: readonly string[] | undefined): string | undefined {
  if (name === 'host') return 'must not be asked for here: use hosts'
  if (name === 'cookie') return 'must not be asked for here: use cookies'
  const dashed = name.replaceAll('_', '-')
  if (/^(?:x-forwarded-for|forwarded|x-real-ip)$/.test(dashed))
    return 'must not be asked for here: use clients'
  return reservedInRequests(name, identityHeaders) !== undefined || TAKEN_AWAY.test(dashed)
    ? 'must not be asked for: the gateway takes it away from what clients send'
    : undefined
}

/** Headers that the gateway takes away, beside those that it sets. */
const TAKEN_AWAY = /^(?:x-)?client-cert(?:-|$)|^http2-settings$/
