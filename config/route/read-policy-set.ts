import { NAME } from '../../internal/nodes/node.ts'
import { type Finding, show, toReason } from '../kit/problem.ts'
import { findProblems } from '../kit/validate.ts'
import { membersOf } from '../kit/values.ts'
import type { RuleContext } from '../policies/policy-rule.ts'
import { findSizeProblems } from './document-size.ts'
import { PolicySet } from './policy-set.ts'
import { findRouteRuleProblems } from './read-route-document.ts'
import { RouteDocument } from './route-schema.ts'

/** The names of other levels at which rules are written. */
const TAKEN = new Set(['defaults', 'route'])

/** Finds what is wrong with a policy set, whichever routes name it, beyond the schema. */
export function findPolicySetRuleProblems(document: unknown, context: RuleContext = {}): Finding[] {
  // Which service answers is up to the routes.
  return findRouteRuleProblems({ ...membersOf(document), service: 'any' }, context)
}

/** Finds what is wrong with the name of a policy set. */
export function* findPolicySetNameProblems(name: string): Generator<Finding> {
  if (!NAME.test(name) || TAKEN.has(name)) yield { path: [], message: `cannot have the name ${show(name)}` }
}

/** Finds everything that is wrong with a policy set, whichever routes name it. */
export function findPolicySetProblems(document: unknown, context?: RuleContext): Finding[] {
  const fields = Object.keys(membersOf(document)).filter(
    field => Object.hasOwn(RouteDocument.properties, field) && !Object.hasOwn(PolicySet.properties, field),
  )
  if (fields.length > 0) {
    return fields.map(field => ({
      path: [field],
      message: 'is not for policy sets: write it in the documents',
    }))
  }
  return [
    ...findSizeProblems(document),
    ...findProblems(PolicySet, document),
    ...findPolicySetRuleProblems(document, context),
  ]
}

/** Returns why a policy set cannot be used; undefined when it can. */
export function policySetRefusal(name: string, document: unknown, context: RuleContext): string | undefined {
  const findings = [...findPolicySetNameProblems(name), ...findPolicySetProblems(document, context)]
  return findings.length === 0 ? undefined : toReason(findings)
}
