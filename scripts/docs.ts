/**
 * Writes the documentation of options, variables and fields from the tables that the program itself uses: the marked
 * parts of docs/configuration.md, and docs/schema/. Run with `npm run docs`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedFiles } from './docs-files.ts'

const root = dirname(import.meta.dirname)
for (const [file, content] of generatedFiles(path => readFileSync(join(root, path), 'utf8'))) {
  const path = join(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  console.log(file)
}
