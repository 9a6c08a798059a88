import type { ChangeEntry } from '../../routes/admin/api-types.ts'
import type { WorkerProcess } from './worker-process.ts'

const KEPT = 500
/** Workers see the same change within a moment. */
const SAME_WITHIN_MS = 10_000

/** Tells changes that nobody has told yet from those that another worker has told. */
export class SeenChanges {
  readonly #seen: { readonly change: ChangeEntry; readonly workers: Set<WorkerProcess> }[] = []

  isNew(change: ChangeEntry, worker: WorkerProcess): boolean {
    // A worker tells of a change once, so it has a part in none that it told before.
    const known = this.#seen.find(each => !each.workers.has(worker) && isSame(each.change, change))
    if (known) {
      known.workers.add(worker)
      return false
    }
    this.#seen.push({ change, workers: new Set([worker]) })
    if (this.#seen.length > KEPT) this.#seen.shift()
    return true
  }
}

/** Revisions of a file differ between workers, since each counts on its own. */
function isSame(a: ChangeEntry, b: ChangeEntry): boolean {
  return (
    a.key === b.key &&
    a.source === b.source &&
    a.before === b.before &&
    a.after === b.after &&
    Math.abs(a.at - b.at) < SAME_WITHIN_MS
  )
}
