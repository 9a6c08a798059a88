import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'

/**
 * Calls `onChange` when something changes in a folder, which may appear, disappear and be replaced. It never
 * fails, and it may miss changes: network file systems report none, so the caller must also poll. Call
 * `close()` when done.
 */
export class FolderWatch {
  readonly #folder: string
  readonly #onChange: () => void
  #watcher: FSWatcher | undefined
  /** Device and inode of the folder being watched. */
  #watched: string | undefined

  constructor(folder: string, onChange: () => void) {
    this.#folder = folder
    this.#onChange = onChange
  }

  /** Starts watching the folder, or watches the new one if it was replaced. */
  async check(): Promise<void> {
    const present = await stat(this.#folder).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => undefined,
    )
    if (this.#watcher && present === this.#watched) return
    this.close()
    if (present === undefined) return
    try {
      const watcher = watch(this.#folder, { persistent: false }, this.#onChange)
      watcher.on('error', () => watcher.close())
      watcher.on('close', () => {
        if (this.#watcher === watcher) this.#watcher = undefined
      })
      this.#watcher = watcher
      this.#watched = present
    } catch {
      // The folder has gone meanwhile, or the system has no watches left. The next check tries again.
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}
