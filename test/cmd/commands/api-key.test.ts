import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { makeApiKey } from '../../../cmd/commands/api-key.ts'
import { LiveCredentials } from '../../../cmd/gateway/auth/live-credentials.ts'
import { Call } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { parsePasswordHash } from '../../../internal/password-hash.ts'
import { createApiKeyAuthenticator } from '../../../middleware/auth/api-key-authenticator.ts'
import { isPassword } from '../../../middleware/auth/password.ts'
import { runProgram } from '../../support/waygate.ts'

const NOW = 1_800_000_000_000
const wanted = {
  owner: 'acme',
  scopes: ['a', 'b'],
  roles: ['r'],
  claims: { tier: 'pro' },
  expiresInSeconds: 60,
}

test('a gateway accepts the API key once its value is in etcd, until it expires', () => {
  const { key, etcdKey, value } = makeApiKey(wanted, '/keys/', NOW)
  const credentials = new LiveCredentials({
    config: { jwt: { claimHeaders: { sub: 'x-user-id', tier: 'x-tier' } } },
  } as never)
  const parsed = credentials.parseApiKey(JSON.parse(value))
  assert.ok('apiKey' in parsed)
  credentials.apply(undefined, {
    kind: 'api-key',
    hash: etcdKey.slice('/keys/'.length),
    apiKey: parsed.apiKey,
  })
  credentials.loaded('api-keys')
  const clock = { now: NOW }
  const authenticator = createApiKeyAuthenticator({
    apiKeys: credentials.apiKeys,
    header: 'x-api-key',
    now: () => clock.now,
  })
  const present = () =>
    authenticator.authenticate(createRequestHeadReader([])(['X-API-Key', key]), new Call('r1', 'GET', '/', 0))
  const identity = present()
  assert.ok(!(identity instanceof Promise))
  assert.deepEqual(identity, {
    subject: 'acme',
    headers: ['x-user-id', 'acme', 'x-tier', 'pro'],
    scopes: ['a', 'b'],
    roles: ['r'],
    claims: { tier: 'pro', sub: 'acme', scope: ['a', 'b'], roles: ['r'] },
  })
  clock.now = NOW + 60_000
  assert.throws(present, { code: 'WG_TOKEN_EXPIRED' })
})

test('while the keys are not loaded yet, a key is neither accepted nor finally refused', () => {
  const credentials = new LiveCredentials({ config: { jwt: { claimHeaders: {} } } } as never)
  const authenticator = createApiKeyAuthenticator({ apiKeys: credentials.apiKeys, header: 'x-api-key' })
  const present = () =>
    authenticator.authenticate(createRequestHeadReader([])(['x-api-key', 'x']), new Call('r1', 'GET', '/', 0))
  assert.throws(present, { code: 'WG_AUTH_UNAVAILABLE', status: 503, headers: { 'retry-after': '1' } })
})

test('no two keys are the same, and the value contains neither key nor hash', () => {
  const made = Array.from({ length: 100 }, () => makeApiKey(wanted, '/keys/', NOW))
  assert.equal(new Set(made.map(({ key }) => key)).size, 100)
  for (const { key, etcdKey, value } of made) {
    assert.match(key, /^wg_[A-Za-z0-9_-]{43}$/)
    assert.match(etcdKey, /^\/keys\/[0-9a-f]{64}$/)
    assert.ok(!value.includes(key.slice(3)) && !etcdKey.includes(key))
  }
})

test('the command prints the key, and the key and value for etcd', async () => {
  const { code, stdout } = await runProgram({
    args: ['api-key', '--owner', "o'neill", '--scope', 'a', '--scope', 'b'],
  })
  assert.equal(code, 0)
  assert.match(stdout, /^API key: {4}wg_\S+$/m)
  assert.match(stdout, /^etcd key: {3}\/waygate\/api-keys\/[0-9a-f]{64}$/m)
  assert.match(stdout, /^etcd value: \{"owner":"o'neill","scopes":\["a","b"\]\}$/m)
  assert.match(stdout, /etcdctl put '\S+' '\{"owner":"o'\\''neill",/)
})

test('hash-password reads a password and prints a line for the users file', async () => {
  const child = spawn(process.execPath, ['cmd/waygate.ts', 'hash-password', '--user', 'anna'], {
    cwd: new URL('../../..', import.meta.url),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  child.stdin.end('pässword\n')
  const [name, hash] = (await text(child.stdout)).trimEnd().split(':') as [string, string]
  assert.equal(name, 'anna')
  assert.ok(await isPassword('pässword', parsePasswordHash(hash)))
  assert.deepEqual(await exited, [0, null])
})
