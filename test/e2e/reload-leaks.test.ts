import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const FILE = join(import.meta.dirname, '../faults/reload-leaks.ts')

// The short version of test/faults/reload-leaks.ts.
test('10 reloads leave nothing behind', async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = ['--conditions=waygate-source', '--test', FILE]
  await promisify(execFile)(process.execPath, args, { env: { ...env, RELOADS: '10' } })
})
