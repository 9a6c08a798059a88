import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { jwtOptions } from '../../../../cmd/gateway/auth/jwt-options.ts'
import { loadConfig } from '../../../../config/load/load.ts'
import type { KeySource } from '../../../../middleware/auth/key-source.ts'
import { tempFolder } from '../../../config/temp-folder.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
const SET: KeySource = { isLoaded: false, find: () => undefined, refresh: () => undefined }

function optionsOf(t: TestContext, jwt: object) {
  const { config, keys } = loadConfig({
    env: {},
    cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify({ jwt }) }),
  })
  return jwtOptions(config, keys, () => SET)
}

test('without a key there is no token authenticator', t => {
  assert.equal(optionsOf(t, { issuer: 'https://a', audience: 'api' }), undefined)
})

test('an issuer has its own rules, and those of jwt where it sets none', t => {
  const options = optionsOf(t, {
    audience: 'api',
    requireExpiry: false,
    maxLifetimeSeconds: 60,
    rolesClaim: 'r',
    scopeClaim: 's',
    issuers: [
      { issuer: 'https://a', jwksUrl: 'https://a/keys' },
      {
        issuer: 'https://b',
        secret: SECRET,
        audience: ['x', 'y'],
        requireExpiry: true,
        maxLifetimeSeconds: 5,
        rolesClaim: 'rb',
        scopeClaim: 'sb',
      },
    ],
  })
  const [first, second, ...others] = options!.issuers.map(({ keys, ...rules }) => ({
    ...rules,
    isSet: keys === SET,
  }))
  assert.deepEqual(first, {
    issuer: ['https://a'],
    audience: ['api'],
    requireExpiry: false,
    maxLifetimeMs: 60_000,
    rolesClaim: 'r',
    scopeClaim: 's',
    isSet: true,
  })
  assert.deepEqual(second, {
    issuer: ['https://b'],
    audience: ['x', 'y'],
    requireExpiry: true,
    maxLifetimeMs: 5_000,
    rolesClaim: 'rb',
    scopeClaim: 'sb',
    isSet: false,
  })
  assert.deepEqual(others, [])
})

test('the key of jwt itself is one more issuer, and tokens are looked for in the configured places', t => {
  const options = optionsOf(t, { secret: SECRET, issuer: ['https://a', 'https://b'], cookie: 'session' })!
  assert.deepEqual(
    options.issuers.map(({ issuer }) => issuer),
    [['https://a', 'https://b']],
  )
  assert.ok(options.issuers[0]!.keys.find('HS256', 'any'))
  assert.deepEqual(options.places, { cookie: 'session', queryParameter: undefined })
  assert.equal(optionsOf(t, { secret: SECRET })!.places, undefined)
})
