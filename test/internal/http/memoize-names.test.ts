import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoizeNames } from '../../../internal/http/memoize-names.ts'

/** Returns a memoized function, and the names that it was really called with. */
function memoized(): { lengthOf: (name: string) => number; calls: string[] } {
  const calls: string[] = []
  const lengthOf = memoizeNames(name => {
    calls.push(name)
    if (name === 'bad') throw new TypeError('bad')
    return name.length
  })
  return { lengthOf, calls }
}

test('a name is classified once', () => {
  const { lengthOf, calls } = memoized()
  for (let i = 0; i < 3; i++) assert.equal(lengthOf('host') + lengthOf('x-a'), 7)
  assert.deepEqual(calls, ['host', 'x-a'])
})

test('an error is not remembered', () => {
  const { lengthOf, calls } = memoized()
  for (let i = 0; i < 2; i++) assert.throws(() => lengthOf('bad'), TypeError)
  assert.equal(calls.length, 2)
})

test('neither many names nor long ones fill the memory', () => {
  const { lengthOf, calls } = memoized()
  lengthOf('host')
  for (let i = 0; i < 5_000; i++) lengthOf(`x-${i}`)
  lengthOf('y'.repeat(101))
  calls.length = 0
  lengthOf('host')
  assert.deepEqual(calls, [])
  lengthOf('x-4999')
  lengthOf('y'.repeat(101))
  assert.equal(calls.length, 2)
})
