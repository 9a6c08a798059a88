import { TOKEN } from '../../internal/http/header-lines.ts'
import {
  contentTypeOf,
  encoderFor,
  findTemplateProblem,
  sampleOf,
  variablesOf,
} from '../../internal/template.ts'
import { parseJson } from '../../internal/text/json.ts'
import { type Finding, show } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { membersOf } from '../kit/values.ts'
import type { RuleContext } from './policy-rule.ts'
import { templateProblems } from './template-problems.ts'

const MAX_BODY_BYTES = 65_536
const MAX_TEMPLATE_LENGTH = 8_192

/** The fields of an answer that is written in a document: everything but its status. */
export const WRITTEN = {
  headers: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 8_192 }), {
      maxProperties: 64,
      description:
        'Headers of the answer. Absent `content-type`: `application/json`, or `text/plain` for a text.',
    }),
  ),
  body: Type.Optional(
    Type.Unknown({ description: 'A text, or any other JSON value, which is sent as JSON.' }),
  ),
  template: Type.Optional(
    Type.Boolean({
      description:
        'Whether the texts in `body` and the values of `headers` are [templates](policies/templates.md). Absent: false.',
    }),
  ),
}

/**
 * Finds what a schema cannot express in an answer that is written in a document. Accepts any value.
 *
 * @param reserved returns why a header must not be set, by its name in lower case; undefined when it may
 */
export function* findWrittenProblems(
  answer: unknown,
  context: RuleContext,
  reserved: (name: string) => string | undefined,
): Generator<Finding> {
  const { headers, body, template } = membersOf(answer)
  const isTemplate = template === true
  for (const [name, value] of Object.entries(membersOf(headers))) {
    const path = ['headers', name]
    const message = TOKEN.test(name) ? reserved(name.toLowerCase()) : 'is not a valid header name'
    if (message !== undefined) yield { path, message }
    if (typeof value !== 'string') continue
    if (isTemplate) {
      for (const problem of templateProblems(value, context)) yield { path, message: problem }
    } else if (!/^[\t\x20-\x7e]*$/.test(value)) yield { path, message: 'must be printable ASCII' }
  }
  if (body === undefined) return
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
    yield { path: ['body'], message: `must not have more than ${MAX_BODY_BYTES} bytes` }
  }
  if (!isTemplate) return
  yield* bodyProblems(body, ['body'], context)
  yield* typeProblems(body, membersOf(headers))
}

/** Finds variables in an answer that is no template, so that they are sent as they are written. Accepts any value. */
export function* findWrittenWarnings(answer: unknown): Generator<Finding> {
  const { headers, body, template } = membersOf(answer)
  if (template === true) return
  for (const [path, text] of textsIn({ headers, body }, [])) {
    const variable = findTemplateProblem(text) === undefined ? variablesOf(text)[0] : undefined
    if (variable === undefined) continue
    yield { path, message: `is sent as it is written, with {${variable}}: "template": true fills it in` }
  }
}

function* textsIn(
  value: unknown,
  path: readonly (string | number)[],
): Generator<readonly [path: readonly (string | number)[], text: string]> {
  if (typeof value === 'string') yield [path, value]
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    yield* textsIn(member, [...path, Array.isArray(value) ? Number(key) : key])
  }
}

/** Finds why values could not be told from the text around them. */
function* typeProblems(body: unknown, headers: Readonly<Record<string, unknown>>): Generator<Finding> {
  const [, written] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type') ?? []
  const type = typeof written === 'string' ? written : contentTypeOf(body)
  if (encoderFor(type) === undefined) {
    yield { path: ['body'], message: `must be JSON or text/plain to be a template, not ${show(type)}` }
  } else if (
    typeof body === 'string' &&
    type.toLowerCase().includes('json') &&
    !isJson(sampleOf(body, 'x'))
  ) {
    yield {
      path: ['body'],
      message: 'must be JSON that has its variables within strings: write "{{" for a brace',
    }
  }
}

function isJson(text: string): boolean {
  try {
    parseJson(text)
    return true
  } catch {
    return false
  }
}

/** Finds what is wrong with the templates in a body. */
function* bodyProblems(
  value: unknown,
  path: readonly (string | number)[],
  context: RuleContext,
): Generator<Finding> {
  if (typeof value === 'string') {
    if (value.length > MAX_TEMPLATE_LENGTH)
      yield { path, message: `must not have more than ${MAX_TEMPLATE_LENGTH} characters as a template` }
    for (const message of templateProblems(value, context, { needsResult: true, isText: true })) {
      yield { path, message }
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      yield* bodyProblems(member, [...path, Array.isArray(value) ? Number(key) : key], context)
    }
  }
}
