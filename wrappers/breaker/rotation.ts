/** Counts of the last while, in buckets of which the oldest goes with each turn. */
export interface Rotating {
  rotate(): void
}

/** One timer per interval for all breakers, rather than one for each of them. */
class Rotation {
  readonly #groups = new Map<number, { timer: NodeJS.Timeout; windows: Set<Rotating> }>()

  add(window: Rotating, intervalMs: number): void {
    let group = this.#groups.get(intervalMs)
    if (!group) {
      const windows = new Set<Rotating>()
      const timer = setInterval(() => {
        for (const each of windows) each.rotate()
      }, intervalMs).unref()
      group = { timer, windows }
      this.#groups.set(intervalMs, group)
    }
    group.windows.add(window)
  }

  delete(window: Rotating): void {
    for (const [intervalMs, { timer, windows }] of this.#groups) {
      if (!windows.delete(window) || windows.size > 0) continue
      clearInterval(timer)
      this.#groups.delete(intervalMs)
    }
  }
}

export const rotation = new Rotation()
