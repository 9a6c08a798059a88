import { variablesOf } from '../../internal/template.ts'
import type { Finding, Path } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import { needsIdentity } from '../policies/key-rule.ts'
import { POLICY_RULES } from '../policies/policies.ts'
import type { RuleContext } from '../policies/policy-rule.ts'

/**
 * Finds the settings of policies in a route document that need an identity, where the route asks for no credentials, so that
 * they never act. Accepts any value.
 */
export function* findIdleSettings(document: unknown, { isOpenByDefault }: RuleContext): Generator<Finding> {
  const { auth, policies, redirect } = membersOf(document)
  // A policy set may ask for credentials. A redirect is open unless it asks for them.
  const isOpen = auth === undefined && policies === undefined && (isOpenByDefault || Boolean(redirect))
  if (auth !== 'none' && !isOpen) return
  const why = auth === 'none' ? 'the route has auth: none' : 'the route asks for no credentials'
  for (const [name, rule] of Object.entries(membersOf(document))) {
    if (!Object.hasOwn(POLICY_RULES, name)) continue
    for (const { path, value } of walk(rule, [name])) {
      const message = idleReason(path, value, auth)
      if (message !== undefined) yield { path, message: `${message}: ${why}` }
    }
  }
}

function idleReason(path: Path, value: unknown, auth: unknown): string | undefined {
  if (typeof value === 'string') {
    const variable = variablesOf(value).find(each => /^(?:claim\.|identity\.)/.test(each))
    if (variable !== undefined) return `has {${variable}}, which is always absent`
  }
  // With auth: none in the document itself, the others are refused.
  if (auth === 'none') return undefined
  const member = path.at(-1)
  if (member === 'claims' && path.includes('match')) return 'never hold'
  if ((member === 'key' || member === 'sticky') && needsIdentity(value)) return 'needs an identity'
  return undefined
}

interface Place {
  readonly path: Path
  readonly value: unknown
}

function* walk(value: unknown, path: Path): Generator<Place> {
  yield { path, value }
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    yield* walk(member, [...path, Array.isArray(value) ? Number(key) : key])
  }
}
