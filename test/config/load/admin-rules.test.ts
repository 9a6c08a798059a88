import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'

const token = (of: string, role = 'read') => ({ sha256: hash('sha256', of), role })

test('what is wrong with tokens of the admin listener is said with its place', t => {
  const problemsOf = (document: object) => {
    try {
      loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify(document) }) })
      return []
    } catch (error) {
      assert.ok(error instanceof ConfigError)
      return error.problems.map(({ path, message }) => `${path} ${message}`)
    }
  }
  const open = { adminHost: '0.0.0.0' }
  assert.match(
    problemsOf(open).join(),
    /^\$\.adminHost "0\.0\.0\.0" is not loopback, so an admin token is required/,
  )
  assert.deepEqual(problemsOf({ ...open, adminToken: 'a' }), [])
  assert.deepEqual(problemsOf({ ...open, admin: { tokens: { anna: token('a') } } }), [])
  assert.deepEqual(problemsOf({ adminToken: 'a', admin: { tokens: { anna: token('a', 'operate') } } }), [
    '$.admin.tokens.anna.sha256 is the hash of adminToken as well',
  ])
  assert.deepEqual(problemsOf({ admin: { tokens: { anna: token('a'), bob: token('a', 'operate') } } }), [
    '$.admin.tokens.bob.sha256 is the hash of admin.tokens.anna as well',
  ])
  for (const [wrong, reason] of [
    [{ ...token('a'), sha256: 'secret' }, /\.sha256 must be a SHA-256 hash in lower-case hexadecimal/],
    [{ ...token('a'), sha256: token('a').sha256.toUpperCase() }, /\.sha256 must be/],
    [{ ...token('a'), role: 'admin' }, /\.role must be/],
    [{ sha256: token('a').sha256 }, /role/],
    [{ ...token('a'), token: 'a' }, /token/],
  ] as const) {
    assert.match(problemsOf({ admin: { tokens: { anna: wrong } } }).join(), reason)
  }
  assert.deepEqual(loadConfig({ env: {}, cwd: tmpdir() }).config.admin.tokens, {})
})
