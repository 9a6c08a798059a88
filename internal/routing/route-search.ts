import type { ConstraintStrategy, Handler, HTTPVersion } from 'find-my-way'
import type { MatchedRequest, MatchSpecificity, MatchTest } from '../conditions.ts'
import type { Route } from './route.ts'

/** What an entry asks of requests beside method, host and path. */
export interface EntryConditions extends MatchSpecificity {
  /** Undefined = nothing. */
  readonly holds: MatchTest | undefined
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

/**
 * Lets find-my-way ask a {@link Search} about a pattern whose documents have conditions. Without an answer, find-my-way goes
 * on to the next pattern, as it does after any constraint that is not met.
 */
export const CONDITIONS: ConstraintStrategy<HTTPVersion.V1> = {
  name: 'conditions',
  // A handler of a pattern has its own storage, since it is the only one there.
  storage() {
    let entries: readonly PathEntry[] = []
    let handlers: Handler<HTTPVersion.V1> | null = null
    return {
      get: (asked: unknown) => {
        if (!(asked instanceof Search)) return null
        asked.end = asked.judge(entries)
        return asked.end === undefined ? null : handlers
      },
      set: (constraint: unknown, value) => {
        entries = constraint as readonly PathEntry[]
        handlers = value
      },
    }
  },
  deriveConstraint: () => '',
}

/** Finds the first entry whose conditions hold for a request. */
export class FirstMatch extends Search {
  readonly #request: MatchedRequest
  /** Documents that fit but for their conditions. */
  readonly unmet = new Set<Route>()

  constructor(request: MatchedRequest) {
    super()
    this.#request = request
  }

  judge(entries: readonly PathEntry[]): PathEntry | undefined {
    for (const entry of entries) {
      if (entry.holds === undefined || entry.holds(this.#request)) return entry
    }
    for (const { route } of entries) this.unmet.add(route)
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
