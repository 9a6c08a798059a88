import type { DatabaseSync, StatementSync } from 'node:sqlite'

export interface User {
  readonly id: string
  readonly name: string
  readonly passwordHash: string
}

export const USER_SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
  ) STRICT`

const COLUMNS = 'id, name, password_hash AS passwordHash'

/** The users in a database with {@link USER_SCHEMA}. Names are compared without regard to case. */
export class UserRepository {
  readonly #insert: StatementSync
  readonly #byId: StatementSync
  readonly #byName: StatementSync

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      'INSERT INTO users (id, name, password_hash) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
    )
    this.#byId = database.prepare(`SELECT ${COLUMNS} FROM users WHERE id = ?`)
    this.#byName = database.prepare(`SELECT ${COLUMNS} FROM users WHERE name = ?`)
  }

  /** Adds a user. Returns false when the name is taken. */
  insert(user: User): boolean {
    return this.#insert.run(user.id, user.name, user.passwordHash).changes === 1
  }

  byId(id: string): User | undefined {
    return this.#byId.get(id) as User | undefined
  }

  byName(name: string): User | undefined {
    return this.#byName.get(name) as User | undefined
  }
}
