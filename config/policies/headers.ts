import { TOKEN } from '../../internal/http/header-lines.ts'
import { findTemplateProblem, VARIABLE_NAMES, variablesOf } from '../../internal/template.ts'
import { didYouMean } from '../kit/closest.ts'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { membersOf } from '../kit/values.ts'
import { policyRule, type RuleContext, textsOf } from './policy-rule.ts'
import {
  neededInAnswers,
  reservedFromRemoval,
  reservedInAnswers,
  reservedInRequests,
} from './reserved-headers.ts'

/** Printable ASCII, which reaches every reader as it was written. */
const VALUE = /^[\x20-\x7e]*$/
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
  schema: Type.Object(OPERATIONS, {
    additionalProperties: false,
    minProperties: 1,
    title: 'header changes',
    description:
      'Changes the headers that nodes get, in this order: `{"remove": [], "set": {}, "setIfAbsent": {}, "add": {}}`. Values are [templates](policies/templates.md).',
  }),
  adds: false,
  needsNode: true,
  problems: findRequestChangeProblems,
})

/** `responseHeaders`: changes the header lines that clients get. */
export const responseHeaders = policyRule({
  schema: Type.Object(
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
      additionalProperties: false,
      minProperties: 1,
      title: 'header changes',
      description: 'Changes the headers that clients get, as `requestHeaders` does.',
    },
  ),
  adds: false,
  *problems(rule, { document, identityHeaders }) {
    yield* headerProblems(rule, reservedInAnswers)
    yield* variableProblems(rule, variable => absentVariable(variable, document?.path, identityHeaders))
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
})

/** Finds what the schema cannot express in changes of the headers of requests. Accepts any value. */
export function* findRequestChangeProblems(
  rule: unknown,
  { document, identityHeaders }: RuleContext,
): Generator<Finding> {
  yield* headerProblems(
    rule,
    name => reservedInRequests(name, identityHeaders),
    name => reservedFromRemoval(name, identityHeaders),
  )
  yield* variableProblems(rule, variable =>
    variable === 'node.id'
      ? 'which is known only in answers'
      : absentVariable(variable, document?.path, identityHeaders),
  )
}

function* headerProblems(
  rule: unknown,
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
      const problem = valueProblem(value)
      if (problem !== undefined) yield { path, message: problem }
    }
  }
}

function* variableProblems(
  rule: unknown,
  whyAbsent: (variable: string) => string | undefined,
): Generator<Finding> {
  for (const [operation, values] of Object.entries(membersOf(rule))) {
    for (const [name, value] of Object.entries(membersOf(values))) {
      for (const variable of typeof value === 'string' ? variablesOf(value) : []) {
        const reason = whyAbsent(variable)
        if (reason !== undefined) yield { path: [operation, name], message: `has {${variable}}, ${reason}` }
      }
    }
  }
}

/** Returns why a variable can never have a value; undefined when it may have one. */
function absentVariable(
  variable: string,
  path: unknown,
  identityHeaders: readonly string[] | undefined,
): string | undefined {
  const [, family, name = ''] = /^(header|path)\.(.+)$/.exec(variable) ?? []
  if (family === 'path' && typeof path === 'string') {
    const segments = path.split('/')
    return segments.includes(name === '*' ? '*' : `:${name}`) ? undefined : 'which the path does not have'
  }
  const isWithheld =
    family === 'header' && reservedInRequests(name.toLowerCase(), identityHeaders) !== undefined
  return isWithheld ? 'a header that is never taken from a client' : undefined
}

function valueProblem(value: string): string | undefined {
  if (!VALUE.test(value)) return 'must be printable ASCII'
  const problem = findTemplateProblem(value)
  if (problem === undefined) return undefined
  const { message, variable } = problem
  if (variable === undefined) return message
  const ofFamily = variable.replace(/\..*$/, '.NAME')
  return `${message}${didYouMean(variable, VARIABLE_NAMES) || didYouMean(ofFamily, VARIABLE_NAMES)}`
}
