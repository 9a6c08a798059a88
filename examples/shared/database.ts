import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

const SQLITE_BUSY = 5
const LOCK_TIMEOUT_MS = 5_000

/**
 * An open SQLite database that has `schema`. Several processes of one machine may open the same file, also
 * at the same instant. Whoever opened it closes it.
 *
 * @param path a file, made when it does not exist, or `:memory:`
 * @param schema statements that may run again and again (`CREATE TABLE IF NOT EXISTS ...`)
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
      // Readers and the one writer do not block each other, and a commit need not wait for the disk:
      // a power cut may cost the last writes but never the file. https://sqlite.org/wal.html
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
      database.exec(schema)
      return
    } catch (error) {
      // Two processes that switch a new file to WAL at once: SQLite refuses one of them at once, without
      // the lock timeout that every other statement waits for.
      if (!isBusy(error) || performance.now() > deadline) throw error
      await delay(10 + Math.random() * 40)
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
