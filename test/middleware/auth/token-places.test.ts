import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { type TokenPlaces, takeBearer } from '../../../middleware/auth/token-places.ts'

const readHead = createRequestHeadReader([])

function take(
  lines: readonly string[],
  target: string,
  places: TokenPlaces = { cookie: 't', queryParameter: 'q' },
) {
  const head = readHead(lines)
  const call = new Call('r1', 'GET', target, 0)
  return { bearer: takeBearer(head, call, places), headers: head.headers, target: call.target }
}

test('a token in a cookie is removed, and the other cookies stay', () => {
  for (const [cookie, left] of [
    ['t=abc', undefined],
    ['a=1; t=abc; b=2', 'a=1; b=2'],
    ['t=abc; a=1', 'a=1'],
    ['a=1;t=abc', 'a=1'],
    ['tt=1; t=abc; xt=2', 'tt=1; xt=2'],
  ] as const) {
    const { bearer, headers } = take(['Accept', '*/*', 'Cookie', cookie], '/')
    assert.equal(bearer, 'Bearer abc', cookie)
    assert.deepEqual(headers, ['Accept', '*/*', ...(left === undefined ? [] : ['Cookie', left])], cookie)
  }
})

test('a token in the query is removed, and the rest stays byte for byte', () => {
  for (const [target, left] of [
    ['/a?q=abc', '/a'],
    ['/a?x=1&q=abc&y=%20', '/a?x=1&y=%20'],
    ['/a?q=abc&x', '/a?x'],
    ['/a?qq=1&q=abc&aq=2', '/a?qq=1&aq=2'],
  ] as const) {
    const taken = take([], target)
    assert.equal(taken.bearer, 'Bearer abc', target)
    assert.equal(taken.target, left)
  }
})

test('another spelling of the parameter is the same parameter', () => {
  for (const target of ['/a?%71=abc&x=1', '/a?x=1&%71=abc', '/a?x=1&%71=%61b%63']) {
    const taken = take([], target)
    assert.equal(taken.bearer, 'Bearer abc', target)
    assert.equal(taken.target, '/a?x=1')
  }
  for (const target of ['/?q=abc&%71=def', '/?%71=abc&%71=def']) {
    assert.throws(() => take([], target), { code: 'WG_BAD_REQUEST' }, target)
  }
  for (const target of ['/?%2571=abc', '/?q%5B%5D=abc', '/?%71%zz=abc', '/?%51=abc']) {
    assert.deepEqual(take([], target), { bearer: '', headers: [], target })
  }
})

test('a request without a token is left unchanged', () => {
  for (const [lines, target] of [
    [[], '/a'],
    [['Cookie', 'a=1;  b="x"'], '/a?x=q=1&&'],
    [['Cookie', 't'], '/q=abc?Q=abc&q'],
    [['Authorization', 'Bearer abc', 'Cookie', 'T=1'], '/'],
  ] as const) {
    const taken = take(lines, target)
    assert.equal(taken.bearer, lines[0] === 'Authorization' ? 'Bearer abc' : '')
    assert.deepEqual(taken.headers, lines)
    assert.equal(taken.target, target)
  }
})

test('another scheme in the header does not hide the token', () => {
  for (const other of ['Basic eDp5', 'Negotiate YII=', 'Digest uri="/a.b.c"', 'ApiKey a.b', 'Token 12ab'])
    assert.equal(take(['Authorization', other], '/?q=abc').bearer, 'Bearer abc')
})

test('more than one token is a bad request, wherever they are', () => {
  for (const [lines, target] of [
    [['Authorization', 'Bearer abc'], '/?q=abc'],
    [['authorization', 'bearer abc', 'cookie', 't=abc'], '/'],
    [['authorization', 'Bearer\tabc'], '/?q=abc'],
    [['authorization', 'eyJh-b.eyJz_d.c2ln'], '/?q=abc'],
    [['authorization', 'eyJh.eyJz.'], '/?q=abc'],
    [['authorization', 'JWT eyJh.eyJz.c2ln '], '/?q=abc'],
    [['cookie', 't=abc'], '/?q=abc'],
    [['cookie', 't=abc; t=def'], '/'],
    [['cookie', 't=abc', 'cookie', 't=abc'], '/'],
    [[], '/?q=abc&q=abc'],
  ] as const) {
    assert.throws(
      () => take(lines, target),
      {
        code: 'WG_BAD_REQUEST',
        headers: { 'www-authenticate': 'Bearer realm="waygate", error="invalid_request"' },
      },
      JSON.stringify([lines, target]),
    )
  }
})

test('a place that is not configured is not looked at', () => {
  const taken = take(['Cookie', 't=abc'], '/?q=abc', { cookie: undefined, queryParameter: undefined })
  assert.deepEqual(taken, { bearer: '', headers: ['Cookie', 't=abc'], target: '/?q=abc' })
})
