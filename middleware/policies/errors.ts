import { GatewayError } from '../../internal/http/errors.ts'
import type { Policy } from '../../internal/policy.ts'
import { compileWritten, type WrittenRule } from './written-answer.ts'

/** Bodies and headers of refusals, by their code. */
export type ErrorsRule = Readonly<Record<string, WrittenRule>>

/** Gives the refusals of a route their own bodies and headers. The status is that of the code. */
export function createErrors(rule: ErrorsRule): Policy {
  const answers = new Map(Object.entries(rule).map(([code, written]) => [code, compileWritten(written)]))
  return {
    refusal: ({ code }, exchange) => {
      try {
        return answers.get(code)?.(exchange)
      } catch (error) {
        // With too much of the request in it, the body would be too long: the client gets the usual one.
        if (error instanceof GatewayError) return undefined
        throw error
      }
    },
  }
}
