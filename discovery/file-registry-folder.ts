import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'

/**
 * Tells that something changed in a folder, which may come, go and be replaced. It never fails and promises
 * nothing: network file systems stay silent, so whoever uses it also looks from time to time. Whoever made it
 * calls `close()`.
 */
export class FolderWatch {
  readonly #folder: string
  readonly #onChange: () => void
  #watcher: FSWatcher | undefined
  /** Device and inode of the folder that is watched. */
  #watched: string | undefined

  constructor(folder: string, onChange: () => void) {
    this.#folder = folder
    this.#onChange = onChange
  }

  /** Sees to it that the folder of this name, as it is now, is the one watched. */
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
      // Gone meanwhile, or the system watches as much as it will: the next check tries again.
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}
