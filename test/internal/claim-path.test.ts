import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileClaimPath } from '../../internal/claim-path.ts'

const CLAIMS = {
  roles: ['a'],
  'https://a.example/roles': ['url'],
  realm_access: { roles: ['inner'] },
  realms: [{ 'a.b': { $x: 'deep', 'with "quotes"': 1 } }],
  $: 'dollar',
  null: null,
}

test('a claim is found by its name, by dots, and by a JSON path', () => {
  const cases: readonly (readonly [path: string, value: unknown])[] = [
    ['roles', ['a']],
    ['https://a.example/roles', ['url']],
    ['realm_access.roles', ['inner']],
    ['$.roles', ['a']],
    ['$.roles[0]', 'a'],
    ['$.realm_access.roles[0]', 'inner'],
    ['$["https://a.example/roles"][0]', 'url'],
    ['$.realms[0]["a.b"]["$x"]', 'deep'],
    ['$.realms[0]["a.b"]["with \\"quotes\\""]', 1],
    ['$.realms[1]', undefined],
    ['$.roles.x.y', undefined],
    ['$.null.x', undefined],
    ['$.constructor', undefined],
    ['$["__proto__"]', undefined],
    ['constructor.name', undefined],
  ]
  for (const [path, value] of cases) {
    assert.deepEqual(compileClaimPath(path)(CLAIMS), value, path)
  }
})

test('a malformed JSON path is refused, however long', () => {
  const long = '['.repeat(100_000)
  for (const path of [
    '$',
    '$.',
    '$a',
    '$..a',
    '$.a[',
    '$.a[*]',
    '$[?(@.a)]',
    "$['a']",
    '$["a]',
    '$["\\x"]',
    `$${long}`,
  ]) {
    assert.throws(() => compileClaimPath(path), TypeError, path.slice(0, 20))
  }
})
