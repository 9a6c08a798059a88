import { TOKEN } from '../../internal/http/header-lines.ts'
import { contentTypeOf, encoderFor, sampleOf } from '../../internal/template.ts'
import { parseJson } from '../../internal/text/json.ts'
import { type Finding, show } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { membersOf } from '../kit/values.ts'
import { policyRule, type RuleContext } from './policy-rule.ts'
import { reservedInAnswers } from './reserved-headers.ts'
import { templateProblems } from './template-problems.ts'

const MAX_BODY_BYTES = 65_536
const MAX_TEMPLATE_LENGTH = 8_192

const FIXED = {
  status: Type.Optional(
    Type.Integer({ minimum: 200, maximum: 599, description: 'The status. Absent: 200.' }),
  ),
  headers: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 8_192 }), {
      maxProperties: 64,
      description:
        'Headers of the answer. Absent `content-type`: `application/json`, or `text/plain` for a text.',
    }),
  ),
  body: Type.Optional(
    Type.Unknown({ description: 'A text, or any other JSON value, which is sent as JSON. Absent: empty.' }),
  ),
  template: Type.Optional(
    Type.Boolean({
      description:
        'Whether the texts in `body` and the values of `headers` are [templates](policies/templates.md). Absent: false.',
    }),
  ),
  delayMs: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description: 'Milliseconds to wait before the answer. Absent: 0.',
    }),
  ),
}

/** `mock`: answers some requests in place of the node. */
export const mock = policyRule({
  schema: Type.Object(
    {
      ...FIXED,
      percent: Type.Optional(
        Type.Number({
          minimum: 0,
          maximum: 100,
          description: 'The share of requests that is answered so; the others go to a node. Absent: 100.',
        }),
      ),
    },
    {
      additionalProperties: false,
      title: 'fixed answer',
      description:
        'Answers requests in place of the node, after authentication ([mock](policies/mock.md)): `{"status": 503, "percent": 1}` shows what happens when it fails.',
    },
  ),
  adds: false,
  needsNode: true,
  problems: answerProblems,
})

/** `respond`: answers every request. */
export const respond = policyRule({
  schema: Type.Object(FIXED, {
    additionalProperties: false,
    title: 'fixed answer',
    description:
      'Answers every request, in place of `service` ([respond](policies/respond.md)): `{"status": 410, "body": "gone"}`.',
  }),
  adds: false,
  answers: true,
  problems: answerProblems,
})

/** Finds what a schema cannot express in a fixed answer. */
function* answerProblems(rule: unknown, context: RuleContext): Generator<Finding> {
  const { status, headers, body, template } = membersOf(rule)
  const isTemplate = template === true
  for (const [name, value] of Object.entries(membersOf(headers))) {
    const path = ['headers', name]
    const message = TOKEN.test(name) ? reservedInAnswers(name.toLowerCase()) : 'is not a valid header name'
    if (message !== undefined) yield { path, message }
    if (typeof value !== 'string') continue
    if (isTemplate) {
      for (const problem of templateProblems(value, context)) yield { path, message: problem }
    } else if (!/^[\t\x20-\x7e]*$/.test(value)) yield { path, message: 'must be printable ASCII' }
  }
  if (body === undefined) return
  if (status === 204 || status === 304) {
    yield { path: ['body'], message: `must be absent with status ${status}` }
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
    yield { path: ['body'], message: `must not have more than ${MAX_BODY_BYTES} bytes` }
  }
  if (!isTemplate) return
  yield* bodyProblems(body, ['body'], context)
  if (typeof body === 'string') yield* textProblems(body, membersOf(headers))
}

/** Finds why values could not be told from the text around them. */
function* textProblems(body: string, headers: Readonly<Record<string, unknown>>): Generator<Finding> {
  const [, written] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type') ?? []
  const type = typeof written === 'string' ? written : contentTypeOf(body)
  if (encoderFor(type) === undefined) {
    yield { path: ['body'], message: `must be JSON or text/plain to be a template, not ${show(type)}` }
  } else if (type.includes('json') && !isJson(sampleOf(body, 'x'))) {
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
