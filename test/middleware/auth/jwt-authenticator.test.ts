import assert from 'node:assert/strict'
import {
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign as signBytes,
} from 'node:crypto'
import { describe, test } from 'node:test'
import jwt from 'jsonwebtoken'
import { Call } from '../../../internal/call.ts'
import { type ErrorCode, GatewayError } from '../../../internal/http/errors.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import {
  createJwtAuthenticator,
  type JwtAuthenticatorOptions,
  type TokenIssuer,
} from '../../../middleware/auth/jwt-authenticator.ts'
import { fixedKey, type KeySource, type VerificationKey } from '../../../middleware/auth/key-source.ts'
import { MAX_TOKEN_BYTES } from '../../../middleware/auth/token-form.ts'

const NOW = 1_800_000_000_000
const seconds = (offset = 0): number => NOW / 1_000 + offset

const secret = createSecretKey(Buffer.alloc(64, 's'))
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const p256 = curve('P-256')
const p384 = curve('P-384')
const p521 = curve('P-521')
const ed25519 = generateKeyPairSync('ed25519')
const ed448 = generateKeyPairSync('ed448')

const readHead = createRequestHeadReader([])

type SetUp = Partial<JwtAuthenticatorOptions & Omit<TokenIssuer, 'keys'> & VerificationKey>

/** Creates an authenticator for one issuer with one key, with defaults for everything not given. */
function setUp({ key = secret, algorithms = ['HS256'], ...options }: SetUp = {}) {
  const clock = { now: NOW }
  const authenticator = createJwtAuthenticator({
    issuers: [
      {
        keys: fixedKey({ key, algorithms }),
        requireExpiry: true,
        rolesClaim: 'roles',
        ...options,
      } as TokenIssuer,
    ],
    clockToleranceMs: 0,
    claimHeaders: { sub: 'x-user-id' },
    cacheSize: 100,
    now: () => clock.now,
    ...options,
  })
  const presentLines = (...lines: string[]) => {
    const identity = authenticator.authenticate(readHead(lines), new Call('r1', 'GET', '/', 0))
    assert.ok(!(identity instanceof Promise), 'a loaded key needs no promise')
    return identity
  }
  return { clock, presentLines, present: (token: string) => presentLines('Authorization', `Bearer ${token}`) }
}

function sign(
  claims: object = {},
  { key = secret, ...options }: jwt.SignOptions & { key?: KeyObject } = {},
): string {
  return jwt.sign({ sub: 'u1', iat: seconds(-60), exp: seconds(60), ...claims }, key, {
    algorithm: 'HS256',
    ...options,
  })
}

/** Makes a token with any header and payload and a correct HS256 signature. */
function craft(header: unknown, payload: unknown, key: KeyObject | string = secret): string {
  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const signed = `${part(header)}.${part(payload)}`
  // Signed by hand, since jsonwebtoken rightly refuses to sign it.
  return `${signed}.${hmac(signed, key)}`
}

/** Signs with EdDSA, which jsonwebtoken does not support. */
function signEdDsa(key: KeyObject, claims: object = {}): string {
  const [head, payload] = [
    { alg: 'EdDSA', typ: 'JWT' },
    { ...CLAIMS, ...claims },
  ].map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const signed = `${head}.${payload}`
  return `${signed}.${signBytes(null, Buffer.from(signed), key).toString('base64url')}`
}

function hmac(text: string, key: KeyObject | string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

function refused(code: ErrorCode, attempt: () => unknown, what: string): GatewayError {
  let caught: unknown
  try {
    attempt()
  } catch (error) {
    caught = error
  }
  assert.ok(caught instanceof GatewayError, `${what}: was accepted`)
  assert.equal(caught.code, code, what)
  assert.match(caught.headers?.['www-authenticate'] ?? '', /^Bearer realm="waygate"/, what)
  return caught
}

const HS256 = { alg: 'HS256', typ: 'JWT' }
const CLAIMS = { sub: 'u1', exp: seconds(60) }

describe('tokens of every algorithm are accepted with the right key, and with no other', () => {
  const table = [
    ['HS256', secret, secret],
    ['HS384', secret, secret],
    ['HS512', secret, secret],
    ['RS256', rsa.privateKey, rsa.publicKey],
    ['PS256', rsa.privateKey, rsa.publicKey],
    ['ES256', p256.privateKey, p256.publicKey],
    ['ES384', p384.privateKey, p384.publicKey],
    ['ES512', p521.privateKey, p521.publicKey],
    ['EdDSA', ed25519.privateKey, ed25519.publicKey],
    ['EdDSA', ed448.privateKey, ed448.publicKey],
  ] as const
  const signed = (algorithm: (typeof table)[number][0], key: KeyObject) =>
    algorithm === 'EdDSA' ? signEdDsa(key) : sign({}, { algorithm, key })
  for (const [algorithm, signingKey, key] of table) {
    test(`${algorithm} ${key.asymmetricKeyType ?? ''}`, () => {
      const { present } = setUp({ key, algorithms: [algorithm] })
      const token = signed(algorithm, signingKey)
      assert.equal(present(token).subject, 'u1')
      const [head, payload, signature] = token.split('.') as [string, string, string]
      const forged = Buffer.from(JSON.stringify({ ...CLAIMS, sub: 'root' })).toString('base64url')
      refused('WG_TOKEN_INVALID', () => present(`${head}.${forged}.${signature}`), 'another payload')
      refused('WG_TOKEN_INVALID', () => present(`${head}.${payload}.`), 'no signature')
      const bytes = Buffer.from(signature, 'base64url')
      bytes[3]! ^= 1
      refused('WG_TOKEN_INVALID', () => present(`${head}.${payload}.${bytes.toString('base64url')}`), 'a bit')
      const others = table
        .filter(([, otherKey]) => otherKey !== signingKey || signingKey === secret)
        .filter(([name]) => name !== algorithm || algorithm === 'EdDSA')
      for (const [name, otherKey] of others) {
        refused('WG_TOKEN_INVALID', () => present(signed(name, otherKey)), `signed ${name}`)
      }
    })
  }
})

test('a token signed by another key is refused', () => {
  const { present } = setUp({ key: rsa.publicKey, algorithms: ['RS256', 'PS256'] })
  for (const algorithm of ['RS256', 'PS256'] as const) {
    refused('WG_TOKEN_INVALID', () => present(sign({}, { algorithm, key: otherRsa.privateKey })), algorithm)
  }
})

test('a token with alg none is refused, however none is spelled', () => {
  for (const options of [{}, { key: rsa.publicKey, algorithms: ['RS256'] as const }]) {
    const { present } = setUp(options)
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, 0, ['HS256'], 'hs256']) {
      const unsigned = craft({ alg, typ: 'JWT' }, CLAIMS).replace(/[^.]*$/, '')
      refused('WG_TOKEN_INVALID', () => present(unsigned), `alg ${String(alg)} unsigned`)
      refused(
        'WG_TOKEN_INVALID',
        () => present(craft({ alg, typ: 'JWT' }, CLAIMS)),
        `alg ${String(alg)} signed`,
      )
    }
  }
})

test('the public key is not accepted as a secret', () => {
  const { present } = setUp({ key: rsa.publicKey, algorithms: ['RS256', 'RS384', 'RS512', 'PS256'] })
  for (const type of ['spki', 'pkcs1'] as const) {
    const pem = rsa.publicKey.export({ type, format: 'pem' }).toString()
    for (const text of [pem, pem.trimEnd()])
      refused('WG_TOKEN_INVALID', () => present(craft(HS256, CLAIMS, text)), type)
  }
})

test('keys that a token contains or refers to are ignored', () => {
  const jwk = otherRsa.publicKey.export({ format: 'jwk' })
  for (const parameter of [
    { jwk },
    { jku: 'http://127.0.0.1:9/keys' },
    { x5u: 'http://127.0.0.1:9/cert' },
    { kid: '../../../../dev/null' },
    { kid: "' OR 1=1 --" },
  ]) {
    const { present } = setUp({ key: rsa.publicKey, algorithms: ['RS256'] })
    const header = { alg: 'RS256', ...parameter } as jwt.JwtHeader
    const forged = sign({}, { algorithm: 'RS256', key: otherRsa.privateKey, header })
    refused('WG_TOKEN_INVALID', () => present(forged), Object.keys(parameter)[0]!)
  }
})

test('exp and nbf are checked, with the clock tolerance', () => {
  const cases: readonly (readonly [claims: object, toleranceMs: number, code: ErrorCode | undefined])[] = [
    [{ exp: seconds(1) }, 0, undefined],
    [{ exp: seconds(0) }, 0, 'WG_TOKEN_EXPIRED'],
    [{ exp: seconds(-1) }, 0, 'WG_TOKEN_EXPIRED'],
    [{ exp: seconds(-4) }, 5_000, undefined],
    [{ exp: seconds(-5) }, 5_000, 'WG_TOKEN_EXPIRED'],
    [{ nbf: seconds(0) }, 0, undefined],
    [{ nbf: seconds(1) }, 0, 'WG_TOKEN_INVALID'],
    [{ nbf: seconds(5) }, 5_000, undefined],
    [{ nbf: seconds(6) }, 5_000, 'WG_TOKEN_INVALID'],
  ]
  for (const [claims, clockToleranceMs, code] of cases) {
    const { present } = setUp({ clockToleranceMs })
    const token = craft(HS256, { ...CLAIMS, ...claims })
    const what = `${JSON.stringify(claims)} with ${clockToleranceMs} ms`
    if (code === undefined) assert.equal(present(token).subject, 'u1', what)
    else refused(code, () => present(token), what)
  }
})

test('times that are not numbers are refused', () => {
  const { present } = setUp()
  for (const name of ['exp', 'nbf', 'iat']) {
    for (const value of [`"${seconds(60)}"`, 'null', 'true', '{}', '[]', '1e999']) {
      const payload = `{"sub":"u1","exp":${seconds(60)},"${name}":${value}}`
      refused('WG_TOKEN_INVALID', () => present(craft(HS256, payload)), `${name} ${value}`)
    }
  }
})

test('a token without exp is refused unless that is allowed', () => {
  const token = craft(HS256, { sub: 'u1' })
  refused('WG_TOKEN_INVALID', () => setUp().present(token), 'no exp')
  assert.equal(setUp({ requireExpiry: false }).present(token).subject, 'u1')
})

test('issuer and audience are checked when one or several are configured', () => {
  const options = { issuer: ['https://a', 'https://b'], audience: ['api'] }
  const good = [
    { iss: 'https://a', aud: 'api' },
    { iss: 'https://b', aud: ['other', 'api'] },
  ]
  const bad = [
    {},
    { iss: 'https://a' },
    { aud: 'api' },
    { iss: 'https://c', aud: 'api' },
    { iss: 'https://a/', aud: 'api' },
    { iss: 'https://a', aud: 'apix' },
    { iss: 'https://a', aud: [] },
    { iss: ['https://a'], aud: 'api' },
    { iss: 'https://a', aud: { api: true } },
  ]
  for (const claims of good) {
    assert.equal(setUp(options).present(craft(HS256, { ...CLAIMS, ...claims })).subject, 'u1')
  }
  for (const claims of bad) {
    const attempt = () => setUp(options).present(craft(HS256, { ...CLAIMS, ...claims }))
    refused('WG_TOKEN_INVALID', attempt, JSON.stringify(claims))
  }
})

test('header parameters that change what is signed are refused, although the signature is valid', () => {
  const { present } = setUp()
  for (const parameter of [{ crit: ['exp'] }, { crit: [] }, { b64: false }, { b64: true, crit: ['b64'] }]) {
    const token = craft({ ...HS256, ...parameter }, CLAIMS)
    refused('WG_TOKEN_INVALID', () => present(token), JSON.stringify(parameter))
  }
})

test('a payload or header that is not a JSON object is refused, although the signature is valid', () => {
  const { present } = setUp({ requireExpiry: false })
  for (const payload of [
    '"text"',
    '7',
    'null',
    'true',
    '[]',
    '[{"sub":"u1"}]',
    'not json',
    '',
    '{"sub":"u1"',
  ]) {
    refused('WG_TOKEN_INVALID', () => present(craft(HS256, payload)), `payload ${payload}`)
  }
  for (const header of ['"HS256"', 'null', '[]', 'not json', '{}']) {
    refused('WG_TOKEN_INVALID', () => present(craft(header, CLAIMS)), `header ${header}`)
  }
})

test('only the one canonical spelling of a token is accepted', () => {
  const { present } = setUp()
  const token = sign()
  const [head, payload, signature] = token.split('.') as [string, string, string]
  assert.equal(present(token).subject, 'u1')
  // HS256's 32 bytes leave two unused bits in the last character of the signature.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const sloppy = signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) + 1]!
  assert.deepEqual(Buffer.from(sloppy, 'base64url'), Buffer.from(signature, 'base64url'))
  for (const spelling of [
    `${head}.${payload}.${sloppy}`,
    `${token}=`,
    `${head}=.${payload}.${signature}`,
    `${head}.${payload}=.${signature}`,
    `${token}.`,
    `.${token}`,
    `${head}..${payload}.${signature}`,
    `${head}.${payload}`,
    `${head}.${payload}.${signature}.x`,
    `${head}.${payload}.${signature}!`,
    `${head}.${payload}.é${signature}`,
    'x',
    '..',
    '...',
  ]) {
    refused('WG_TOKEN_INVALID', () => present(spelling), spelling.slice(-20))
  }
})

test('a token of 64 KB is refused without being parsed', () => {
  const { present } = setUp()
  const begun = performance.now()
  refused('WG_TOKEN_INVALID', () => present(sign({ pad: 'x'.repeat(65_536) })), 'long')
  refused('WG_TOKEN_INVALID', () => present('.'.repeat(65_536)), 'dots')
  assert.ok(performance.now() - begun < 200)
})

test('a token may be as long as the limit, and not one byte longer', () => {
  const { present } = setUp()
  // Three bytes of payload become four of the token, so not every length is possible.
  const ofPad = (length: number) => sign({ pad: 'x'.repeat(length) })
  let pad = Math.floor((MAX_TOKEN_BYTES * 3) / 4) - 200
  while (ofPad(pad + 1).length <= MAX_TOKEN_BYTES) pad++
  assert.ok(ofPad(pad).length > MAX_TOKEN_BYTES - 4)
  assert.equal(present(ofPad(pad)).subject, 'u1')
  refused('WG_TOKEN_INVALID', () => present(ofPad(pad + 1)), 'one more')
})

test('a token with 200 groups is accepted, which is as many as large issuers write', () => {
  const { present } = setUp()
  const token = sign({ groups: Array.from({ length: 200 }, () => randomUUID()) })
  assert.ok(token.length > 10_000)
  assert.equal(present(token).subject, 'u1')
  assert.equal(present(token).subject, 'u1')
})

test('exactly one bearer token is asked for, its scheme in any case', () => {
  const { presentLines } = setUp()
  const token = sign()
  for (const value of [
    `Bearer ${token}`,
    `bearer ${token}`,
    `BEARER ${token}`,
    `Bearer  ${token}`,
    `Bearer ${token} `,
  ]) {
    assert.equal(presentLines('authorization', value).subject, 'u1', value.slice(0, 10))
  }
  const missing = [
    '',
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    token,
    `Bearer\t${token}`,
    `Bearer${token}`,
    ` Bearer ${token}`,
  ]
  for (const value of [...missing, `Bearer ${token} x`, `Bearer ${token}, Bearer ${token}`]) {
    const error = refused(
      'WG_TOKEN_MISSING',
      () => presentLines('Authorization', value),
      JSON.stringify(value.slice(0, 9)),
    )
    assert.equal(error.headers?.['www-authenticate'], 'Bearer realm="waygate"')
  }
  refused('WG_TOKEN_MISSING', () => presentLines(), 'no header')
  const twice = () => presentLines('Authorization', `Bearer ${token}`, 'AUTHORIZATION', `Bearer ${token}`)
  refused('WG_TOKEN_INVALID', twice, 'twice')
})

test('the client learns that the token was refused, and only the log says why', () => {
  const { present } = setUp()
  const expired = refused('WG_TOKEN_EXPIRED', () => present(sign({ exp: seconds(-9) })), 'expired')
  assert.match(
    expired.headers!['www-authenticate']!,
    /error="invalid_token", error_description="the token has expired"/,
  )
  const invalid = refused('WG_TOKEN_INVALID', () => present('a.b.c'), 'invalid')
  assert.match(
    invalid.headers!['www-authenticate']!,
    /error="invalid_token", error_description="the token was not accepted"/,
  )
  assert.ok(invalid.cause instanceof Error)
})

test('no logged reason quotes the token', () => {
  const { present } = setUp()
  const hidden = 'hunter2-hunter2'
  for (const token of [
    craft(hidden, CLAIMS),
    craft(HS256, hidden),
    craft(HS256, `{"sub":"${hidden}`),
    hidden,
    `${hidden}.a.b`,
  ]) {
    let cause: unknown = refused('WG_TOKEN_INVALID', () => present(token), token)
    while (cause instanceof Error) {
      assert.ok(!cause.message.includes('hunter2'), cause.message)
      cause = cause.cause
    }
  }
})

test('an accepted token is remembered until it expires', () => {
  const { present, clock } = setUp({ clockToleranceMs: 2_000 })
  const token = sign()
  const identity = present(token)
  assert.equal(present(token), identity)
  clock.now = NOW + 62_000 - 1
  assert.equal(present(token), identity)
  clock.now = NOW + 62_000
  refused('WG_TOKEN_EXPIRED', () => present(token), 'remembered')
})

test('no more tokens are remembered than configured, and the oldest is evicted first', () => {
  const { present } = setUp({ cacheSize: 2 })
  const [a, b, c] = ['a', 'b', 'c'].map(sub => sign({ sub })) as [string, string, string]
  const first = present(a)
  const second = present(b)
  present(c)
  assert.equal(present(b), second)
  assert.notEqual(present(a), first)
  const none = setUp({ cacheSize: 0 })
  assert.notEqual(none.present(a), none.present(a))
})

test('one token is remembered once, however its scheme and the blanks around it are written', () => {
  const { present, presentLines } = setUp({ cacheSize: 2 })
  const [a, b] = ['a', 'b'].map(sub => sign({ sub })) as [string, string]
  const other = present(a)
  const first = present(b)
  for (const spelling of [`bearer ${b}`, `BEARER ${b}`, `Bearer  ${b}`, `Bearer${' '.repeat(4_000)}${b}`]) {
    assert.equal(presentLines('Authorization', spelling), first, spelling.slice(0, 10))
  }
  assert.equal(present(a), other)
})

test('a refused token is not remembered as accepted', () => {
  const { present, clock } = setUp()
  const token = craft(HS256, { ...CLAIMS, nbf: seconds(10) })
  refused('WG_TOKEN_INVALID', () => present(token), 'early')
  clock.now = NOW + 10_000
  assert.equal(present(token).subject, 'u1')
})

test('a duplicate member is refused in header and payload, although the signature is valid', () => {
  const { present } = setUp()
  const payload = JSON.stringify(CLAIMS)
  for (const [header, claims] of [
    ['{"alg":"HS256","alg":"HS256"}', payload],
    ['{"alg":"none","alg":"HS256"}', payload],
    ['{"alg":"HS256","\\u0061lg":"none"}', payload],
    [JSON.stringify(HS256), `{"sub":"root","sub":"u1","exp":${seconds(60)}}`],
    [JSON.stringify(HS256), `{"sub":"u1","exp":${seconds(60)},"a":{"b":1,"b":2}}`],
  ] as const) {
    refused('WG_TOKEN_INVALID', () => present(craft(header, claims)), `${header} ${claims}`)
  }
})

test('JSON that parsers disagree on is refused, although the signature is valid', () => {
  const { present } = setUp()
  const exp = `"exp":${seconds(60)}`
  const tricks: readonly (string | Buffer)[] = [
    `{"sub":"u1",${exp}}{"sub":"root"}`,
    `{"sub":"u1",${exp},}`,
    `{'sub':'u1',${exp}}`,
    `{"sub":"u1",${exp}}\0`,
    `\ufeff{"sub":"u1",${exp}}`,
    `/**/{"sub":"u1",${exp}}`,
    `{"sub":"u1","exp":0x7fffffff}`,
    `{"sub":"u1","exp":Infinity}`,
    Buffer.from(`{"sub":"u\xff",${exp}}`, 'latin1'),
  ]
  for (const trick of tricks) {
    const payload = Buffer.from(trick as string).toString('base64url')
    const signed = `${Buffer.from(JSON.stringify(HS256)).toString('base64url')}.${payload}`
    refused('WG_TOKEN_INVALID', () => present(`${signed}.${hmac(signed, secret)}`), String(trick))
  }
  const inherited = present(craft(HS256, `{"__proto__":{"sub":"root","scope":"admin"},${exp}}`))
  assert.equal(inherited.subject, undefined)
  assert.deepEqual(inherited.scopes, [])
})

test('a kid or alg that is not a string is refused', () => {
  const { present } = setUp()
  for (const parameter of [
    { kid: 1 },
    { kid: null },
    { kid: ['a'] },
    { kid: { a: 1 } },
    { alg: { HS256: 1 } },
  ]) {
    const token = craft({ ...HS256, ...parameter }, CLAIMS)
    refused('WG_TOKEN_INVALID', () => present(token), JSON.stringify(parameter))
  }
})

test('a token whose sub is not a string is refused, and one without sub is not', () => {
  const { present } = setUp({})
  for (const sub of [7, 0, true, null, ['u1'], { id: 'u1' }, [], {}]) {
    refused('WG_TOKEN_INVALID', () => present(craft(HS256, { ...CLAIMS, sub })), JSON.stringify(sub))
  }
  const { sub: _, ...nameless } = CLAIMS as { sub: string }
  assert.equal(present(craft(HS256, nameless)).subject, undefined)
})

test('a token with iat in the future is refused, apart from the clock tolerance', () => {
  const { present } = setUp({ clockToleranceMs: 5_000 })
  assert.equal(present(craft(HS256, { ...CLAIMS, iat: seconds(5) })).subject, 'u1')
  refused('WG_TOKEN_INVALID', () => present(craft(HS256, { ...CLAIMS, iat: seconds(6) })), 'iat')
})

test('the lifetime of a token is limited', () => {
  const { present, clock } = setUp({ maxLifetimeMs: 60_000, requireExpiry: false })
  assert.equal(present(craft(HS256, { sub: 'u1', iat: seconds(), exp: seconds(60) })).subject, 'u1')
  refused('WG_TOKEN_INVALID', () => present(craft(HS256, { iat: seconds(), exp: seconds(61) })), 'longer')
  refused('WG_TOKEN_INVALID', () => present(craft(HS256, { exp: seconds(1) })), 'without iat')
  const endless = craft(HS256, { sub: 'u1', iat: seconds() })
  assert.equal(present(endless).subject, 'u1')
  clock.now = NOW + 60_000
  refused('WG_TOKEN_EXPIRED', () => present(endless), 'without exp it expires as well')
})

describe('several issuers', () => {
  const issuer = (
    name: string | undefined,
    key: KeyObject,
    algorithm: string,
    more: Partial<TokenIssuer> = {},
  ) => ({
    ...(name !== undefined && { issuer: [name] }),
    keys: fixedKey({ key, algorithms: [algorithm] }),
    requireExpiry: true,
    rolesClaim: 'roles',
    ...more,
  })
  const issuers = [
    issuer('https://a', rsa.publicKey, 'RS256', { audience: ['a'], rolesClaim: 'realm.roles' }),
    issuer('https://b', otherRsa.publicKey, 'RS256'),
    issuer('https://c', ed25519.publicKey, 'EdDSA'),
  ]
  const byRsa = (claims: object, key = rsa.privateKey) => sign(claims, { algorithm: 'RS256', key })

  test('each token is checked with the key and the rules of its own issuer', () => {
    const { present } = setUp({ issuers })
    const first = present(byRsa({ iss: 'https://a', aud: 'a', roles: ['no'], realm: { roles: ['yes'] } }))
    assert.deepEqual(first.roles, ['yes'])
    assert.deepEqual(present(byRsa({ iss: 'https://b', roles: ['r'] }, otherRsa.privateKey)).roles, ['r'])
    assert.equal(present(signEdDsa(ed25519.privateKey, { iss: 'https://c' })).subject, 'u1')
    refused('WG_TOKEN_INVALID', () => present(byRsa({ iss: 'https://a' })), 'no audience')
  })

  test('the key of one issuer is not accepted for another, nor for a token without one', () => {
    const { present } = setUp({ issuers })
    refused('WG_TOKEN_INVALID', () => present(byRsa({ iss: 'https://b' })), 'the key of a for b')
    refused('WG_TOKEN_INVALID', () => present(byRsa({ iss: 'https://d' })), 'an unknown one')
    for (const claims of [
      {},
      { iss: ['https://a'] },
      { iss: null },
      { iss: 'https://a/' },
      { iss: 'constructor' },
    ]) {
      refused('WG_TOKEN_INVALID', () => present(byRsa({ aud: 'a', ...claims })), JSON.stringify(claims))
    }
  })

  test('an issuer without a name checks only the tokens that no other issuer claims', () => {
    const { present } = setUp({ issuers: [...issuers, issuer(undefined, secret, 'HS256')] })
    assert.equal(present(craft(HS256, CLAIMS)).subject, 'u1')
    assert.equal(present(craft(HS256, { ...CLAIMS, iss: 'https://d' })).subject, 'u1')
    refused('WG_TOKEN_INVALID', () => present(craft(HS256, { ...CLAIMS, iss: 'https://b' })), 'for b')
  })
})

test('a token is no longer accepted once its key is withdrawn, remembered or not', () => {
  const key: VerificationKey = { key: secret, algorithms: ['HS256'] }
  let keys: readonly VerificationKey[] = [key]
  const source: KeySource = { isLoaded: true, find: () => keys[0], refresh: () => undefined }
  const { present } = setUp({
    issuers: [{ keys: source, requireExpiry: true, rolesClaim: 'roles' }],
  })
  const token = sign()
  assert.equal(present(token), present(token))
  key.isRetired = true
  keys = []
  refused('WG_TOKEN_INVALID', () => present(token), 'retired')
})

test('a token whose jti is revoked is refused at once, remembered or not', () => {
  const revoked = new Set<string>()
  const revocations = { isLoaded: true, has: (id: string) => revoked.has(id) }
  const { present } = setUp({ revocations })
  const [mine, other] = [sign({ jti: 'id-1' }), sign({ jti: 'id-2' })] as const
  assert.equal(present(mine).subject, 'u1')
  revoked.add('id-1')
  refused('WG_TOKEN_INVALID', () => present(mine), 'remembered')
  refused('WG_TOKEN_INVALID', () => setUp({ revocations }).present(mine), 'new')
  assert.equal(present(other).subject, 'u1')
  assert.equal(present(sign()).subject, 'u1', 'a token without jti cannot be revoked')
  revoked.delete('id-1')
  assert.equal(present(mine).subject, 'u1')
})

test('a jti that is a number, which no issuer should have, is revoked by its digits', () => {
  const revoked = new Set(['42'])
  const { present } = setUp({ revocations: { isLoaded: true, has: id => revoked.has(id) } })
  refused('WG_TOKEN_INVALID', () => present(craft(HS256, { ...CLAIMS, jti: 42 })), 'revoked')
  assert.equal(present(craft(HS256, { ...CLAIMS, jti: 43 })).subject, 'u1')
})

test('until the revocations are loaded, tokens with a jti are answered with 503', () => {
  const { present } = setUp({ revocations: { isLoaded: false, has: () => false } })
  assert.throws(() => present(sign({ jti: 'id-1' })), { code: 'WG_AUTH_UNAVAILABLE', status: 503 })
  assert.equal(present(sign()).subject, 'u1')
})

test('while keys cannot be fetched, a token with another kid is answered with 503, since its key may be new', () => {
  const source = {
    ...{ isLoaded: true, find: () => undefined, refresh: () => undefined },
    mayLack: (keyId: string) => keyId === 'new',
  }
  const authenticator = createJwtAuthenticator({
    issuers: [{ keys: source, requireExpiry: true, rolesClaim: 'roles' }],
    ...{ clockToleranceMs: 0, claimHeaders: {}, cacheSize: 10, now: () => NOW },
  })
  const present = (token: string) =>
    authenticator.authenticate(readHead(['authorization', `Bearer ${token}`]), new Call('id', 'GET', '/', 0))
  assert.throws(() => present(craft({ ...HS256, kid: 'new' }, CLAIMS)), { code: 'WG_AUTH_UNAVAILABLE' })
  assert.throws(() => present(craft(HS256, CLAIMS)), { code: 'WG_TOKEN_INVALID' })
  const expired = craft({ ...HS256, kid: 'new' }, { ...CLAIMS, exp: seconds(-1) })
  assert.throws(() => present(expired), { code: 'WG_TOKEN_EXPIRED' })
  assert.throws(() => present(craft({ ...HS256, kid: 'old' }, CLAIMS)), { code: 'WG_TOKEN_INVALID' })
})

test('keys are fetched for a token whose key is unknown, unless the token would be refused anyway', async () => {
  const source = {
    isLoaded: true,
    key: undefined as VerificationKey | undefined,
    fetches: 0,
    find: () => source.key,
    refresh: async () => {
      source.fetches++
      source.key = { key: secret, algorithms: ['HS256'] }
    },
  }
  const authenticator = createJwtAuthenticator({
    issuers: [
      { keys: source, issuer: ['https://a'], audience: ['api'], requireExpiry: true, rolesClaim: 'roles' },
    ],
    clockToleranceMs: 0,
    claimHeaders: {},
    cacheSize: 10,
    now: () => NOW,
  })
  const present = async (claims: object) => {
    const head = readHead([
      'authorization',
      `Bearer ${craft(HS256, { ...CLAIMS, iss: 'https://a', aud: 'api', ...claims })}`,
    ])
    return authenticator.authenticate(head, new Call('r1', 'GET', '/', 0))
  }
  for (const claims of [
    { exp: seconds(-1) },
    { aud: 'other' },
    { iss: 'https://b' },
    { nbf: seconds(9) },
    { exp: 'x' },
  ]) {
    await assert.rejects(present(claims), { status: 401 }, JSON.stringify(claims))
  }
  assert.equal(source.fetches, 0)
  assert.equal((await present({})).subject, 'u1')
  assert.equal(source.fetches, 1)
})
