/** How long a request stays expected after its connection has ended: longer than the gateway works on any request. */
const RETIRED_MS = 10_000

/** The requests that a node may see, each as often as it was sent. */
export class ExpectedRequests {
  /** How often each request may still arrive, and how many remembered connections sent it. */
  readonly #known = new Map<string, { left: number; connections: number }>()
  /** Ordered by time. */
  #retired: { readonly at: number; readonly keys: readonly string[] }[] = []

  /** Expects requests that are about to be sent. */
  add(keys: readonly string[]): void {
    for (const key of keys) {
      const known = this.#known.get(key)
      if (known) {
        known.left++
        known.connections++
      } else this.#known.set(key, { left: 1, connections: 1 })
    }
  }

  /**
   * Notes that the connection of these requests has ended. Requests in flight may still arrive, so they expire later.
   */
  retire(keys: readonly string[]): void {
    const now = performance.now()
    this.#retired.push({ at: now, keys })
    const kept = this.#retired.findIndex(({ at }) => at > now - RETIRED_MS)
    if (kept < MANY) return
    for (const { keys } of this.#retired.slice(0, kept)) {
      for (const key of keys) if (--this.#known.get(key)!.connections === 0) this.#known.delete(key)
    }
    this.#retired = this.#retired.slice(kept)
  }

  /**
   * Notes a request that has arrived at the node.
   *
   * @returns what is wrong with it; undefined when it was expected
   */
  see(key: string): string | undefined {
    const known = this.#known.get(key)
    if (!known) return 'the node sees a request that nobody sent'
    if (known.left === 0) return 'the node sees a request twice that was sent once'
    known.left--
    return undefined
  }
}

/** Connections are forgotten in batches of at least this many, so that forgetting is cheap. */
const MANY = 1_000
