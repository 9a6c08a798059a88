import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DescMessage } from '@bufbuild/protobuf'
import { fieldNamed } from '../../../wrappers/transcode/field-path.ts'
import { KINDS } from '../../support/kinds.ts'

test('the fields of a type are gone through once, however many names are looked up', () => {
  let reads = 0
  const desc = Object.create(KINDS, {
    fields: {
      get() {
        reads++
        return KINDS.fields
      },
    },
  }) as DescMessage
  for (let i = 0; i < 10; i++) {
    assert.equal(fieldNamed(desc, 'anInt32')?.number, 3)
    assert.equal(fieldNamed(desc, 'an_int32')?.number, 3)
    assert.equal(fieldNamed(desc, '@other')?.name, 'json_named')
    assert.equal(fieldNamed(desc, '__proto__')?.number, 71)
    assert.equal(fieldNamed(desc, 'constructor'), undefined)
  }
  assert.equal(reads, 1)
})

test('a name in JSON goes before a name of the .proto file, and the first field before others', () => {
  const fields = [
    { name: 'b', jsonName: 'x' },
    { name: 'a', jsonName: 'b' },
    { name: 'c', jsonName: 'b' },
    { name: 'x', jsonName: 'd' },
  ]
  const desc = { fields } as unknown as DescMessage
  const found = ['a', 'b', 'c', 'd', 'x', 'y'].map(name => fieldNamed(desc, name)?.name)
  assert.deepEqual(found, ['a', 'a', 'c', 'x', 'b', undefined])
})
