import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { makeOwnFolder } from '../support/own-folder.ts'

/** A folder with these files, gone after the test. */
export function tempFolder(
  t: Pick<TestContext, 'after'>,
  files: Readonly<Record<string, string | Buffer>> = {},
): string {
  const folder = makeOwnFolder('config')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  return folder
}
