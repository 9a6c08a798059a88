import { findTemplateProblem, variablesOf, variablesWithoutDefault } from '../../internal/template.ts'
import { MAY_BE_ABSENT, VARIABLE_NAMES } from '../../internal/template-variables.ts'
import { didYouMean } from '../kit/closest.ts'
import type { RuleContext } from './policy-rule.ts'
import { reservedInRequests } from './reserved-headers.ts'

/** Printable ASCII, which reaches every reader as it was written. */
const PRINTABLE = /^[\x20-\x7e]*$/

/** What a template is for, as far as that decides which variables it may have. */
export interface TemplateUse {
  /** Whether it is filled in for answers, when the node is known. */
  readonly inAnswers?: boolean
  /** The number of groups of the pattern that captures texts for it; undefined = there is no pattern. */
  readonly groups?: number | undefined
  /** Whether there must be a result, so that variables which may be absent need a default. */
  readonly needsResult?: boolean
  /** Whether its own text may have any characters, as in a body. */
  readonly isText?: boolean
}

/** Returns everything that is wrong with a template. */
export function templateProblems(text: string, context: RuleContext, use: TemplateUse = {}): string[] {
  if (!use.isText && !PRINTABLE.test(text)) return ['must be printable ASCII']
  const problem = findTemplateProblem(text)
  if (problem !== undefined) {
    const { message, variable } = problem
    if (variable === undefined) return [message]
    const ofFamily = variable.replace(/\..*$/, '.NAME')
    const guess = didYouMean(variable, VARIABLE_NAMES) || didYouMean(ofFamily, VARIABLE_NAMES)
    return [`${message}${guess}`]
  }
  const found = variablesOf(text).flatMap(variable => {
    const reason = whyAbsent(variable, context, use)
    return reason === undefined ? [] : `has {${variable}}, ${reason}`
  })
  if (!use.needsResult || found.length > 0) return found
  const bare = variablesWithoutDefault(text).find(
    variable =>
      MAY_BE_ABSENT.test(variable) || (context.document === undefined && variable.startsWith('path.')),
  )
  if (bare === undefined) return []
  return [`has {${bare}}, which a request may lack: give it a default, such as {${bare}|none}`]
}

/** Returns why a variable can never have a value; undefined when it may have one. */
function whyAbsent(
  variable: string,
  { document, identityHeaders }: RuleContext,
  { inAnswers = false, groups }: TemplateUse,
): string | undefined {
  if (variable === 'node.id') return inAnswers ? undefined : 'which is known only in answers'
  if (variable === 'service') {
    return document !== undefined && document.service === undefined
      ? 'which the document does not have'
      : undefined
  }
  const [, family, name = ''] = /^(header|path|re)\.(.+)$/.exec(variable) ?? []
  if (family === 're') {
    if (groups === undefined) return 'which only the "to" of a pattern has'
    return Number(name) > groups ? `of a pattern with ${groups} group${groups === 1 ? '' : 's'}` : undefined
  }
  const path = document?.path
  if (family === 'path' && typeof path === 'string') {
    const segments = path.split('/')
    return segments.includes(name === '*' ? '*' : `:${name}`) ? undefined : 'which the path does not have'
  }
  const isWithheld =
    family === 'header' && reservedInRequests(name.toLowerCase(), identityHeaders) !== undefined
  return isWithheld ? 'a header that is never taken from a client' : undefined
}
