import { isDeepStrictEqual } from 'node:util'
import type { Route } from '../internal/routing/route.ts'
import type { KeyState } from './key-state.ts'
import { compareKeys } from './service-of.ts'

/** The routes, and the services without one, put together from the keys that hold route documents. */
export class RouteIndex {
  #routes: readonly Route[] = []
  #blocked: ReadonlySet<string> = new Set()

  /** Ordered by id. */
  get routes(): readonly Route[] {
    return this.#routes
  }

  /** Services that a refused document names and that have no good route. */
  get blocked(): ReadonlySet<string> {
    return this.#blocked
  }

  /** Puts both together anew; whether either is other than before. */
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
