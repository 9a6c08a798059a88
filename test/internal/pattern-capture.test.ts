import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCapture } from '../../internal/pattern-capture.ts'

const cases: [pattern: string, value: string, captured: readonly (string | undefined)[] | undefined][] = [
  ['/a/(.*)', '/a/b/c', ['/a/b/c', 'b/c']],
  ['/a/(.*)', '/a/', ['/a/', '']],
  ['/a/(.*)', 'x/a/b', undefined],
  ['/a/(.*)', '/a', undefined],
  ['(/v\\d+)?(/.*)', '/x', ['/x', undefined, '/x']],
  ['/(a|ab)(c|bcd)', '/abcd', ['/abcd', 'a', 'bcd']],
  ['(?:/([a-z]+))*', '/a/b', ['/a/b', 'b']],
  ['/(?P<name>.)', '/x', ['/x', 'x']],
]
for (const [pattern, value, captured] of cases) {
  test(`${pattern} captures ${JSON.stringify(captured)} of ${value}`, () => {
    assert.deepEqual(compileCapture(pattern).capture(value), captured)
  })
}

test('groups are counted, and a pattern that is refused cannot capture', () => {
  assert.equal(compileCapture('(a)(?:b)(?P<c>c)').groups, 2)
  assert.throws(() => compileCapture('(?=a)'), TypeError)
})
