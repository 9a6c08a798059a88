import type { Task } from '../../task/task-repository.ts'

export interface TaskEvent {
  readonly kind: 'PRESENT' | 'CREATED' | 'UPDATED' | 'DELETED'
  readonly task: Task
}

/** The clients that watch the tasks of one owner. */
export interface TaskWatcher {
  readonly owner: string
  onEvent(event: TaskEvent): void
  /** The service closes: nothing comes after this. */
  onClose(): void
}

/** Tells watchers what changes in this process. Changes of other nodes that share the database are not seen. */
export class TaskChannel {
  readonly #watchers = new Set<TaskWatcher>()
  #isClosed = false

  /** @returns a function that ends the watch */
  watch(watcher: TaskWatcher): () => void {
    if (this.#isClosed) watcher.onClose()
    else this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  publish(owner: string, event: TaskEvent): void {
    for (const watcher of this.#watchers) if (watcher.owner === owner) watcher.onEvent(event)
  }

  close(): void {
    this.#isClosed = true
    for (const watcher of this.#watchers) watcher.onClose()
    this.#watchers.clear()
  }
}
