import { DatabaseSync } from 'node:sqlite'
import { DataFolderError } from './errors.ts'

/** The lock belongs to somebody else. */
const SQLITE_BUSY = 5

/**
 * Locks a file until `close()` is called or the process ends, however it ends. The lock is SQLite's on an empty database, because
 * Node.js itself cannot lock files; a file with a process id would outlive a killed process, and mean another one in a container.
 *
 * @throws Error when another process has locked it
 */
export function lockFile(path: string): { close(): void } {
  const database = new DatabaseSync(path)
  try {
    // Nothing is ever written, so it needs no file of its own for what was there before.
    database.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY)
      throw new DataFolderError(`${path} cannot be locked: ${(cause as Error).message}`, { cause })
    throw new DataFolderError(
      `${path} is locked: another process uses this folder: stop it, use its etcd with --etcd, or choose another folder with --embedded-etcd-data`,
      { cause },
    )
  }
  return database
}
