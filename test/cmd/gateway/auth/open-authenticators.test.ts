import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { Jwks } from '../../../../cmd/gateway/auth/jwks.ts'
import { LiveCredentials } from '../../../../cmd/gateway/auth/live-credentials.ts'
import { openAuthenticators } from '../../../../cmd/gateway/auth/open-authenticators.ts'
import { Settings } from '../../../../cmd/gateway/settings.ts'
import { loadConfig } from '../../../../config/load/load.ts'
import { silentLogger } from '../../../../discovery/logger.ts'

test('a reload whose authenticator cannot be made fetches no keys afterwards', async t => {
  const { config, keys } = loadConfig({ env: {}, cwd: tmpdir() })
  const settings = new Settings({ config, keys }, assert.ifError)
  const auth = await openAuthenticators(settings, new LiveCredentials(settings), silentLogger)
  t.after(() => auth.close())
  const [starts, closes] = [t.mock.method(Jwks.prototype, 'start'), t.mock.method(Jwks.prototype, 'close')]
  const issuers = [{ issuer: 'https://a.example', jwksUrl: 'http://127.0.0.1:1/keys', previous: [] }]
  // No configuration that was checked has such a path. It stands for a module that cannot be loaded.
  const jwt = { ...config.jwt, issuers, rolesClaim: '$.' }
  await assert.rejects(settings.prepare({ config: { ...config, jwt }, keys }), TypeError)
  assert.deepEqual([starts.mock.callCount(), closes.mock.callCount()], [1, 1])
})
