/** One thing that a registry no longer names. */
export interface Removal<T> {
  /** What it belongs to; removals are weighed within a group, and over all groups. */
  readonly group: string
  readonly item: T
}

export interface GuardOptions {
  /** For how long after a reconnect removals are weighed together. */
  readonly windowMs: number
  /** Removals this close together are one burst; those of a burst are taken back together. */
  readonly burstMs: number
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number
}

/** What a group held when the window opened, and what it has lost since. */
interface Losses<T> {
  readonly before: number
  readonly removals: { readonly removal: Removal<T>; readonly at: number }[]
}

/**
 * Tells a registry's loss from its word. A store that comes back from an outage may have let every lease run
 * out, or may have been wiped: what it no longer names is then not gone, it is unknown.
 *
 * Doubted are removals that leave less than half of a group, or of all groups together, and that are more
 * than one. In a whole listing they are weighed at once; single events are, for a time after a reconnect. Any
 * other removal is believed, so that one explicit delete takes effect at once.
 */
export class MassDeleteGuard<T> {
  readonly #options: GuardOptions
  #windowEndsAt = Number.NEGATIVE_INFINITY
  readonly #losses = new Map<string, Losses<T>>()

  constructor(options: GuardOptions) {
    this.#options = options
  }

  /** The store was away and is heard again. */
  reconnected(): void {
    this.#windowEndsAt = this.#options.now() + this.#options.windowMs
    this.#losses.clear()
  }

  /**
   * @param removals what one event would take away
   * @param sizeOf how much a group holds now, before that; `undefined` asks for all groups together
   * @param whole whether the event lists everything there is
   * @returns those to doubt; among them may be earlier ones of the same burst, which are to be taken back
   */
  doubt(
    removals: readonly Removal<T>[],
    sizeOf: (group: string | undefined) => number,
    whole: boolean,
  ): readonly Removal<T>[] {
    if (removals.length === 0) return []
    const now = this.#options.now()
    const inWindow = now < this.#windowEndsAt
    if (!inWindow) this.#losses.clear()
    if (!inWindow && !whole) return []

    const doubted = new Set<Removal<T>>()
    const byGroup = Map.groupBy(removals, removal => removal.group)
    // The empty name stands for all groups: no group has it.
    for (const [group, lost] of [...byGroup, ['', removals] as const]) {
      const size = sizeOf(group === '' ? undefined : group)
      const losses = this.#losses.get(group) ?? { before: size, removals: [] }
      losses.removals.push(...lost.map(removal => ({ removal, at: now })))
      if (inWindow) this.#losses.set(group, losses)
      if (losses.removals.length < 2 || size - lost.length >= losses.before / 2) continue
      for (const { removal, at } of losses.removals) {
        if (now - at <= this.#options.burstMs) doubted.add(removal)
      }
    }
    return [...doubted]
  }
}
