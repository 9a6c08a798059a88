import { canonicalTarget } from '../../internal/http/target.ts'
import { sampleOf } from '../../internal/template.ts'
import type { RuleContext } from './policy-rule.ts'
import { type TemplateUse, templateProblems } from './template-problems.ts'

/** A template whose result can be a whole path because it begins with one. */
const BEGINS_WITH_PATH = /^(?:\/|\{(?:request\.path|re\.\d+)\})/

/** Returns everything that is wrong with a template for the path of a request target. */
export function pathTemplateProblems(text: string, context: RuleContext, use: TemplateUse = {}): string[] {
  const found = templateProblems(text, context, { ...use, needsResult: true })
  if (found.length > 0) return found
  if (!BEGINS_WITH_PATH.test(text)) return ['must begin with "/", {request.path} or {re.N}']
  const sample = sampleOf(text, 'x').replaceAll(' ', '%20')
  if (/[?#]/.test(sample)) return ['must not contain "?" or "#": it is a path alone']
  const read = canonicalTarget(sample.startsWith('/') ? sample : `/${sample}`)
  if (read === undefined)
    return ['must not contain dot segments, backslashes, malformed escapes or an empty first segment']
  return read.unmergedPath === undefined ? [] : ['must not contain an empty segment ("//")']
}
