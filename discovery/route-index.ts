import { isDeepStrictEqual } from 'node:util'
import type { Route } from '../internal/routing/route.ts'
import type { KeyState } from './key-state.ts'
import { compareKeys } from './service-of.ts'

/** Collects the routes and the blocked services from the keys that hold route documents. */
export class RouteIndex {
  #routes: readonly Route[] = []
  #blocked: ReadonlySet<string> = new Set()

  /** Ordered by id. */
  get routes(): readonly Route[] {
    return this.#routes
  }

  /** Services that a rejected document names and that have no valid route. */
  get blocked(): ReadonlySet<string> {
    return this.#blocked
  }

  /** Collects both again. Returns whether either has changed. */
  gather(states: readonly KeyState[]): boolean {
    const routes = states.flatMap(state => state.route ?? []).sort((a, b) => compareKeys(a.id, b.id))
    const routed = new Set(routes.map(route => route.service))
    const named = states.flatMap(state => state.names ?? []).filter(service => !routed.has(service))
    const blocked = new Set(named.sort(compareKeys))
    if (isDeepStrictEqual(routes, this.#routes) && isDeepStrictEqual(blocked, this.#blocked)) return false
    this.#routes = routes
    this.#blocked = blocked
    return true
  }
}
