import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addToList,
  getAllHeaders,
  getCookie,
  getHeader,
  removeHeaders,
  takeCookies,
  takeHeader,
  withoutHeaders,
} from '../../../internal/http/header-lines.ts'

test('the first line of a header is found in any case', () => {
  const lines = ['Accept', 'a', 'X-One', '1', 'x-one', '2']
  assert.equal(getHeader(lines, 'x-one'), '1')
  assert.equal(getHeader(lines, 'x-two'), undefined)
  assert.equal(getAllHeaders(lines, 'x-one'), '1, 2')
  assert.equal(getAllHeaders(lines, 'x-two'), undefined)
})

test('taking a header removes all of its lines and joins their values in order', () => {
  const lines = ['X-One', '1', 'a', 'b', 'x-one', '2']
  assert.equal(takeHeader(lines, 'x-one'), '1, 2')
  assert.deepEqual(lines, ['a', 'b'])
  assert.equal(takeHeader(lines, 'x-one'), undefined)
})

test('with a pattern, only lines whose value matches are taken', () => {
  const lines = ['authorization', 'Basic x', 'Authorization', 'Bearer y']
  assert.equal(takeHeader(lines, 'authorization', /^basic /i), 'Basic x')
  assert.deepEqual(lines, ['Authorization', 'Bearer y'])
})

test('removed lines leave the others in order', () => {
  const lines = ['A', '1', 'B-x', '2', 'C', '3', 'b-y', '4']
  removeHeaders(lines, name => name.toLowerCase().startsWith('b-'))
  assert.deepEqual(lines, ['A', '1', 'C', '3'])
})

test('withoutHeaders does not change the original', () => {
  const lines = ['A', '1', 'B', '2']
  assert.deepEqual(withoutHeaders(lines, new Set(['a'])), ['B', '2'])
  assert.deepEqual(lines, ['A', '1', 'B', '2'])
})

const lists: [before: string[], members: string[], after: string[]][] = [
  [[], ['Origin'], ['vary', 'Origin']],
  [['Vary', 'Accept-Encoding'], ['Origin'], ['Vary', 'Accept-Encoding, Origin']],
  [['Vary', 'accept, ORIGIN'], ['Origin'], ['Vary', 'accept, ORIGIN']],
  [['Vary', ''], ['Origin'], ['Vary', 'Origin']],
  [
    ['Vary', 'A', 'vary', 'Origin'],
    ['Origin', 'B'],
    ['Vary', 'A, B', 'vary', 'Origin'],
  ],
]
for (const [before, members, after] of lists) {
  test(`${JSON.stringify(members)} added to the list ${JSON.stringify(before)}`, () => {
    const lines = [...before]
    addToList(lines, 'vary', members)
    assert.deepEqual(lines, after)
  })
}

test('a cookie is found among several, with its value unchanged', () => {
  const lines = ['Cookie', 'a=1; b= x=y ', 'cookie', 'b=2; bare']
  assert.equal(getCookie(lines, 'b'), 'x=y')
  assert.equal(getCookie(lines, 'bare'), undefined)
})

test('every cookie of a name is taken, and a line without other cookies is removed', () => {
  const lines = ['cookie', 'a=1; b=2', 'Cookie', 'b=3', 'X', '']
  assert.deepEqual(takeCookies(lines, 'b'), ['3', '2'])
  assert.deepEqual(lines, ['cookie', 'a=1', 'X', ''])
})
