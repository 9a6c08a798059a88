import type { MatchedRequest } from '../conditions.ts'
import { stripPrefix } from '../http/target.ts'
import { demandsMore } from './demands.ts'
import { foldCase, foldText, hasText, lenientReadings } from './lenient-readings.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './route-table.ts'

/** A request as far as routes are chosen by it. */
export interface RoutedRequest {
  readonly method: string
  readonly host: string | undefined
  /** The canonical path. */
  readonly path: string
  /** The path with its repeated slashes; undefined when it has none. */
  readonly unmergedPath: string | undefined
  /** What conditions are asked of; undefined when the table has none. */
  readonly facts: MatchedRequest | undefined
  /** Whether it opens a WebSocket. */
  readonly isHandshake: boolean
}

/**
 * Returns whether a node could read the path of a request as one of another route, which demands something of clients that
 * `route` does not. The node would then serve what the other route guards. Where routes demand the same, and where the
 * other one demands nothing, it does not matter how a node reads a path.
 *
 * Whether conditions hold says nothing here, since nobody asks for them at the place that a node finds. So every document
 * counts that some request for that place could have, except those that this request could have had: of these, `route` was
 * found as it should be.
 *
 * @param route what the table returns for the request
 */
export function isAmbiguousPath(table: RouteTable, route: Route, request: RoutedRequest): boolean {
  const { method, host, path, unmergedPath, facts, isHandshake } = request
  if (!table.demandsDiffer && !(isHandshake && table.documents.some(hasCors))) return false
  // The node sees the path without the prefix, so no liberty that it takes leads out of the prefix.
  const readings = lenientReadings(stripPrefix(path, route.stripPrefix))
  if (readings === undefined) return true
  const judged = facts === undefined || hasQuery(readings.paths) ? [] : table.possible(method, host, path)
  /** Those that count for no reading. Thousands of documents may have one path, and most readings lead to the same ones. */
  const harmless = new Set(judged)
  const isGuarded = (other: Route) => {
    if (harmless.has(other)) return false
    if (demandsMore(other, route, isHandshake)) return true
    harmless.add(other)
    return false
  }
  const areGuarded = (others: readonly Route[]) => others.some(isGuarded)
  const leadsElsewhere = (reading: string) =>
    areGuarded(table.possible(method, host, reading)) ||
    areGuarded(table.possible(method, host, reading, foldCase)) ||
    (hasText(reading) && areGuarded(table.possible(method, host, reading, foldText)))
  if (unmergedPath !== undefined && route.mergeSlashes === false && leadsElsewhere(unmergedPath)) return true
  for (const reading of readings.paths) {
    if (leadsElsewhere(route.stripPrefix + reading)) return true
  }
  for (const reading of readings.resolved) {
    const whole = route.stripPrefix + reading
    // Dot segments may also lead to what no route opens.
    if (table.match(method, host, whole, facts) === undefined || leadsElsewhere(whole)) return true
  }
  return false
}

function hasCors({ policies }: Route): boolean {
  return policies?.cors !== undefined
}

/** Whether a node may find a query in the path, so that conditions for the query were not asked for it. */
function hasQuery(paths: Iterable<string>): boolean {
  return [...paths].some(path => /%3f/i.test(path))
}
