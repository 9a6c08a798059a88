/** How long a request stays expected when its connection has ended: longer than the gateway works on any. */
const RETIRED_MS = 10_000

/** What a node may see, each request as often as it was sent and no more. */
export class ExpectedRequests {
  /** How often each may still come, and on how many connections it was sent that are not forgotten. */
  readonly #known = new Map<string, { left: number; connections: number }>()
  /** In the order of their time. */
  #retired: { readonly at: number; readonly keys: readonly string[] }[] = []

  /** These are about to be sent. */
  add(keys: readonly string[]): void {
    for (const key of keys) {
      const known = this.#known.get(key)
      if (known) {
        known.left++
        known.connections++
      } else this.#known.set(key, { left: 1, connections: 1 })
    }
  }

  /** The connection of these has ended. What was under way may yet reach the node, and what was seen come again. */
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
   * The node sees this one.
   *
   * @returns what is wrong with that
   */
  see(key: string): string | undefined {
    const known = this.#known.get(key)
    if (!known) return 'the node sees what nobody has sent'
    if (known.left === 0) return 'the node sees twice what was sent once'
    known.left--
    return undefined
  }
}

/** Forgotten at once, so that forgetting costs little for each. */
const MANY = 1_000
