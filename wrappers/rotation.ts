import type { EventEmitter } from 'node:events'

/** One timer per window length for all breakers, where opossum would start one each. */
class Rotation {
  readonly #groups = new Map<number, { timer: NodeJS.Timeout; windows: Set<EventEmitter> }>()

  add(window: EventEmitter, intervalMs: number): void {
    let group = this.#groups.get(intervalMs)
    if (!group) {
      const windows = new Set<EventEmitter>()
      const timer = setInterval(() => {
        for (const each of windows) each.emit('rotate')
      }, intervalMs).unref()
      group = { timer, windows }
      this.#groups.set(intervalMs, group)
    }
    group.windows.add(window)
  }

  delete(window: EventEmitter): void {
    for (const [intervalMs, { timer, windows }] of this.#groups) {
      if (!windows.delete(window) || windows.size > 0) continue
      clearInterval(timer)
      this.#groups.delete(intervalMs)
    }
  }
}

export const rotation = new Rotation()
