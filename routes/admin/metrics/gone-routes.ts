import { NO_ROUTE, OTHER } from './request-labels.ts'

/** How long the series of a route stay after the route is gone. The last counts are scraped by then, and rates are 0. */
const KEPT_MS = 600_000

/** Knows which routes have been gone for so long that their series are dropped. */
export class GoneRoutes {
  readonly #now: () => number
  /** When each route that has series was first missed. */
  readonly #since = new Map<string, number>()

  /** @param now returns milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Looks which routes are missing. Yields after each route, as a place to pause.
   *
   * @param counted the ids of the routes that have series
   * @param routes those that there are
   */
  *look(counted: Iterable<string>, routes: readonly { readonly id: string }[]): Generator<void> {
    const missing = new Set(counted)
    missing.delete(NO_ROUTE)
    missing.delete(OTHER)
    for (const { id } of routes) {
      missing.delete(id)
      yield
    }
    for (const id of this.#since.keys()) if (!missing.has(id)) this.#since.delete(id)
    for (const id of missing) if (!this.#since.has(id)) this.#since.set(id, this.#now())
  }

  /** Whether a route has been missing for ten minutes. */
  has(id: string): boolean {
    const since = this.#since.get(id)
    return since !== undefined && this.#now() - since >= KEPT_MS
  }
}

/** Counts whose series belong to routes. */
export interface CountedByRoute {
  /** Yields the ids of the routes that have series, some more than once. */
  routes(): Iterable<string>
  /** Drops the series of the routes that are gone. */
  drop(gone: Pick<GoneRoutes, 'has'>): void
}
