import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call, type Identity } from '../../../internal/call.ts'
import { type ErrorCode, GatewayError } from '../../../internal/http/errors.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import type { AuthenticatorName, AuthRule, RouteAuth } from '../../../internal/routing/route.ts'
import type { Authenticators } from '../../../middleware/auth/authenticator.ts'
import { authorize } from '../../../middleware/auth/authorize.ts'
import { testRoute } from '../../support/route.ts'

type Outcome = Partial<Identity> | ErrorCode

/** Authenticators with the given outcomes, synchronous or not, and the order in which they were called and withheld. */
function setUp(outcomes: Readonly<Partial<Record<AuthenticatorName, Outcome>>>, isLater: boolean) {
  const asked: string[] = []
  const withheld: string[] = []
  const authenticators = Object.fromEntries(
    Object.entries(outcomes).map(([name, outcome]) => {
      const identify = (): Identity => {
        asked.push(name)
        if (typeof outcome === 'string')
          throw new GatewayError(outcome, { headers: { 'www-authenticate': name } })
        return { subject: name, headers: [], scopes: [], roles: [], ...outcome }
      }
      const authenticate = () => (isLater ? Promise.resolve().then(identify) : identify())
      return [name, { challenge: `${name} realm="x"`, authenticate, withhold: () => withheld.push(name) }]
    }),
  ) as Authenticators
  const call = new Call('r1', 'GET', '/', 0)
  const run = async (auth: RouteAuth) =>
    authorize(testRoute({ auth }), createRequestHeadReader([])([]), call, authenticators)
  return { run, asked, withheld }
}

const rule = (type: AuthenticatorName, rules: Partial<AuthRule> = {}): AuthRule => ({
  type,
  scopes: [],
  roles: [],
  ...rules,
})
const any = (...rules: readonly AuthRule[]): RouteAuth => ({ type: 'any', rules })
const ALL = any(rule('jwt'), rule('api-key'), rule('basic'))

for (const isLater of [false, true]) {
  const when = isLater ? 'asynchronous' : 'synchronous'

  test(`${when}: the first authenticator that succeeds counts, and later ones are not called`, async () => {
    const { run, asked } = setUp({ jwt: 'WG_TOKEN_INVALID', 'api-key': {}, basic: {} }, isLater)
    assert.equal((await run(ALL))?.subject, 'api-key')
    assert.deepEqual(asked, ['jwt', 'api-key'])
  })

  test(`${when}: all authenticators but the successful one withhold their credentials, called or not`, async () => {
    const asked = setUp({ jwt: 'WG_TOKEN_INVALID', 'api-key': {}, basic: {} }, isLater)
    await asked.run(ALL)
    assert.deepEqual(asked.withheld, ['jwt', 'basic'])
    const known = setUp({ jwt: {}, 'api-key': {}, basic: {} }, isLater)
    await known.run(any(rule('jwt', { scopes: ['a'] }), rule('api-key')))
    assert.deepEqual(known.withheld, ['jwt'], 'an identity that is not granted enough is no success')
  })

  test(`${when}: without any credentials, the challenge names every authenticator`, async () => {
    const { run } = setUp({ jwt: 'WG_TOKEN_MISSING', 'api-key': 'WG_TOKEN_MISSING' }, isLater)
    await assert.rejects(run(any(rule('jwt'), rule('jwt', { scopes: ['a'] }), rule('api-key'))), {
      code: 'WG_TOKEN_MISSING',
      headers: { 'www-authenticate': 'jwt realm="x", api-key realm="x"' },
    })
  })

  test(`${when}: the refusal that came closest to success is reported`, async () => {
    const cases: readonly (readonly [jwt: Outcome, key: Outcome, basic: Outcome, code: ErrorCode])[] = [
      ['WG_TOKEN_MISSING', 'WG_TOKEN_INVALID', 'WG_TOKEN_MISSING', 'WG_TOKEN_INVALID'],
      ['WG_TOKEN_EXPIRED', 'WG_TOKEN_INVALID', 'WG_TOKEN_MISSING', 'WG_TOKEN_EXPIRED'],
      ['WG_TOKEN_MISSING', 'WG_TOKEN_MISSING', 'WG_OVERLOADED', 'WG_OVERLOADED'],
      ['WG_AUTH_UNAVAILABLE', 'WG_TOKEN_INVALID', 'WG_TOKEN_MISSING', 'WG_AUTH_UNAVAILABLE'],
    ]
    for (const [jwt, key, basic, code] of cases) {
      await assert.rejects(setUp({ jwt, 'api-key': key, basic }, isLater).run(ALL), { code }, code)
    }
  })

  test(`${when}: rules of one authenticator are tried in turn, and it is called once`, async () => {
    const { run, asked } = setUp({ jwt: { scopes: ['b'] }, basic: 'WG_TOKEN_MISSING' }, isLater)
    const rules = [rule('jwt', { scopes: ['a'] }), rule('basic'), rule('jwt', { scopes: ['b'] })]
    assert.equal((await run(any(...rules)))?.subject, 'jwt')
    assert.deepEqual(asked, ['jwt', 'basic'])
    await assert.rejects(run(any(...rules.slice(0, 2))), { code: 'WG_FORBIDDEN' })
  })

  test(`${when}: a bug is not taken for a refusal`, async () => {
    const broken: Authenticators = {
      jwt: {
        challenge: 'x',
        authenticate: () => {
          const error = new RangeError('a mistake')
          if (isLater) return Promise.reject(error)
          throw error
        },
        withhold: () => {},
      },
    }
    const head = createRequestHeadReader([])([])
    const call = new Call('r1', 'GET', '/', 0)
    await assert.rejects(async () => authorize(testRoute({ auth: ALL }), head, call, broken), RangeError)
  })
}

test('an authenticator that is not configured accepts nobody, alone or in a list', async () => {
  const { run } = setUp({}, false)
  for (const auth of [ALL, rule('basic'), rule('api-key'), any(rule('jwt'))]) {
    await assert.rejects(run(auth), { code: 'WG_TOKEN_INVALID' })
  }
})

test('claims must have the required value, or one of a list of values', async () => {
  const claims = {
    tier: 'pro',
    n: 5,
    vip: true,
    tags: ['x', 'y'],
    org: { id: 'acme' },
    text: '5',
    nothing: null,
  }
  const cases: readonly (readonly [
    path: string,
    values: readonly (string | number | boolean)[],
    ok: boolean,
  ])[] = [
    ['tier', ['pro'], true],
    ['tier', ['free', 'pro'], true],
    ['tier', ['free'], false],
    ['tier', ['Pro'], false],
    ['n', [5], true],
    ['n', ['5'], false],
    ['text', [5], false],
    ['vip', [true], true],
    ['vip', [false, 'true', 1], false],
    ['tags', ['y'], true],
    ['tags', ['z'], false],
    ['org.id', ['acme'], true],
    ['$.org["id"]', ['acme'], true],
    ['org', ['[object Object]'], false],
    ['nothing', ['null', false], false],
    ['missing', ['undefined'], false],
    ['constructor', ['x'], false],
  ]
  for (const [path, values, ok] of cases) {
    const { run } = setUp({ jwt: { claims } }, false)
    const attempt = run(rule('jwt', { claims: [{ path, values }] }))
    if (ok) assert.equal((await attempt)?.subject, 'jwt', path)
    else await assert.rejects(attempt, { code: 'WG_FORBIDDEN' }, `${path} ${values}`)
  }
  const both = rule('jwt', {
    claims: [
      { path: 'tier', values: ['pro'] },
      { path: 'n', values: [6] },
    ],
  })
  await assert.rejects(setUp({ jwt: { claims } }, false).run(both), { code: 'WG_FORBIDDEN' })
  await assert.rejects(
    setUp({ jwt: {} }, false).run(rule('jwt', { claims: [{ path: 'tier', values: ['pro'] }] })),
    {
      code: 'WG_FORBIDDEN',
    },
  )
})
