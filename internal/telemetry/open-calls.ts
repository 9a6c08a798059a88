/** Of more open calls than this, those that have lasted longest are listed. */
export const MAX_LISTED_CALLS = 1_000

/** What can be in a list of open calls: its fields link it with the calls that arrived before and after it. */
export interface Linked<Call> {
  olderOpen: Call | undefined
  newerOpen: Call | undefined
}

/** The calls that have not ended, in the order of their arrival. A call is in at most one such list. */
export class OpenCalls<Call extends Linked<Call>> {
  #oldest: Call | undefined = undefined
  #newest: Call | undefined = undefined

  add(call: Call): void {
    const newest = this.#newest
    if (newest === undefined) this.#oldest = call
    else {
      newest.newerOpen = call
      call.olderOpen = newest
    }
    this.#newest = call
  }

  /** @param call one that was added */
  remove(call: Call): void {
    const { olderOpen, newerOpen } = call
    if (olderOpen === undefined) this.#oldest = newerOpen
    else olderOpen.newerOpen = newerOpen
    if (newerOpen === undefined) this.#newest = olderOpen
    else newerOpen.olderOpen = olderOpen
    call.olderOpen = undefined
    call.newerOpen = undefined
  }

  /** Yields the calls, those that have lasted longest first. */
  *longestFirst(): Generator<Call> {
    for (let call = this.#oldest; call !== undefined; call = call.newerOpen) yield call
  }
}
