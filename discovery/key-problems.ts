import type { LastGood } from './registry.ts'
import { compareKeys } from './service-of.ts'

/** A key whose current value is not used, or only partly. */
export interface KeyProblem {
  readonly key: string
  readonly reason: string
  /** The last good value that is in use instead: the revision at which it was read, and since when, as an ISO date. */
  readonly lastGood?: { readonly revision: string; readonly since: string } | undefined
}

/**
 * Returns problems in key order.
 *
 * @param reasons why the value of a key is not used, by key
 * @param lastGood the last good values that are in use, by key
 */
export function listProblems(
  reasons: ReadonlyMap<string, string>,
  lastGood: ReadonlyMap<string, LastGood>,
): readonly KeyProblem[] {
  const problems = Array.from(reasons, ([key, reason]): KeyProblem => {
    const good = lastGood.get(key)
    if (!good) return { key, reason }
    const { revision, since } = good
    return { key, reason, lastGood: { revision, since: new Date(since).toISOString() } }
  })
  return problems.sort((a, b) => compareKeys(a.key, b.key))
}
