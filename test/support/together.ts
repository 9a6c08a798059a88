import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'node:test'

/**
 * Runs all test files of a folder of `test` in this process, each as a suite of its own with its own hooks. They load what
 * they test once, which takes longer than most of their tests. Only for tests that leave the process as it was.
 */
export function runTogether(folder: string): void {
  const root = join(import.meta.dirname, '..', folder)
  for (const file of globSync('**/*.test.ts', { cwd: root }).sort()) {
    describe(`${folder}/${file}`, async () => void (await import(join(root, file))))
  }
}
