import type { MatchedRequest, MatchSpecificity, MatchTest } from '../conditions.ts'
import type { Route } from './route.ts'

/** What an entry asks of requests beside method, host and path. */
export interface EntryConditions extends MatchSpecificity {
  /** Undefined = nothing. */
  readonly holds: MatchTest | undefined
  /** Whether it asks for more than the query. */
  readonly asksForClient: boolean
}

/** A document behind a path pattern. One whose `match` is a list has an entry for each member. */
export interface PathEntry extends EntryConditions {
  readonly route: Route
  /** Whether the pattern is the `/x` that a document `/x/*` also matches. */
  readonly implied: boolean
  /** Whether its path starts with a literal segment. */
  readonly startsLiterally: boolean
}

/**
 * A search among documents with conditions. The router asks it at every pattern that fits the path, the most specific
 * first, until it ends.
 */
export abstract class Search {
  /** The argument of the router's `find`. */
  readonly constraints = { conditions: this }
  /** The entry at which it ended; undefined while it goes on. */
  end: PathEntry | undefined = undefined
  /** Whether it ended because of `whenUnmatched: "refuse"`, so that there is no route. */
  isRefused = false

  /**
   * Judges the entries of a pattern, in their order. Only the last one may have no conditions.
   *
   * @returns the entry that ends the search; undefined when the search goes on
   */
  abstract judge(entries: readonly PathEntry[]): PathEntry | undefined
}

/** Finds the first entry whose conditions hold for a request. */
export class FirstMatch extends Search {
  readonly #request: MatchedRequest

  constructor(request: MatchedRequest) {
    super()
    this.#request = request
  }

  judge(entries: readonly PathEntry[]): PathEntry | undefined {
    for (const entry of entries) {
      if (entry.asksForClient) this.#request.isJudgedByClient = true
      if (entry.holds === undefined || entry.holds(this.#request)) return entry
    }
    const refusing = entries.find(refuses)
    this.isRefused = refusing !== undefined
    return refusing
  }
}

/** Finds every entry that some request with this method, host and path could have, whatever its other parts. */
export class AnyMatch extends Search {
  readonly entries: PathEntry[] = []

  judge(entries: readonly PathEntry[]): PathEntry | undefined {
    this.entries.push(...entries)
    return entries.find(entry => entry.holds === undefined || refuses(entry))
  }
}

function refuses({ route }: PathEntry): boolean {
  return route.whenUnmatched === 'refuse'
}
