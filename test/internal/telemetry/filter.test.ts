import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FilterFields, parseFilter } from '../../../internal/telemetry/filter.ts'

const REQUEST: FilterFields = {
  requestId: 'Req-77',
  method: 'POST',
  path: '/api/users/7',
  status: 503,
  totalMs: 120.5,
  route: 'users-api',
  service: 'user',
  node: 'u-1',
  client: '10.0.0.7',
  user: 'Anna',
  code: 'WG_NO_NODE',
}
/** A service in a table. */
const ROW: FilterFields = { service: 'user' }

for (const [filter, ofRequest, ofRow] of [
  ['', true, true],
  ['  ', true, true],
  ['service:user', true, true],
  ['service:USER', true, true],
  ['SERVICE:user', true, true],
  ['service:use', false, false],
  ['service:us*', true, true],
  ['service:*se*', true, true],
  ['service:*', true, true],
  ['-service:user', false, false],
  ['-service:order', true, true],
  ['status:503', true, false],
  ['status:5xx', true, false],
  ['status:5XX', true, false],
  ['status:4xx', false, false],
  ['-status:4xx', true, true],
  ['status>=500', true, false],
  ['status<500', false, false],
  ['ms>100', true, false],
  ['ms>120.5', false, false],
  ['ms>=120.5', true, false],
  ['ms<=120.5', true, false],
  ['ms<100', false, false],
  ['path:/api/*', true, false],
  ['path:/api', false, false],
  ['path:*/7', true, false],
  ['path:/api*users*7', true, false],
  ['path:/api/users/7*7', false, false],
  ['method:post', true, false],
  ['code:WG_NO_NODE', true, false],
  ['code:WG_NO_ROUTE', false, false],
  ['node:u-1', true, false],
  ['route:users-*', true, false],
  ['client:10.0.0.*', true, false],
  ['user:anna', true, false],
  ['users', true, false],
  ['USER', true, true],
  ['req-77', true, false],
  ['503', false, false],
  ['-users', false, true],
  ['u-1', false, false],
  ['service:user status:5xx ms>100 path:/api/*', true, false],
  ['service:user status:5xx ms>1000', false, false],
  ['/api/users:x', false, false],
  ['u-1:80', false, false],
  ['n1:80', false, false],
] as const) {
  test(`"${filter}" fits ${ofRequest ? 'the' : 'no'} request and ${ofRow ? 'the' : 'no'} row`, () => {
    const fits = parseFilter(filter)
    assert.deepEqual([fits(REQUEST), fits(ROW)], [ofRequest, ofRow])
  })
}

for (const [filter, word, allowed] of [
  [
    'service:user servce:x',
    'word 2, "servce:x"',
    'service, route, node, path, method, code, client, user, status, ms',
  ],
  ['status:6xx', '"status:6xx"', 'such as 404, or a class such as 5xx'],
  ['status:abc', '"status:abc"', 'such as 404, or a class such as 5xx'],
  ['ms:100', '"ms:100"', 'such as ms>100'],
  ['ms>', '"ms>"', 'such as ms>100'],
  ['ms>fast', '"ms>fast"', 'such as ms>100'],
  ['service>a', '"service>a"', 'service:TEXT'],
  ['service:', '"service:"', 'such as service:a*'],
  ['-', '"-"', 'behind the -'],
  ['-status:x', '"-status:x"', 'such as 404'],
] as const) {
  test(`"${filter}" is refused with the word and what is allowed`, () => {
    assert.throws(
      () => parseFilter(filter),
      (error: Error) =>
        error instanceof TypeError && error.message.includes(word) && error.message.includes(allowed),
    )
  })
}

test('a pattern with many asterisks takes no longer for a text that nearly fits', () => {
  const fits = parseFilter(`path:${'*a'.repeat(2_000)}b`)
  assert.equal(fits({ path: 'a'.repeat(100_000) }), false)
})

test('a filter has at most 32 words, because every request is compared with each', () => {
  assert.equal(parseFilter('-a '.repeat(32))({ path: 'b' }), true)
  assert.throws(() => parseFilter('-a '.repeat(33)), /at most 32 words, not 33/)
})
