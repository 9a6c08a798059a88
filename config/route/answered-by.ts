import type { Finding } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import { POLICY_RULES } from '../policies/policies.ts'
import type { PolicyRule } from '../policies/policy-rule.ts'
import { DOCUMENT_FIELDS } from './document-fields.ts'

const POLICIES: Readonly<Record<string, PolicyRule>> = POLICY_RULES
/** The fields of which a document has exactly one: it says what answers. */
export const ANSWERING = [
  'service',
  ...Object.keys(POLICIES).filter(name => POLICIES[name]!.answers === true),
]
const FIELDS: Readonly<Record<string, { readonly needsNode: boolean }>> = DOCUMENT_FIELDS

/** Finds what is wrong with the choice of what answers: a service, or a policy. */
export function* findAnswerProblems(document: Readonly<Record<string, unknown>>): Generator<Finding> {
  const [answering, other] = ANSWERING.filter(field => isSet(document[field]))
  if (answering === undefined) {
    const others = ANSWERING.slice(1).join(' or ')
    const without = others === '' ? '' : `; a document without it has ${others}`
    yield { path: ['service'], message: `is missing${without}` }
    return
  }
  if (other !== undefined) {
    yield { path: [other], message: `must not be beside ${answering}: say one of ${ANSWERING.join(', ')}` }
  }
  if (answering === 'service') return
  for (const [field, value] of Object.entries(document)) {
    if (!isSet(value) || ANSWERING.includes(field)) continue
    // What is no field at all is a problem of its own.
    if (!Object.hasOwn(POLICIES, field) && !Object.hasOwn(FIELDS, field)) continue
    const { needsNode = false }: Pick<PolicyRule, 'needsNode'> = POLICIES[field] ?? FIELDS[field]!
    const unless = typeof needsNode === 'object' ? needsNode.unless : undefined
    if (needsNode === false || (unless !== undefined && membersOf(value)[unless] === true)) continue
    const cure = unless === undefined ? '' : `, unless ${unless} is true`
    yield {
      path: [field],
      message: `means nothing in a route with ${answering}, which reaches no node${cure}`,
    }
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== false
}
