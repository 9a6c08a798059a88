/** One item that a registry no longer has. */
export interface Removal<T> {
  /** The group of the item. Removals are counted within each group and over all groups. */
  readonly group: string
  readonly item: T
}

export interface GuardOptions {
  /** For this long after a reconnect, removals are counted together. */
  readonly windowMs: number
  /** Removals this close together are one burst. The removals of a burst are doubted together. */
  readonly burstMs: number
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number
}

/** The size of a group when it first lost an item in this window, and what it has lost since. */
interface Losses<T> {
  readonly before: number
  readonly removals: { readonly removal: Removal<T>; readonly at: number }[]
}

/**
 * Distinguishes deliberate deletes from a registry that has lost its data. A store that comes back from an
 * outage may have let every lease expire, or may have been wiped. The nodes that it no longer has may then be
 * alive.
 *
 * Removals are doubted when there are two or more and they leave less than half of a group, or of all groups
 * together. The removals of a full listing are always counted. Single events are counted for a time after a
 * reconnect. All other removals are believed, so that one explicit delete takes effect at once.
 */
export class MassDeleteGuard<T> {
  readonly #options: GuardOptions
  #windowEndsAt = Number.NEGATIVE_INFINITY
  readonly #losses = new Map<string, Losses<T>>()

  constructor(options: GuardOptions) {
    this.#options = options
  }

  /** Opens the window, or prolongs it: the store was unreachable and has answered again. */
  reconnected(): void {
    const now = this.#options.now()
    // A connection that comes and goes must not hide what was lost in between.
    if (now >= this.#windowEndsAt) this.#losses.clear()
    this.#windowEndsAt = now + this.#options.windowMs
  }

  /**
   * Decides which removals to doubt.
   *
   * @param removals the removals of one event
   * @param sizeOf the size of a group before these removals; `undefined` asks for all groups together
   * @param whole whether the event is a full listing
   * @returns the removals to doubt, including earlier ones of the same burst, which the caller must restore
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
    // The empty name stands for all groups together. No group has that name.
    for (const [group, lost] of [...byGroup, ['', removals] as const]) {
      const size = sizeOf(group === '' ? undefined : group)
      const losses = this.#losses.get(group) ?? { before: size, removals: [] }
      for (const removal of lost) losses.removals.push({ removal, at: now })
      if (inWindow) this.#losses.set(group, losses)
      if (losses.removals.length < 2 || size - lost.length >= losses.before / 2) continue
      for (const { removal, at } of losses.removals) {
        if (now - at <= this.#options.burstMs) doubted.add(removal)
      }
    }
    return [...doubted]
  }
}
