import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { Jwks, type JwksOptions } from '../../../../cmd/gateway/auth/jwks.ts'

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2_048 })
const [one, two] = [rsa(), rsa()]
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed25519 = generateKeyPairSync('ed25519')

const jwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), ...more })
const ONE = jwk(one.publicKey, { kid: 'one', use: 'sig', alg: 'RS256' })
const TWO = jwk(two.publicKey, { kid: 'two', use: 'sig', alg: 'RS256' })
const set = (...keys: readonly unknown[]) => JSON.stringify({ keys })

/** A key set whose address answers with what the test provides. */
function setUp(first: string | Error, options: Partial<JwksOptions> = {}) {
  const clock = { now: 0 }
  const address = { answer: first, fetches: 0 }
  const log: { readonly level: string; readonly fields: object; readonly message: string }[] = []
  const logTo = (level: string) => (fields: object, message: string) =>
    void log.push({ level, fields, message })
  const keys = new Jwks({
    url: 'https://issuer.example/keys',
    refreshMs: 300_000,
    cooldownMs: 30_000,
    logger: { debug: logTo('debug'), info: logTo('info'), warn: logTo('warn'), error: logTo('error') },
    now: () => clock.now,
    fetch: async () => {
      address.fetches++
      if (address.answer instanceof Error) throw address.answer
      return address.answer
    },
    ...options,
  })
  return { keys, clock, address, log }
}

test('before the first set there are no keys, and isLoaded is false', async () => {
  const { keys } = setUp(set(ONE))
  assert.equal(keys.isLoaded, false)
  assert.equal(keys.find('RS256', 'one'), undefined)
  await keys.refresh()
  assert.equal(keys.isLoaded, true)
  assert.ok(keys.find('RS256', 'one')?.key.equals(one.publicKey))
})

test('a kid selects the key of that name; paths and unknown names select none', async () => {
  const { keys } = setUp(set(ONE, TWO))
  await keys.refresh()
  assert.ok(keys.find('RS256', 'two')?.key.equals(two.publicKey))
  for (const kid of ['', 'three', '../one', '/dev/null', "one' OR '1'='1", 'constructor', '__proto__']) {
    assert.equal(keys.find('RS256', kid), undefined, kid)
  }
})

test('without a kid the only key for the algorithm is used, and none where there are two', async () => {
  const { keys } = setUp(set(ONE, jwk(p256.publicKey, { kid: 'ec' })))
  await keys.refresh()
  assert.ok(keys.find('RS256', undefined)?.key.equals(one.publicKey))
  assert.ok(keys.find('ES256', undefined)?.key.equals(p256.publicKey))
  const several = setUp(set(ONE, TWO))
  await several.keys.refresh()
  assert.equal(several.keys.find('RS256', undefined), undefined)
})

test('a key is used only for its own algorithm, or for those that the issuer is limited to', async () => {
  const { keys } = setUp(set(ONE))
  await keys.refresh()
  for (const algorithm of ['RS384', 'PS256', 'HS256', 'ES256', 'none']) {
    assert.equal(keys.find(algorithm, 'one'), undefined, algorithm)
  }
  const open = setUp(set(jwk(one.publicKey, { kid: 'one' })), { algorithms: ['PS256'] })
  await open.keys.refresh()
  assert.ok(open.keys.find('PS256', 'one'))
  assert.equal(open.keys.find('RS256', 'one'), undefined)
  const edwards = setUp(set(jwk(ed25519.publicKey)))
  await edwards.keys.refresh()
  assert.ok(edwards.keys.find('EdDSA', undefined))
})

test('keys that are not meant for checking tokens are skipped', async () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  const bad: readonly (readonly [key: unknown, why: RegExp])[] = [
    [{ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }, /not of kty RSA, EC or OKP/],
    [jwk(one.privateKey), /a private key/],
    [jwk(one.publicKey, { use: 'enc' }), /not for signatures/],
    [jwk(one.publicKey, { key_ops: ['encrypt'] }), /not for verifying/],
    [jwk(one.publicKey, { alg: 'ES256' }), /which does not fit its alg/],
    [jwk(one.publicKey, { alg: 'none' }), /which does not fit its alg/],
    [jwk(one.publicKey, { kid: 7 }), /kid that is not a string/],
    [jwk(small.publicKey), /1024 bits/],
    [{ kty: 'RSA' }, /not a public key/],
    [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }, /not a public key/],
    [null, /not an object/],
    ['key', /not an object/],
    [[], /not an object/],
  ]
  for (const [key, why] of bad) {
    const { keys, log } = setUp(set(key))
    await keys.refresh()
    assert.equal(keys.isLoaded, false)
    assert.match((log[0]!.fields as { reason: string }).reason, why)
    const mixed = setUp(set(key, TWO))
    await mixed.keys.refresh()
    assert.ok(mixed.keys.find('RS256', 'two'), String(why))
  }
})

test('a new kid causes one fetch per cooldown, shared by all tokens that wait for it', async () => {
  const { keys, clock, address } = setUp(set(ONE))
  await keys.refresh()
  assert.equal(keys.refresh(), undefined, 'just fetched')
  clock.now = 30_000
  address.answer = set(ONE, TWO)
  await Promise.all(Array.from({ length: 50 }, () => keys.refresh()))
  assert.equal(address.fetches, 2)
  assert.ok(keys.find('RS256', 'two'))
  for (let i = 0; i < 50; i++) assert.equal(keys.refresh(), undefined)
  assert.equal(address.fetches, 2)
})

test('a failed fetch starts the cooldown as well', async () => {
  const { keys, clock, address } = setUp(new Error('refused'))
  await keys.refresh()
  assert.equal(keys.refresh(), undefined)
  clock.now = 30_000
  await keys.refresh()
  assert.equal(address.fetches, 2)
})

test('a key that is rotated out is retired, and one that stays is still the same object', async () => {
  const { keys, clock, address } = setUp(set(ONE, TWO))
  await keys.refresh()
  const [first, second] = [keys.find('RS256', 'one')!, keys.find('RS256', 'two')!]
  clock.now = 30_000
  address.answer = set(TWO)
  await keys.refresh()
  assert.equal(keys.find('RS256', 'one'), undefined)
  assert.equal(first.isRetired, true)
  assert.equal(keys.find('RS256', 'two'), second)
  assert.notEqual(second.isRetired, true)
})

test('another key under the same kid replaces the first', async () => {
  const { keys, clock, address } = setUp(set(ONE))
  await keys.refresh()
  const first = keys.find('RS256', 'one')!
  clock.now = 30_000
  address.answer = set(jwk(two.publicKey, { kid: 'one', alg: 'RS256' }))
  await keys.refresh()
  assert.ok(keys.find('RS256', 'one')?.key.equals(two.publicKey))
  assert.equal(first.isRetired, true)
})

test('the last good keys stay in use while the address is down or answers with something else', async () => {
  const { keys, clock, address, log } = setUp(set(ONE))
  await keys.refresh()
  const bad = [
    new Error('down'),
    '',
    'not json',
    '[]',
    'null',
    '{}',
    '{"keys":{}}',
    set(),
    set({ kty: 'oct', k: 'AA' }),
    set(...Array.from({ length: 101 }, () => TWO)),
  ]
  for (const answer of bad) {
    clock.now += 30_000
    address.answer = answer
    await keys.refresh()
    assert.ok(keys.find('RS256', 'one'), String(answer).slice(0, 40))
    assert.equal(keys.isLoaded, true)
    assert.equal(keys.mayLack('two'), true)
    assert.equal(keys.mayLack('one'), false)
    assert.equal(keys.find('RS256', 'two'), undefined)
  }
  assert.ok(
    log.every(({ fields }) => !JSON.stringify(fields).includes('not json')),
    'no answer is quoted',
  )
})

test('an outage and its end are logged once each', async () => {
  const { keys, clock, address, log } = setUp(set(ONE))
  const fetchAgain = async (answer: string | Error) => {
    clock.now += 30_000
    address.answer = answer
    await keys.refresh()
  }
  await keys.refresh()
  assert.equal(keys.mayLack('two'), false)
  for (let i = 0; i < 3; i++) await fetchAgain(new Error('down'))
  await fetchAgain(set(ONE))
  assert.equal(keys.mayLack('two'), false)
  await fetchAgain(set(ONE))
  assert.deepEqual(
    log.map(({ level, message }) => `${level}: ${message}`),
    [
      'info: issuer keys have changed',
      'warn: issuer keys cannot be fetched; using the last known keys',
      'info: issuer keys are available again',
    ],
  )
})

test('an answer that arrives after close is ignored', async () => {
  const { keys, address } = setUp(set(ONE))
  const fetched = keys.refresh()
  keys.close()
  await fetched
  assert.equal(keys.isLoaded, false)
  assert.equal(address.fetches, 1)
})
