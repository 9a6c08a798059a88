import assert from 'node:assert/strict'
import { createSecretKey, hash } from 'node:crypto'
import { test } from 'node:test'
import jwt from 'jsonwebtoken'
import { Call, type Identity } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { parsePasswordHash } from '../../../internal/password-hash.ts'
import { AUTHENTICATOR_NAMES } from '../../../internal/routing/route.ts'
import { createAuthenticators } from '../../../middleware/auth/authenticators.ts'
import { fixedKey } from '../../../middleware/auth/key-source.ts'
import { cheapHash } from '../../support/password.ts'

const SECRET = createSecretKey(Buffer.alloc(32, 's'))
const API_KEY = 'wg_a-key-of-tests-that-is-long-enough-for-them'
const known: Identity = { subject: 'anna', headers: ['x-user-id', 'anna'], scopes: ['a'], roles: [] }
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

const authenticators = await createAuthenticators({
  jwt: {
    issuers: [
      { keys: fixedKey({ key: SECRET, algorithms: ['HS256'] }), requireExpiry: true, rolesClaim: 'roles' },
    ],
    clockToleranceMs: 0,
    claimHeaders: { sub: 'x-user-id' },
    cacheSize: 10,
  },
  'api-key': {
    header: 'x-api-key',
    apiKeys: {
      isLoaded: true,
      get: sha256 =>
        sha256 === hash('sha256', API_KEY, 'hex')
          ? { identity: known, acceptedUntil: Number.POSITIVE_INFINITY }
          : undefined,
    },
  },
  basic: {
    users: new Map([['anna', { identity: known, password: parsePasswordHash(cheapHash('p:ä')) }]]),
    cacheSize: 10,
  },
  // Its credentials are no header: see mtls-authenticator.test.ts.
  mtls: undefined,
})

const IN_HEADERS = AUTHENTICATOR_NAMES.filter(name => name !== 'mtls')
type InHeaders = (typeof IN_HEADERS)[number]

interface Case {
  /** Accepted credentials, as a header line. */
  readonly good: readonly [name: string, value: string]
  /** Header values that are refused. */
  readonly bad: readonly string[]
  /** Whether the node gets accepted credentials. */
  readonly isForwarded: boolean
}

const CASES: Readonly<Record<InHeaders, Case>> = {
  jwt: {
    good: ['Authorization', `Bearer ${jwt.sign({ sub: 'anna', scope: 'a' }, SECRET, { expiresIn: 60 })}`],
    bad: ['Bearer a.b.c', `Bearer ${jwt.sign({ sub: 'anna' }, 'another', { expiresIn: 60 })}`],
    isForwarded: true,
  },
  'api-key': {
    good: ['X-Api-Key', API_KEY],
    bad: ['', 'wg_', `${API_KEY} `, API_KEY.toUpperCase(), hash('sha256', API_KEY, 'hex')],
    isForwarded: false,
  },
  basic: {
    good: ['Authorization', basic('anna:p:ä')],
    bad: [
      basic('anna:p'),
      basic('anna:'),
      basic('anna'),
      basic('Anna:p:ä'),
      basic('nobody:p:ä'),
      basic('constructor:x'),
      'Basic !!!!',
      'Basic ',
      `${basic('anna:p:ä')}=`,
      `Basic ${Buffer.from('anna:p:ä', 'latin1').toString('base64')}`,
    ],
    isForwarded: false,
  },
}

const readHead = createRequestHeadReader([])

async function present(name: InHeaders, lines: readonly string[]) {
  const head = readHead(lines)
  const identity = await authenticators[name]!.authenticate(head, new Call('r1', 'GET', '/', 0))
  return { identity, headers: head.headers }
}

function withhold(name: InHeaders, lines: readonly string[]) {
  const head = readHead(lines)
  authenticators[name]!.withhold(head, new Call('r1', 'GET', '/', 0))
  return head
}

/** Checks for the authenticator's own scheme, and that the message does not say what was wrong. */
function isRefusal(code: string, name: InHeaders) {
  return (error: unknown) => {
    assert.ok(error instanceof GatewayError)
    assert.equal(error.code, code)
    assert.equal(error.status, 401)
    const [scheme] = authenticators[name]!.challenge.split(' ', 1)
    assert.ok(error.headers?.['www-authenticate']?.startsWith(`${scheme} realm="waygate"`))
    assert.doesNotMatch(error.message, /anna|wg_|user is|long/)
    return true
  }
}

for (const name of IN_HEADERS) {
  const { good, bad, isForwarded } = CASES[name]

  test(`${name}: good credentials are accepted, every time`, async () => {
    for (let i = 0; i < 3; i++) {
      const { identity, headers } = await present(name, ['Accept', '*/*', ...good])
      assert.equal(identity.subject, 'anna')
      assert.deepEqual(identity.scopes, ['a'])
      assert.deepEqual(identity.headers, ['x-user-id', 'anna'])
      assert.deepEqual(headers, ['Accept', '*/*', ...(isForwarded ? good : [])])
    }
  })

  test(`${name}: wrong credentials are refused, every time`, async () => {
    for (const value of [...bad, ...bad.slice(0, 2)]) {
      await assert.rejects(present(name, [good[0], value]), isRefusal('WG_TOKEN_INVALID', name), value)
    }
  })

  test(`${name}: no credentials, or credentials of another kind, count as missing`, async () => {
    const others = IN_HEADERS.filter(other => other !== name).map(other => CASES[other].good)
    for (const lines of [[], ['Accept', '*/*'], ...others, ['Authorization', 'Digest x']]) {
      await assert.rejects(present(name, lines), isRefusal('WG_TOKEN_MISSING', name), String(lines))
    }
  })

  test(`${name}: two headers are refused, even when one or both are good`, async () => {
    for (const other of [good[1], bad[0]!]) {
      await assert.rejects(present(name, [...good, good[0], other]), isRefusal('WG_TOKEN_INVALID', name))
      await assert.rejects(present(name, [good[0], other, ...good]), isRefusal('WG_TOKEN_INVALID', name))
    }
  })

  test(`${name}: withhold removes all credentials of this kind without checking them`, () => {
    const present = ['Accept', '*/*', ...[good[1], ...bad].flatMap(value => [good[0], value])]
    const { headers } = withhold(name, present)
    assert.deepEqual(headers, ['Accept', '*/*'])
    assert.deepEqual(withhold(name, headers).headers, headers)
  })

  test(`${name}: refusing 100 KB of anything costs next to nothing`, async () => {
    const [header, value] = good
    const scheme = value.includes(' ') ? `${value.split(' ')[0]} ` : ''
    const hostile = ['a', '.', ' ', '=', ':', 'e30.', ' a', '{"a":', '\u00ff', '-_']
      .map(piece => piece.repeat(Math.ceil(102_400 / piece.length)))
      .flatMap(text => [scheme + text, `${scheme}${text} x`, text])
    for (const text of hostile) {
      const costs: number[] = []
      // The minimum of several, so that other load on this machine does not count.
      for (let i = 0; i < 3; i++) {
        const before = process.cpuUsage()
        await assert.rejects(present(name, [header, text]), { status: 401 })
        const { user, system } = process.cpuUsage(before)
        costs.push(user + system)
      }
      assert.ok(Math.min(...costs) < 50_000, `${Math.min(...costs)} µs for ${text.slice(0, 12)}`)
    }
  })
}

test('api-key: a key whose header is spelled with _ is neither accepted nor shown to the node', async () => {
  const alike = ['X_Api_Key', 'another', 'x-api_key', API_KEY]
  const { headers } = await present('api-key', [...alike, 'X-Api-Key', API_KEY, 'X-Api-Keys', '1'])
  assert.deepEqual(headers, ['X-Api-Keys', '1'])
  assert.deepEqual(withhold('api-key', alike).headers, [])
  await assert.rejects(present('api-key', alike), isRefusal('WG_TOKEN_MISSING', 'api-key'))
})

test('every authenticator has its case here', () => {
  assert.deepEqual(Object.keys(authenticators), [...IN_HEADERS])
})
