import { globSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'node:test'

const root = join(import.meta.dirname, '..')

/** Which files of a folder a process runs: the `part`th of `of` equal parts, counted from 1. */
export interface Part {
  readonly part: number
  readonly of: number
}

/**
 * Runs all test files of a folder of `test` in this process, or a part of them, each as a suite of its own with its own
 * hooks, one after the other. They load what they test once, which takes longer than most of their tests. Only for tests
 * that leave the process as it was.
 */
export function runTogether(folder: string, part?: Part): void {
  for (const file of filesOf(folder, part)) {
    describe(file, async () => void (await import(join(root, file))))
  }
}

/** Lists the test files that `runTogether` runs, relative to `test`. */
export function filesOf(folder: string, { part, of }: Part = { part: 1, of: 1 }): readonly string[] {
  return globSync(`${folder}/**/*.test.ts`, { cwd: root })
    .map(file => file.replaceAll('\\', '/'))
    .sort()
    .filter((_, index) => index % of === part - 1)
}
