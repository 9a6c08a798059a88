import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { policyRule, type RuleContext } from './policy-rule.ts'
import { reservedInAnswers } from './reserved-headers.ts'
import { findWrittenProblems, findWrittenWarnings, WRITTEN } from './written-answer.ts'

const FIXED = {
  status: Type.Optional(
    Type.Integer({ minimum: 200, maximum: 599, description: 'The status. Absent: 200.' }),
  ),
  ...WRITTEN,
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
  schema: closed(
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
      title: 'fixed answer',
      description:
        'Answers requests in place of the node, after authentication ([mock](policies/mock.md)): `{"status": 503, "percent": 1}` shows what happens when it fails.',
    },
  ),
  needsNode: true,
  problems: answerProblems,
  warnings: findWrittenWarnings,
})

/** `respond`: answers every request. */
export const respond = policyRule({
  schema: closed(FIXED, {
    title: 'fixed answer',
    description:
      'Answers every request, in place of `service` ([respond](policies/respond.md)): `{"status": 410, "body": "gone"}`.',
  }),
  answers: true,
  problems: answerProblems,
  warnings: findWrittenWarnings,
})

/** Finds what a schema cannot express in a fixed answer. */
function* answerProblems(rule: unknown, context: RuleContext): Generator<Finding> {
  const { status, body } = membersOf(rule)
  yield* findWrittenProblems(rule, context, reservedInAnswers)
  if (body !== undefined && (status === 204 || status === 304)) {
    yield { path: ['body'], message: `must be absent with status ${status}` }
  }
}
