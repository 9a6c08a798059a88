import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FIELDS, fromText } from '../../../config/load/fields.ts'

test('no two fields share a variable or an option, and a field stands in for one that exists', () => {
  const { length } = FIELDS
  const paths = new Set(FIELDS.map(({ path }) => path))
  const variables = FIELDS.flatMap(({ schema: { env } }) => env ?? [])
  const options = FIELDS.flatMap(({ schema: { flag } }) => flag?.split(' ')[0] ?? [])
  assert.ok(variables.length > 20 && options.length > 10)
  assert.deepEqual(
    [paths.size, new Set(variables).size, new Set(options).size],
    [length, variables.length, options.length],
  )
  for (const { path, schema } of FIELDS) {
    if (schema.insteadOf === undefined) continue
    assert.ok(paths.has(path.replace(/[^.]+$/, schema.insteadOf)), path)
  }
})

test('text becomes what its field holds, and stays text where it does not fit', () => {
  const list = { anyOf: [{ type: 'string' }, { type: 'array' }] }
  assert.deepEqual(fromText('a, b,,', list), ['a', 'b'])
  assert.deepEqual(fromText('5', { type: 'array' }), ['5'])
  assert.equal(fromText(' 7 ', { type: 'integer' }), 7)
  assert.equal(fromText('1e3', { type: 'integer' }), '1e3')
  assert.equal(fromText('7', { type: 'string' }), '7')
})
