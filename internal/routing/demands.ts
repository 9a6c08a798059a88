import type { Route } from './route.ts'

/**
 * What a route may demand of a client before a node sees the request, as plain data; undefined where it demands nothing. A
 * policy that refuses clients joins with its line.
 */
const DEMANDS: readonly ((route: Route) => unknown)[] = [
  ({ auth }) => (auth.type === 'none' ? undefined : auth),
  ({ policies }) => enforcedRules(policies?.clients),
  ({ policies }) => enforcedRules(policies?.rateLimit),
  ({ policies }) => enforcedRules(policies?.quota),
  ({ policies }) => enforcedRules(policies?.concurrency),
  ({ policies }) => policies?.httpsOnly,
  ({ policies }) => originsOf(policies?.cors),
  ({ policies }) => enforced(policies?.requestLimits),
  ({ policies }) => policies?.redirect ?? refusingAnswer(policies?.respond),
  // Other conditions are no demands: clients send what they like.
  ({ match, whenUnmatched }) =>
    whenUnmatched === 'refuse' || match?.every(({ clients }) => clients !== undefined) ? match : undefined,
  // A closed route stands for a document that may have demanded anything.
  ({ isBroken }) => isBroken || undefined,
]

/** The demands of each route, in the order of the list above; '' = none. */
const known = new WeakMap<Route, readonly string[]>()

/** Returns the demands of a route. They are equal texts where two routes demand the same. */
export function demandsOf(route: Route): readonly string[] {
  let demands = known.get(route)
  if (!demands) {
    demands = DEMANDS.map(read => JSON.stringify(read(route)) ?? '')
    known.set(route, demands)
  }
  return demands
}

/**
 * Returns whether `other` demands something that `route` does not demand in the same way.
 *
 * @param isHandshake whether the request opens a WebSocket, for which `cors` is a demand also without `strict`
 */
export function demandsMore(other: Route, route: Route, isHandshake = false): boolean {
  if (other === route) return false
  if (isHandshake && opensToFewer(other, route)) return true
  const demands = demandsOf(route)
  return demandsOf(other).some((demand, i) => demand !== '' && demand !== demands[i])
}

/** Returns the rules that are enforced, wherever they are written, of a policy whose rules add up. */
function enforcedRules(levels: unknown): unknown {
  if (!Array.isArray(levels)) return levels
  const enforced = levels.flatMap(({ rule }) => rule).filter(rule => rule.enforce !== false)
  return enforced.length === 0 ? undefined : enforced
}

function enforced(rule: unknown): unknown {
  return (rule as { enforce?: boolean } | undefined)?.enforce === false ? undefined : rule
}

/** Returns the origins whose pages alone may send requests: a page of another one chooses how it spells a path. */
function originsOf(rule: unknown): unknown {
  const { origins, strict } = (rule ?? {}) as { origins?: unknown; strict?: boolean }
  return strict === true ? origins : undefined
}

/** Returns whether a route takes handshakes of WebSockets from listed origins alone, and another one from others as well. */
function opensToFewer({ policies }: Route, other: Route): boolean {
  const { origins = ['*'] } = (policies?.cors ?? {}) as { origins?: readonly string[] }
  const { origins: others } = (other.policies?.cors ?? {}) as { origins?: readonly string[] }
  return !origins.includes('*') && JSON.stringify(origins) !== JSON.stringify(others)
}

/** Returns a fixed answer that keeps requests away, such as a 403. */
function refusingAnswer(rule: unknown): unknown {
  return ((rule as { status?: number } | undefined)?.status ?? 200) >= 400 ? rule : undefined
}
