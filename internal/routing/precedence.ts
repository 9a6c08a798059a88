import { demandsMore } from './demands.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './route-table.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** Returns whether a route takes every request that another one could take, so that the other is never used. */
export function hides(other: Route, route: Route): boolean {
  if (other.id === route.id || placeOf(other) !== placeOf(route) || other.match !== undefined) return false
  const takesAll =
    other.methods === undefined || route.methods?.every(method => other.methods!.includes(method))
  if (!takesAll) return false
  if (other.priority !== route.priority) return other.priority > route.priority
  // Conditions go before ids.
  return route.match === undefined && other.id < route.id
}

/**
 * Returns path and hosts of a route, without the names of parameters, which make no difference. Only routes for which it is the
 * same can hide each other.
 */
export function placeOf({ path, hosts }: Route): string {
  return `${path.replace(/:[^/]+/g, ':')} ${hosts ? [...hosts].sort().join() : ''}`
}

/**
 * Returns a route that requests for another one would get without it, and that demands more of clients; undefined when there
 * is none.
 *
 * @param table without the route itself
 */
export function stricterWithout(route: Route, table: RouteTable): Route | undefined {
  const path = route.path.replace(/:[^/]+/g, 'x').replace(/\*$/, 'x')
  for (const host of route.hosts ?? [undefined]) {
    for (const method of route.methods ?? METHODS) {
      const others = table.possible(method, host?.replace(/^\*/, 'x'), path)
      const stricter = others.find(other => demandsMore(other, route))
      if (stricter) return stricter
    }
  }
  return undefined
}
