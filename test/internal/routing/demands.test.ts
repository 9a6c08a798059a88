import assert from 'node:assert/strict'
import { test } from 'node:test'
import { demandsMore } from '../../../internal/routing/demands.ts'
import type { AuthRule, Route } from '../../../internal/routing/route.ts'
import { testRoute } from '../../support/route.ts'

const jwt: AuthRule = { type: 'jwt', scopes: [], roles: [] }

test('a route demands more if it has a demand that the other lacks or has in another form', () => {
  const open: Partial<Route> = {}
  const locked: Partial<Route> = { auth: jwt }
  const cases: readonly (readonly [other: Partial<Route>, route: Partial<Route>, more: boolean])[] = [
    [open, open, false],
    [locked, open, true],
    [open, locked, false],
    [locked, { auth: { ...jwt } }, false],
    [{ auth: { ...jwt, scopes: ['a'] } }, locked, true],
    [{ auth: { ...jwt, type: 'basic' } }, locked, true],
    [{ auth: { type: 'any', rules: [jwt] } }, locked, true],
    [{ policies: { clients: [{ level: 'route', rule: { allow: ['10.0.0.1'] } }] } }, open, true],
    [{ policies: { clients: [{ level: 'route', rule: { allow: ['10.0.0.1'] } }] } }, locked, true],
    [
      { policies: { clients: [{ level: 'route', rule: { allow: ['10.0.0.1'], enforce: false } }] } },
      open,
      false,
    ],
    [{ policies: { httpsOnly: true } }, open, true],
    [{ policies: { redirect: { to: '/login' } } }, open, true],
    [{ policies: { respond: { status: 403 } } }, open, true],
    [{ policies: { respond: { status: 200 } } }, open, false],
    [{ policies: { requestLimits: { headerLines: 9 } } }, open, true],
    [{ policies: { requestLimits: { headerLines: 9, enforce: false } } }, open, false],
    [{ policies: { cors: { origins: ['https://a.example'] } } }, open, false],
    [{ policies: { cors: { origins: ['https://a.example'], strict: true } } }, open, true],
    [
      { policies: { cors: { origins: ['https://a.example'], strict: true } } },
      { policies: { cors: { origins: ['https://a.example'], strict: true, credentials: true } } },
      false,
    ],
    [{ policies: {}, isBroken: true }, open, true],
    [{ policies: {}, isBroken: true }, locked, true],
  ]
  for (const [other, route, more] of cases) {
    assert.equal(demandsMore(testRoute(other), testRoute(route)), more, JSON.stringify([other, route]))
  }
})
