import { TOKEN } from '../../internal/http/header-lines.ts'
import { variablesOf } from '../../internal/template.ts'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { policyRule, type RuleContext, textsOf } from './policy-rule.ts'
import {
  neededInAnswers,
  reservedFromRemoval,
  reservedInAnswers,
  reservedInRequests,
} from './reserved-headers.ts'
import { templateProblems } from './template-problems.ts'

const MAX_ENTRIES = 64

const VALUES = Type.Record(Type.String(), Type.String({ maxLength: 8_192 }), { maxProperties: MAX_ENTRIES })

/** The members of a rule that changes headers. */
export const OPERATIONS = {
  remove: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: MAX_ENTRIES,
      description: 'Names to remove; `x-debug-*` stands for every name that begins with `x-debug-`.',
    }),
  ),
  set: Type.Optional({ ...VALUES, description: 'Values to set in place of any that are there.' }),
  setIfAbsent: Type.Optional({ ...VALUES, description: 'Values to set where there is none.' }),
  add: Type.Optional({ ...VALUES, description: 'Lines to add to any that are there.' }),
}

/** `requestHeaders`: changes the header lines that nodes get. */
export const requestHeaders = policyRule({
  schema: closed(OPERATIONS, {
    minProperties: 1,
    title: 'header changes',
    description:
      'Changes the headers that nodes get, in this order: `{"remove": [], "set": {}, "setIfAbsent": {}, "add": {}}`. Values are [templates](policies/templates.md).',
  }),
  needsNode: true,
  problems: findRequestChangeProblems,
})

/** `responseHeaders`: changes the header lines that clients get. */
export const responseHeaders = policyRule({
  schema: closed(
    {
      ...OPERATIONS,
      onErrors: Type.Optional(
        Type.Boolean({
          description:
            'Whether answers of the gateway itself are changed too. Absent: false; only answers of nodes and fallbacks are.',
        }),
      ),
    },
    {
      minProperties: 1,
      title: 'header changes',
      description: 'Changes the headers that clients get, as `requestHeaders` does.',
    },
  ),
  needsNode: { unless: 'onErrors' },
  *problems(rule, context) {
    yield* headerProblems(
      rule,
      value => templateProblems(value, context, { inAnswers: true }),
      reservedInAnswers,
    )
    const { remove, ...operations } = membersOf(rule)
    for (const [index, name] of textsOf(remove)) {
      const needed = name.endsWith('*') ? neededInAnswers(name.slice(0, -1).toLowerCase()) : undefined
      if (needed !== undefined) yield { path: ['remove', index], message: `would remove ${needed}` }
    }
    for (const operation of ['set', 'setIfAbsent']) {
      for (const name of Object.keys(membersOf(operations[operation]))) {
        if (name.toLowerCase() === 'set-cookie') {
          yield { path: [operation, name], message: 'would replace the cookies of the node; use add' }
        }
      }
    }
  },
  *warnings(rule) {
    for (const [operation, values] of Object.entries(membersOf(rule))) {
      for (const [name, value] of Object.entries(membersOf(values))) {
        if (!STEERING.test(name) || typeof value !== 'string') continue
        const variable = variablesOf(value).find(each => FROM_CLIENT.test(each))
        if (variable === undefined) continue
        const message = `has {${variable}}, with which a client, or a link to this route, says what browsers do`
        yield { path: [operation, name], message }
      }
    }
  },
})

/** Response headers that tell browsers where to go, what to keep and what to run. */
const STEERING = /^(?:location|refresh|set-cookie|content-security-policy|link)$/i
const FROM_CLIENT = /^(?:query|header|cookie|path|request)\./

/** Finds what the schema cannot express in changes of the headers of requests. Accepts any value. */
export function* findRequestChangeProblems(rule: unknown, context: RuleContext): Generator<Finding> {
  const { identityHeaders } = context
  yield* headerProblems(
    rule,
    value => templateProblems(value, context),
    name => reservedInRequests(name, identityHeaders),
    name => reservedFromRemoval(name, identityHeaders),
  )
}

function* headerProblems(
  rule: unknown,
  problemsOf: (value: string) => readonly string[],
  reserved: (name: string) => string | undefined,
  reservedToRemove = reserved,
): Generator<Finding> {
  const { remove, ...operations } = membersOf(rule)
  for (const [index, name] of textsOf(remove)) {
    const plain = name.replace(/\*$/, '')
    const message =
      !TOKEN.test(plain) || plain.includes('*')
        ? 'is not a valid header name'
        : reservedToRemove(plain.toLowerCase())
    if (message !== undefined) yield { path: ['remove', index], message }
  }
  for (const [operation, values] of Object.entries(operations)) {
    const seen = new Set<string>()
    for (const [name, value] of Object.entries(membersOf(values))) {
      const path = [operation, name]
      const lower = name.toLowerCase()
      const message = TOKEN.test(name) ? reserved(lower) : 'is not a valid header name'
      if (message !== undefined) yield { path, message }
      if (seen.has(lower)) yield { path, message: 'is there twice, in another case' }
      seen.add(lower)
      if (typeof value !== 'string') continue
      for (const problem of problemsOf(value)) yield { path, message: problem }
    }
  }
}
