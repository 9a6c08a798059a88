import { NameFilter } from '../../discovery/name-filter.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import type { SentMemory } from './messages.ts'

/** Twice as many as a worker remembers by name without a document. */
const MAX_DOCUMENTED = 20_000
/** Of how many stores the reports about a source are kept: during a reload, workers may follow two. */
const MAX_STORES = 4

/**
 * What workers remember of the registry, for those that come after them. All workers follow the same registry, so the latest
 * report of a source counts. A service that had a route document in one report keeps it: a worker may not know of it yet.
 * A store that has begun anew is another one, so what its workers have forgotten is not handed on.
 */
export class SharedMemory {
  /** By source, then by store, the latest last. */
  readonly #bySource = new Map<string, Map<string, SentMemory>>()

  /** Takes the report of a worker, which replaces earlier ones about the same source of the same store. */
  put(remembered: SentMemory): void {
    const { source, store } = remembered
    const byStore = getOrMake(this.#bySource, source, () => new Map<string, SentMemory>())
    const known = byStore.get(store)
    const documented = [...new Set([...(known?.documented ?? []), ...remembered.documented])]
    const excess = documented.splice(0, Math.max(0, documented.length - MAX_DOCUMENTED))
    const unlisted = merged([known?.unlisted, remembered.unlisted], excess)
    byStore.delete(store)
    byStore.set(store, { ...remembered, documented, unlisted })
    if (byStore.size > MAX_STORES) byStore.delete(byStore.keys().next().value!)
  }

  /** Returns what to hand to a new worker, which ignores sources that its configuration does not have, and other stores. */
  all(): readonly SentMemory[] {
    return [...this.#bySource.values()].flatMap(byStore => [...byStore.values()])
  }
}

/** Puts filters of names and further names into one filter; undefined when there is none of either. */
function merged(texts: readonly (string | undefined)[], names: readonly string[]): string | undefined {
  const present = texts.filter(text => text !== undefined)
  if (present.length === 0 && names.length === 0) return undefined
  const filter = new NameFilter(present)
  for (const name of names) filter.add(name)
  return filter.text
}
