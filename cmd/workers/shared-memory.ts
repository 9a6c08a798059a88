import type { SentMemory } from './messages.ts'

/** Twice as many as a worker remembers without a document. */
const MAX_DOCUMENTED = 20_000

/**
 * What workers remember of the registry, for those that come after them. All workers follow the same registry, so the latest
 * report of a source counts. A service that had a route document in one report keeps it: a worker may not know of it yet.
 */
export class SharedMemory {
  readonly #bySource = new Map<string, SentMemory>()

  /** Takes the report of a worker, which replaces earlier ones about the same source of the same store. */
  put(remembered: SentMemory): void {
    const { source, store } = remembered
    const key = JSON.stringify([source, store])
    const known = this.#bySource.get(key)?.documented ?? []
    const documented = [...new Set([...known, ...remembered.documented])].slice(-MAX_DOCUMENTED)
    this.#bySource.set(key, { ...remembered, documented })
  }

  /** Returns what to hand to a new worker, which ignores sources that its configuration does not have. */
  all(): readonly SentMemory[] {
    return [...this.#bySource.values()]
  }
}
