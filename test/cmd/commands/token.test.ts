import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import jwt from 'jsonwebtoken'
import { signToken } from '../../../cmd/commands/token.ts'
import { jwtOptions } from '../../../cmd/gateway/auth/jwt-options.ts'
import { type LoadedConfig, loadConfig } from '../../../config/load/load.ts'
import { Call } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { createJwtAuthenticator } from '../../../middleware/auth/jwt-authenticator.ts'
import { tempFolder } from '../../config/temp-folder.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
const options = { subject: 'u1', expiresInSeconds: 60, claims: {} }

function load(t: TestContext, section: object, files: Readonly<Record<string, string>> = {}): LoadedConfig {
  const cwd = tempFolder(t, { ...files, 'waygate.yaml': JSON.stringify({ jwt: section }) })
  return loadConfig({ env: {}, cwd })
}

/** The payload, when a gateway with this configuration accepts the token. */
function verify(token: string, { config, keys }: LoadedConfig): jwt.JwtPayload {
  const options = jwtOptions(config, keys, () => assert.fail('there are no issuers'))
  const head = createRequestHeadReader([])(['authorization', `Bearer ${token}`])
  const identity = createJwtAuthenticator(options!).authenticate(head, new Call('r1', 'GET', '/', 0))
  assert.ok(!(identity instanceof Promise))
  return identity.claims!
}

test('the token is accepted by a gateway with the same secret', t => {
  const loaded = load(t, { secret: SECRET, issuer: ['i1', 'i2'], audience: 'a1' })
  const { iat, exp, ...rest } = verify(
    signToken({ ...options, claims: { roles: ['admin'], n: 5 } }, loaded),
    loaded,
  )
  assert.deepEqual(rest, { iss: 'i1', aud: 'a1', sub: 'u1', roles: ['admin'], n: 5 })
  assert.equal(exp! - iat!, 60)
})

const pairs: [kind: string, algorithm: string, make: () => { publicKey: string; privateKey: string }][] = [
  ['RSA', 'RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding })],
  ['Ed25519', 'EdDSA', () => generateKeyPairSync('ed25519', encoding)],
  ['P-384', 'ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384', ...encoding })],
]
const encoding = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const

for (const [kind, algorithm, make] of pairs) {
  test(`a private ${kind} key signs ${algorithm}, which its public key verifies`, t => {
    const { publicKey, privateKey } = make()
    const files = { 'public.pem': publicKey, 'private.pem': privateKey }
    const loaded = load(t, { publicKeyFile: 'public.pem', privateKeyFile: 'private.pem' }, files)
    const token = signToken(options, loaded)
    assert.equal(jwt.decode(token, { complete: true })?.header.alg, algorithm)
    assert.equal(verify(token, loaded).sub, 'u1')
  })
}

test('the first configured algorithm signs', t => {
  const token = signToken(options, load(t, { secret: SECRET, algorithms: ['HS512', 'HS256'] }))
  assert.equal(jwt.decode(token, { complete: true })?.header.alg, 'HS512')
})

test('a claim may replace the issuer, to see a token refused', t => {
  const token = signToken({ ...options, claims: { iss: 'other' } }, load(t, { secret: SECRET, issuer: 'i1' }))
  assert.equal((jwt.decode(token) as jwt.JwtPayload).iss, 'other')
})

test('without a key to sign with it says what to set', t => {
  assert.throws(() => signToken(options, load(t, {})), {
    name: 'ConfigError',
    message: /\$\.jwt: has no key to sign with: set jwt\.privateKeyFile, jwt\.secret or WAYGATE_JWT_SECRET$/,
  })
})

test('a private key that cannot be read is reported with its file', t => {
  assert.throws(() => signToken(options, load(t, { privateKeyFile: 'no.pem' })), {
    name: 'ConfigError',
    message: /^waygate\.yaml:1: \$\.jwt\.privateKeyFile: .*no\.pem cannot be read: no such file$/,
  })
})

test('a registered claim of the wrong type is a usage error', t => {
  assert.throws(() => signToken({ ...options, claims: { nbf: 'soon' } }, load(t, { secret: SECRET })), {
    name: 'UsageError',
    message: /"nbf".*see waygate token --help$/,
  })
})

for (const name of ['__proto__', 'constructor', 'toString']) {
  test(`the claim ${name}, which cannot be signed, is a usage error`, t => {
    const claims = JSON.parse(`{"${name}":1}`)
    assert.throws(() => signToken({ ...options, claims }, load(t, { secret: SECRET })), {
      name: 'UsageError',
      message: `waygate token: a claim cannot be named ${name}; see waygate token --help`,
    })
  })
}
