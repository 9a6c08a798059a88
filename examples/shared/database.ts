import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

const SQLITE_BUSY = 5
const LOCK_TIMEOUT_MS = 5_000

/**
 * Opens a SQLite database and applies `schema` to it. Several processes on one machine may open the same
 * file, even at the same time. The caller closes it.
 *
 * @param path a file, which is created if it does not exist, or `:memory:`
 * @param schema statements that can be run repeatedly (`CREATE TABLE IF NOT EXISTS ...`)
 */
export async function openDatabase(path: string, schema: string): Promise<DatabaseSync> {
  const database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS })
  try {
    await setUp(database, schema)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

async function setUp(database: DatabaseSync, schema: string): Promise<void> {
  const deadline = performance.now() + LOCK_TIMEOUT_MS
  for (;;) {
    try {
      // Readers and the one writer do not block each other, and a commit does not wait for the disk. A power
      // cut can lose the last writes, but never damages the file. https://sqlite.org/wal.html
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
      database.exec(schema)
      return
    } catch (error) {
      // When two processes switch a new file to WAL at the same time, SQLite refuses one of them immediately,
      // without the lock timeout of all other statements.
      if (!isBusy(error) || performance.now() > deadline) throw error
      await delay(10 + Math.random() * 40)
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
