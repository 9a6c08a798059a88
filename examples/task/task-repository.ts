import type { DatabaseSync, StatementSync } from 'node:sqlite'

export interface Task {
  readonly id: string
  /** The id of the user who owns the task. */
  readonly owner: string
  readonly title: string
  readonly done: boolean
  /** RFC 3339, UTC. */
  readonly createdAt: string
}

export const TASK_SCHEMA = `
  CREATE TABLE IF NOT EXISTS tasks (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    title      TEXT NOT NULL,
    done       INTEGER NOT NULL CHECK (done IN (0, 1)),
    created_at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS tasks_by_owner ON tasks (owner, created_at)`

const COLUMNS = 'id, owner, title, done, created_at AS createdAt'

type Row = Omit<Task, 'done'> & { readonly done: number }

/**
 * The tasks in a database with {@link TASK_SCHEMA}. Each query contains the owner, so that it cannot return
 * somebody else's task.
 */
export class TaskRepository {
  readonly #insert: StatementSync
  readonly #list: StatementSync
  readonly #find: StatementSync
  readonly #update: StatementSync
  readonly #delete: StatementSync

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      'INSERT INTO tasks (id, owner, title, done, created_at) VALUES (?, ?, ?, ?, ?)',
    )
    this.#list = database.prepare(`SELECT ${COLUMNS} FROM tasks WHERE owner = ? ORDER BY created_at, rowid`)
    this.#find = database.prepare(`SELECT ${COLUMNS} FROM tasks WHERE owner = ? AND id = ?`)
    // One statement, so that two simultaneous changes of different fields are both kept.
    this.#update = database.prepare(
      `UPDATE tasks SET title = coalesce(?, title), done = coalesce(?, done)
       WHERE owner = ? AND id = ? RETURNING ${COLUMNS}`,
    )
    this.#delete = database.prepare('DELETE FROM tasks WHERE owner = ? AND id = ?')
  }

  insert({ id, owner, title, done, createdAt }: Task): void {
    this.#insert.run(id, owner, title, Number(done), createdAt)
  }

  /** Returns the tasks of an owner, oldest first. */
  list(owner: string): Task[] {
    return (this.#list.all(owner) as unknown as Row[]).map(toTask)
  }

  find(owner: string, id: string): Task | undefined {
    const row = this.#find.get(owner, id) as Row | undefined
    return row && toTask(row)
  }

  /** Changes a task and returns its new state; undefined when the owner has no task with this id. */
  update(owner: string, id: string, changes: Partial<Pick<Task, 'title' | 'done'>>): Task | undefined {
    const done = changes.done === undefined ? null : Number(changes.done)
    const row = this.#update.get(changes.title ?? null, done, owner, id) as Row | undefined
    return row && toTask(row)
  }

  /** Deletes a task. Returns false when the owner has no task with this id. */
  delete(owner: string, id: string): boolean {
    return this.#delete.run(owner, id).changes === 1
  }
}

function toTask(row: Row): Task {
  return { ...row, done: row.done === 1 }
}
