import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []

/**
 * Makes a folder for temporary files, `waygate-NAME-` and six characters. Who makes it removes it when it is done with it. It is
 * removed again when this process ends, since a program that was killed, or a gateway that stops after its folder was removed,
 * may write its last file anew.
 */
export function makeOwnFolder(name: string): string {
  if (folders.length === 0) process.once('exit', removeAll)
  const folder = mkdtempSync(join(tmpdir(), `waygate-${name}-`))
  folders.push(folder)
  return folder
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
