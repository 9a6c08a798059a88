import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call, type Identity } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import type { RouteAuth } from '../../../internal/routing/route.ts'
import { authorize } from '../../../middleware/auth/authorize.ts'
import { testRoute } from '../../support/route.ts'

const HEAD = createRequestHeadReader([])([])
const CALL = new Call('r1', 'GET', '/', 0)

function run(auth: RouteAuth, granted: Partial<Identity> = {}): Identity | undefined {
  const identity: Identity = { subject: 'u1', headers: [], scopes: [], roles: [], ...granted }
  const known = authorize(testRoute({ auth }), HEAD, CALL, {
    jwt: { challenge: 'Bearer', authenticate: () => identity, withhold: () => assert.fail('it counts') },
  })
  assert.ok(!(known instanceof Promise))
  return known
}

const jwt = (scopes: readonly string[], roles: readonly string[] = []): RouteAuth => ({
  type: 'jwt',
  scopes,
  roles,
})

test('an open route authenticates nobody, and has no identity for the node', () => {
  assert.equal(run({ type: 'none' }), undefined)
})

test('a route that requires a token refuses everyone while no key is configured', () => {
  assert.throws(
    () => authorize(testRoute({ auth: jwt([]) }), HEAD, CALL, {}),
    (error: unknown) =>
      error instanceof GatewayError &&
      error.code === 'WG_TOKEN_INVALID' &&
      'www-authenticate' in error.headers!,
  )
})

test('all scopes and one of the roles are required', () => {
  const cases: readonly (readonly [auth: RouteAuth, granted: Partial<Identity>, ok: boolean])[] = [
    [jwt([]), {}, true],
    [jwt(['a']), { scopes: ['a', 'b'] }, true],
    [jwt(['a', 'b']), { scopes: ['b', 'a'] }, true],
    [jwt(['a', 'b']), { scopes: ['a'] }, false],
    [jwt(['a']), {}, false],
    [jwt(['a']), { scopes: ['A', 'aa', 'a b'] }, false],
    [jwt(['a']), { roles: ['a'] }, false],
    [jwt([], ['x', 'y']), { roles: ['y'] }, true],
    [jwt([], ['x', 'y']), { roles: ['z'] }, false],
    [jwt(['a'], ['x']), { scopes: ['a'], roles: ['x'] }, true],
    [jwt(['a'], ['x']), { scopes: ['a'] }, false],
    [jwt(['a'], ['x']), { roles: ['x'] }, false],
  ]
  for (const [auth, granted, ok] of cases) {
    const what = JSON.stringify([auth, granted])
    if (ok) assert.equal(run(auth, granted)?.subject, 'u1', what)
    else assert.throws(() => run(auth, granted), { code: 'WG_FORBIDDEN', status: 403 }, what)
  }
})

test('a refusal for a missing scope names the scopes, one for a missing role names nothing', () => {
  const challenge = (auth: RouteAuth) => {
    try {
      run(auth)
    } catch (error) {
      return (error as GatewayError).headers?.['www-authenticate']
    }
    return undefined
  }
  assert.equal(challenge(jwt(['a', 'b'])), 'Bearer realm="waygate", error="insufficient_scope", scope="a b"')
  assert.equal(challenge(jwt([], ['admin'])), 'Bearer realm="waygate", error="insufficient_scope"')
  // A header has no place for these, and a quote would end the parameter.
  for (const scope of ['läse', '日本', 'a"b', 'a\\', 'a\0']) {
    const named = challenge(jwt(['a', scope]))
    assert.equal(named, 'Bearer realm="waygate", error="insufficient_scope"', scope)
  }
})
