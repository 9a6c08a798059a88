import { hash } from 'node:crypto'
import type { ChangeEntry } from '../../routes/admin/api-types.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Of how many changed keys is known who has told of them: a whole table may change at once. */
const KEPT = 20_000
/** Workers see the same change within a moment. */
const SAME_WITHIN_MS = 10_000

interface Seen {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Those that have told of it. */
  readonly workers: Set<WorkerProcess>
}

/** Tells changes that nobody has told yet from those that another worker has told. */
export class SeenChanges {
  /** By the text that two tellings of one change share. */
  readonly #seen = new Map<string, readonly Seen[]>()

  isNew(change: ChangeEntry, worker: WorkerProcess): boolean {
    const text = sharedText(change)
    const recent = (this.#seen.get(text) ?? []).filter(({ at }) => Math.abs(at - change.at) < SAME_WITHIN_MS)
    // A worker tells of a change once, so it has a part in none that it told before.
    const known = recent.find(({ workers }) => !workers.has(worker))
    if (known) {
      known.workers.add(worker)
      return false
    }
    this.#seen.delete(text)
    this.#seen.set(text, [...recent, { at: change.at, workers: new Set([worker]) }])
    if (this.#seen.size > KEPT) this.#seen.delete(this.#seen.keys().next().value!)
    return true
  }
}

/** Revisions of a file differ between workers, since each counts on its own. Values may be long. */
function sharedText({ key, source, before, after }: ChangeEntry): string {
  return hash('sha256', JSON.stringify([key, source, before, after]), 'base64')
}
