import type { CountedRule } from '../../internal/limits/counters.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { LimitFields } from './limit-stage.ts'

/** Returns the name of a rule in logs, metrics and headers: behind that of its level, unless a document has it. */
export function labelOf(name: string, level: string): string {
  return level === 'route' ? name : `${level}/${name}`
}

/**
 * Returns the function that says what is counted for a request. Its requests count together with those of the same route, of
 * the same service, or of all routes that have the rule from the same level, as `scope` says. They never count with those of a
 * rule that differs in `what`, in the algorithm or in the window.
 *
 * @param level where the rule is written: `defaults`, the name of a policy set, or `route`
 * @param what sets its counts apart from those of other rules: its name and its key, among others
 */
export function countedBySubject(
  scope: LimitFields['scope'] = 'route',
  level: string,
  what: readonly string[],
  counted: Omit<CountedRule, 'id'>,
): (exchange: Exchange) => CountedRule {
  const { algorithm, windowMicros } = counted
  const isOfRoute = scope === 'route' || (scope === 'set' && level === 'route')
  let subject: string | undefined
  let rule: CountedRule | undefined
  return ({ call: { route } }) => {
    const current = isOfRoute ? route!.id : scope === 'service' ? route!.service : level
    if (rule === undefined || current !== subject) {
      subject = current
      rule = { ...counted, id: JSON.stringify([scope, subject, ...what, algorithm, windowMicros]) }
    }
    return rule
  }
}
