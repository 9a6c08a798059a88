import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file and its folders so that a reader finds either the old or the new content: to a temporary file, which then
 * takes the place of the old one. Other users of the machine cannot read it, because it may contain secrets.
 *
 * @throws Error of the file system; no temporary file is left then
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  // Several processes may write the same file at once.
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    // With `recursive`, a read-only file system is reported as a folder that does not exist.
    await mkdir(dirname(path), { recursive: true }).catch(() => mkdir(dirname(path)))
    await writeFile(temporary, content, { mode: 0o600, flush: true })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}
