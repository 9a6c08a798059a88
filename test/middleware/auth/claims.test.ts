import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClaimReader } from '../../../middleware/auth/claims.ts'

const reader = (options: object = {}) =>
  createClaimReader({
    rolesClaim: 'roles',
    claimHeaders: { sub: 'x-user-id', 'realm.name': 'x-realm' },
    ...options,
  })

test('claims become headers whose value reaches the node unchanged', () => {
  const cases: readonly (readonly [sub: unknown, value: string])[] = [
    ['u1', 'u1'],
    ['Ann Lee', 'Ann Lee'],
    ['a@b.example', 'a@b.example'],
    ['', ''],
    ['100%', '100%25'],
    ['Zoë', 'Zo%C3%AB'],
    ['用户', '%E7%94%A8%E6%88%B7'],
    ['a\r\nx-admin: 1', 'a%0D%0Ax-admin%3A%201'],
    ['a\0b', 'a%00b'],
    [' padded ', '%20padded%20'],
    ['tab\t', 'tab%09'],
    ['\ud800', '%EF%BF%BD'],
    [7, '7'],
    [true, 'true'],
    [['a', 'b'], 'a,b'],
    [['a', 1], '["a",1]'],
    [{ a: 'é' }, '%7B%22a%22%3A%22%C3%A9%22%7D'],
  ]
  for (const [sub, value] of cases)
    assert.deepEqual(reader()({ sub }).headers, ['x-user-id', value], JSON.stringify(sub))
})

test('no claim can end its header line, and no two claims have the same header value', () => {
  for (let code = 0; code < 0x250; code++) {
    const sub = `a${String.fromCharCode(code)}b`
    const value = reader()({ sub }).headers[1]!
    assert.match(value, /^[\x20-\x7e]*$/, `code ${code}`)
    assert.equal(decodeURIComponent(value), sub, `code ${code}`)
  }
})

test('an entry of a list with a comma in it is one entry for the node', () => {
  for (const [sub, entries] of [
    [
      ['staff', 'x,admin'],
      ['staff', 'x%2Cadmin'],
    ],
    [['x,admin,y'], ['x%2Cadmin%2Cy']],
    [[',admin'], ['%2Cadmin']],
    [
      ['Zoë', 'b'],
      ['Zoë', 'b'],
    ],
  ] as const) {
    const value = reader()({ sub }).headers[1]!
    assert.deepEqual(decodeURIComponent(value).split(','), entries, value)
    assert.ok(!value.split(',').includes('admin'), value)
  }
})

test('a claim that is missing or null sets no header', () => {
  assert.deepEqual(reader()({}).headers, [])
  assert.deepEqual(reader()({ sub: null }).headers, [])
  assert.equal(reader()({}).subject, undefined)
})

test('a dotted path leads into nested claims, but a claim with that whole name takes precedence', () => {
  assert.deepEqual(reader()({ realm: { name: 'r' } }).headers, ['x-realm', 'r'])
  assert.deepEqual(reader()({ 'realm.name': 'flat', realm: { name: 'r' } }).headers, ['x-realm', 'flat'])
  for (const realm of [null, 'text', 7, [], { other: 1 }]) assert.deepEqual(reader()({ realm }).headers, [])
})

test('inherited properties are not claims', () => {
  const read = reader({
    rolesClaim: 'constructor.name',
    claimHeaders: { toString: 'x-a', '__proto__.x': 'x-b' },
  })
  assert.deepEqual(read({}), { subject: undefined, headers: [], scopes: [], roles: [], claims: {} })
})

test('scopes and roles are lists or space-separated words', () => {
  const cases: readonly (readonly [value: unknown, words: readonly string[]])[] = [
    ['a b', ['a', 'b']],
    ['  a   b ', ['a', 'b']],
    ['', []],
    [
      ['a', 'b c'],
      ['a', 'b c'],
    ],
    [['a', 7, null, ['b']], ['a']],
    [{ a: 1 }, []],
    [7, []],
    [null, []],
    [undefined, []],
  ]
  for (const [value, words] of cases) {
    assert.deepEqual(reader()({ scope: value }).scopes, words, JSON.stringify(value))
    assert.deepEqual(reader()({ roles: value }).roles, words, JSON.stringify(value))
  }
})

test('scopes come from the configured claim, or else from scope, or else from scp', () => {
  assert.deepEqual(reader()({ scp: ['a'] }).scopes, ['a'])
  assert.deepEqual(reader()({ scope: 'b', scp: ['a'] }).scopes, ['b'])
  assert.deepEqual(reader({ scopeClaim: 'grants.api' })({ scope: 'b', grants: { api: 'c' } }).scopes, ['c'])
})
