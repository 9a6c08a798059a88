import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCaller } from '../../../cmd/cli/caller.ts'
import { makeAdminToken } from '../../../cmd/commands/admin-token.ts'
import { loadConfig } from '../../../config/load/load.ts'

test('a caller has a token of admin.tokens in the variable, or in the file that it names', t => {
  const cwd = mkdtempSync(join(tmpdir(), 'waygate-caller-'))
  t.after(() => rmSync(cwd, { recursive: true }))
  const { token, entry } = makeAdminToken('operate')
  const file = join(cwd, 'token')
  writeFileSync(file, `${token}\n`)
  writeFileSync(join(cwd, 'waygate.yaml'), JSON.stringify({ admin: { tokens: { me: entry } } }))
  for (const given of [{ WAYGATE_ADMIN_TOKEN: token }, { WAYGATE_ADMIN_TOKEN_FILE: file }]) {
    // The gateway's own adminToken must not be one of admin.tokens, but the caller's is.
    assert.throws(() => loadConfig({ cwd, env: given }), /adminToken/)
    const { env, token: read } = readCaller(given)
    assert.equal(read, token)
    assert.notEqual(loadConfig({ cwd, env }).config.adminToken, token)
  }
})

test('what is wrong with the file of the token is said by the configuration', () => {
  const given = { WAYGATE_ADMIN_TOKEN_FILE: '/none' }
  const { env, token } = readCaller(given)
  assert.equal(token, undefined)
  assert.throws(
    () => loadConfig({ env }),
    /WAYGATE_ADMIN_TOKEN_FILE: \$\.adminToken: cannot be read from \/none/,
  )
})
