import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../../discovery/codecs/auto.ts'
import { codecs } from '../../../discovery/codecs/codecs.ts'
import { fixtures } from './fixtures.ts'

test('every format has values as its writers write them', () => {
  for (const codec of codecs) {
    if (codec !== autoCodec)
      assert.ok(
        fixtures.some(fixture => fixture.codec === codec),
        codec.name,
      )
  }
})

for (const { codec, name, path, value, nodes, autoCodec } of fixtures) {
  test(`${name}, is read as written`, () => {
    assert.deepEqual(codec.decode(path, value), nodes)
  })

  test(`${name}, is read by auto ${codec === autoCodec ? 'too' : `as ${autoCodec.name}`}`, () => {
    assert.deepEqual(autoCodec.decode(path, value), autoCodec.decode(path, value))
  })
}
