import type { KeyProblem } from '../../discovery/key-problems.ts'
import { type Conditions, type MatchRule, specificityOf } from '../../internal/conditions.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import { routerPattern } from '../../internal/routing/path-segments.ts'
import type { Route } from '../../internal/routing/route.ts'

/** A page must not take long. */
const MAX_COMPARISONS = 100_000

interface Entry {
  readonly route: Route
  readonly rule: MatchRule
}

/**
 * Yields the documents of which only the id decides that another one goes first, although some requests fit both. One
 * document is named for each.
 */
export function* tiedDocuments(documents: readonly Route[]): Generator<KeyProblem> {
  let comparisons = 0
  for (const entries of rivals(documents)) {
    const tied = new Set<Route>()
    for (const [index, { route, rule }] of entries.entries()) {
      if (tied.has(route)) continue
      for (let i = 0; i < index; i++) {
        if (++comparisons > MAX_COMPARISONS) return
        const other = entries[i]!
        if (other.route === route || !mayBothFit(other, { route, rule })) continue
        tied.add(route)
        const reason = `$.match: ties with ${other.route.id}, whose id is smaller, so ${other.route.id} gets the requests that fit both: give one of them a higher priority or another condition`
        yield { key: route.id, reason }
        break
      }
    }
  }
}

/** Returns the entries with conditions, by id, in groups between whose members nothing but conditions and ids decides. */
function rivals(documents: readonly Route[]): Iterable<Entry[]> {
  const groups = new Map<string, Entry[]>()
  for (const route of [...documents].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    for (const rule of route.match ?? []) {
      const { conditions, exact } = specificityOf(rule)
      const key = JSON.stringify([routerPattern(route.path), route.priority, conditions, exact])
      getOrMake(groups, key, (): Entry[] => []).push({ route, rule })
    }
  }
  return groups.values()
}

function mayBothFit(a: Entry, b: Entry): boolean {
  return (
    overlap(a.route.methods, b.route.methods) &&
    overlap(a.route.hosts, b.route.hosts) &&
    // With hosts, a document goes before one without.
    (a.route.hosts === undefined) === (b.route.hosts === undefined) &&
    !areExclusive(a.rule, b.rule)
  )
}

/** Undefined stands for everything. */
function overlap(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined || a.some(each => b.includes(each))
}

/** Returns whether a name must have a value for one rule that it must not have for the other. */
function areExclusive(a: MatchRule, b: MatchRule): boolean {
  return (['headers', 'query', 'cookies'] as const).some(source => {
    const values = valuesOf(a[source], source === 'headers')
    const others = valuesOf(b[source], source === 'headers')
    return [...values].some(([name, list]) => others.get(name)?.every(value => !list.includes(value)))
  })
}

/** Returns the values that names must have, in lower case, of those names that must have one of certain values. */
function valuesOf(conditions: Conditions = {}, ignoresCase: boolean): Map<string, readonly string[]> {
  const values = new Map<string, readonly string[]>()
  for (const [name, condition] of Object.entries(conditions)) {
    const rule = typeof condition === 'string' ? { exact: condition } : condition
    const list = rule.exact === undefined ? rule.in : [rule.exact]
    if (list === undefined || rule.not === true) continue
    // Case is ignored throughout: then a rule that ignores it is never taken for an exclusive one.
    values.set(
      ignoresCase ? name.toLowerCase() : name,
      list.map(value => value.toLowerCase()),
    )
  }
  return values
}
