import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { POLICY_RULES } from '../../../config/policies/policies.ts'

test('every policy passes the contract, in one test file of its own', () => {
  const calls = globSync('*.test.ts', { cwd: import.meta.dirname })
    .map(file => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .flatMap(text => [...text.matchAll(/^policyContract\('(\w+)'/gm)].map(([, name]) => name))
  assert.deepEqual(calls.sort(), Object.keys(POLICY_RULES).sort())
})
