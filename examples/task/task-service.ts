import { randomUUID } from 'node:crypto'
import { Problem } from '../shared/problem.ts'
import type { Task, TaskRepository } from './task-repository.ts'

export interface NewTask {
  readonly title: string
  readonly done?: boolean
}

export type TaskChanges = Partial<NewTask>

/**
 * The tasks of each user. Tasks of others are answered with 404, because 403 would reveal that they exist.
 */
export class TaskService {
  readonly #tasks: TaskRepository

  constructor(tasks: TaskRepository) {
    this.#tasks = tasks
  }

  create(owner: string, { title, done = false }: NewTask): Task {
    const task = { id: randomUUID(), owner, title, done, createdAt: new Date().toISOString() }
    this.#tasks.insert(task)
    return task
  }

  list(owner: string): Task[] {
    return this.#tasks.list(owner)
  }

  /** @throws Problem 404 */
  get(owner: string, id: string): Task {
    return this.#tasks.find(owner, id) ?? notFound(id)
  }

  /** @throws Problem 404 */
  change(owner: string, id: string, changes: TaskChanges): Task {
    return this.#tasks.update(owner, id, changes) ?? notFound(id)
  }

  /** @throws Problem 404 */
  remove(owner: string, id: string): void {
    if (!this.#tasks.delete(owner, id)) notFound(id)
  }
}

function notFound(id: string): never {
  throw new Problem(404, `there is no task ${id}`)
}
