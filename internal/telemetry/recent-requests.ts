import { Ring } from './ring.ts'

const ALL = 1_024
const PROBLEMS = 512

/** The last requests: 1,024 of all, and 512 of those that went wrong, which busy times would push out too soon. */
export class RecentRequests<Entry extends { readonly requestId: string }> {
  readonly #all = new Ring<Entry>(ALL)
  readonly #problems = new Ring<Entry>(PROBLEMS)

  add(entry: Entry, isProblem: boolean): void {
    this.#all.push(entry)
    if (isProblem) this.#problems.push(entry)
  }

  /** Yields requests, those that ended last first. */
  newestFirst(problemsOnly: boolean): Generator<Entry> {
    return (problemsOnly ? this.#problems : this.#all).newestFirst()
  }

  /** Returns the latest request with this id; undefined when none is remembered. */
  find(requestId: string): Entry | undefined {
    for (const problemsOnly of [false, true]) {
      for (const entry of this.newestFirst(problemsOnly)) if (entry.requestId === requestId) return entry
    }
    return undefined
  }
}
