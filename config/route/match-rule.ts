import type { MatchRule } from '../../internal/conditions.ts'
import { type Finding, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, deepFreeze, membersOf } from '../kit/values.ts'
import { findMatchProblems, MATCH_FIELDS } from '../policies/conditions.ts'
import type { RuleContext } from '../policies/policy-rule.ts'

/** Reading a pattern may take a few milliseconds. */
const MAX_PATTERNS = 16

const MatchSchema = closed(MATCH_FIELDS, {
  minProperties: 1,
  title: 'conditions',
})

/** The fields of a route document that say what requests must be like beside path, methods and hosts. */
export const MATCH_RULE_FIELDS = {
  match: Type.Optional(
    Type.Union([MatchSchema, Type.Array(MatchSchema, { minItems: 1, maxItems: 16 })], {
      description:
        'What requests must be like: `{"headers": {"x-api-version": "2"}}`. All conditions of an object must hold, and of a list of objects one. Other requests go on to the next document ([conditions](policies/match.md)).',
    }),
  ),
  whenUnmatched: Type.Optional(
    Type.Union([Type.Literal('next'), Type.Literal('refuse')], {
      description:
        'What becomes of a request that fits the path, but neither `match` nor another document of the same path. `next`, the default: a document with a less specific path may take it. `refuse`: it gets 404.',
    }),
  ),
}

type WrittenMatch = MatchRule | readonly MatchRule[]

/** Finds what the schema cannot express. Accepts any values. */
export function* findMatchRuleProblems(
  match: unknown,
  whenUnmatched: unknown,
  context: RuleContext,
): Generator<Finding> {
  if (match === undefined && whenUnmatched !== undefined) {
    yield { path: ['whenUnmatched'], message: 'means nothing without match' }
  }
  if (countPatterns(match) > MAX_PATTERNS) {
    yield { path: ['match'], message: `must have at most ${MAX_PATTERNS} regular expressions in all` }
    return
  }
  if (Array.isArray(match)) {
    for (const [index, rule] of match.entries())
      yield* under(['match', index], findMatchProblems(rule, context))
  } else {
    yield* under(['match'], findMatchProblems(match, context))
  }
}

/** Returns the rules of a document as a frozen list. */
export function toMatch(match: WrittenMatch | undefined): readonly MatchRule[] | undefined {
  return match && deepFreeze(structuredClone([match].flat()))
}

function countPatterns(match: unknown): number {
  return [match]
    .flat()
    .flatMap(rule => Object.values(membersOf(rule)))
    .flatMap(named => Object.values(membersOf(named)))
    .filter(condition => membersOf(condition).regex !== undefined).length
}
