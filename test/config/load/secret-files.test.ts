import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../temp-folder.ts'

test('a variable with _FILE names a file with the secret', t => {
  const cwd = tempFolder(t, { token: 's3cret\n' })
  const { config, warnings, sourceOf } = loadConfig({ env: { WAYGATE_ADMIN_TOKEN_FILE: 'token' }, cwd })
  assert.equal(config.adminToken, 's3cret')
  assert.equal(sourceOf('adminToken'), 'environment WAYGATE_ADMIN_TOKEN_FILE')
  assert.deepEqual(warnings, [])
})

test('it counts more than the secret in the configuration file, and takes the place of a file named there', t => {
  const cwd = tempFolder(t, {
    'waygate.yaml': 'adminToken: from-yaml\njwt: { secretFile: other }\n',
    token: 'from-file',
    jwt: 'x'.repeat(32),
  })
  const env = { WAYGATE_ADMIN_TOKEN_FILE: 'token', WAYGATE_JWT_SECRET_FILE: 'jwt' }
  const { config } = loadConfig({ env, cwd })
  assert.equal(config.adminToken, 'from-file')
  assert.equal(config.jwt.secret, 'x'.repeat(32))
})

const refused: readonly [string, Record<string, string>, string][] = [
  ['that does not exist', { WAYGATE_ADMIN_TOKEN_FILE: 'none' }, 'cannot be read from none: no such file'],
  ['that is a folder', { WAYGATE_ADMIN_TOKEN_FILE: '.' }, 'cannot be read from .: it is not a file'],
  ['that is empty', { WAYGATE_ADMIN_TOKEN_FILE: 'empty' }, 'names an empty file, empty'],
  ['that is not UTF-8', { WAYGATE_ADMIN_TOKEN_FILE: 'bytes' }, 'cannot be read from bytes: it is not UTF-8'],
  [
    'with no name',
    { WAYGATE_ADMIN_TOKEN_FILE: '' },
    'must not be empty; unset the variable to do without it',
  ],
  [
    'beside the variable itself',
    { WAYGATE_ADMIN_TOKEN_FILE: 'token', WAYGATE_ADMIN_TOKEN: 'x' },
    'must not be set together with WAYGATE_ADMIN_TOKEN',
  ],
]
for (const [what, env, message] of refused) {
  test(`a file ${what} is refused`, t => {
    const cwd = tempFolder(t, { empty: '\n', bytes: Buffer.from([0xff, 0xfe, 0x31]), token: 'x' })
    assert.throws(
      () => loadConfig({ env, cwd }),
      error =>
        error instanceof ConfigError &&
        error.message.includes(`environment WAYGATE_ADMIN_TOKEN_FILE: $.adminToken: ${message}`),
    )
  })
}
