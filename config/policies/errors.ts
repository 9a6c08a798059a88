import { ERRORS, type ErrorCode } from '../../internal/http/errors.ts'
import { didYouMean } from '../kit/closest.ts'
import { type Finding, show, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { policyRule, type RuleContext } from './policy-rule.ts'
import { reservedInAnswers } from './reserved-headers.ts'
import { findWrittenProblems, findWrittenWarnings, WRITTEN } from './written-answer.ts'

/** Why no request of a route is refused with a code in a way that its policies could change. */
const WITHOUT_ROUTE: { readonly [Code in ErrorCode]?: string } = {
  WG_NO_ROUTE: 'is for requests that no route takes: a route with the path "/*" and `respond` answers those',
  WG_EXPECTATION_FAILED: 'refuses requests before their route is known',
  WG_MISDIRECTED: 'refuses requests before their route is known',
  WG_ROUTE_BROKEN: 'is for closed routes, which have no policies',
  WG_SHUTTING_DOWN: 'refuses requests before their route is known',
}
const CODES = Object.keys(ERRORS).filter(code => !Object.hasOwn(WITHOUT_ROUTE, code))

/** Header fields by which clients decide what to do next, or that belong to CORS, caches and gRPC. */
const RELIED_ON =
  /^(?:accept|accept-encoding|access-control-.*|allow|grpc-.*|retry-after|vary|www-authenticate|(?:x-)?ratelimit(?:-.*)?)$/

/** `errors`: bodies and headers of refusals, by code. */
export const errors = policyRule({
  schema: Type.Record(Type.String(), closed(WRITTEN, { minProperties: 1, title: 'error answer' }), {
    minProperties: 1,
    title: 'error answers',
    description:
      'Bodies and headers of refusals of the gateway, by [code](policies/errors.md): `{"WG_RATE_LIMITED": {"body": {"message": "slow down"}}}`. The status stays.',
  }),
  *problems(rule, context) {
    for (const [code, answer] of Object.entries(membersOf(rule)))
      yield* under([code], answerProblems(code, answer, context))
  },
  *warnings(rule) {
    for (const [code, answer] of Object.entries(membersOf(rule)))
      yield* under([code], findWrittenWarnings(answer))
  },
})

function* answerProblems(code: string, answer: unknown, context: RuleContext): Generator<Finding> {
  const reason = (WITHOUT_ROUTE as Readonly<Record<string, string>>)[code]
  if (reason !== undefined) yield { path: [], message: reason }
  else if (!CODES.includes(code))
    yield { path: [], message: `is not a code of an error${didYouMean(code, CODES)}` }
  yield* findWrittenProblems(answer, context, reservedInErrors)
  const { body, headers } = membersOf(answer)
  if (body !== undefined) return
  for (const name of Object.keys(membersOf(headers))) {
    if (name.toLowerCase() !== 'content-type') continue
    yield {
      path: ['headers', name],
      message: `needs a body: without one, ${show('application/problem+json')} is sent`,
    }
  }
}

function reservedInErrors(name: string): string | undefined {
  if (RELIED_ON.test(name)) return 'must not be set: clients rely on what the gateway says there'
  return reservedInAnswers(name)
}
