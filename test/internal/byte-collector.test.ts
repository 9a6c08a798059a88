import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteCollector } from '../../internal/byte-collector.ts'

test('pieces are put together, and a single one is not copied', () => {
  const collector = new ByteCollector()
  assert.equal(collector.take().length, 0)
  const piece = Buffer.from('alone')
  collector.add(piece)
  assert.equal(collector.take().buffer, piece.buffer)
  const pieces = Array.from({ length: 10_000 }, (_, i) => Buffer.from(String(i)))
  for (const each of pieces) collector.add(each)
  assert.equal(collector.length, Buffer.concat(pieces).length)
  const whole = collector.take()
  assert.ok(whole.equals(Buffer.concat(pieces)))
  collector.add(Buffer.from('next'))
  collector.add(Buffer.from('!'))
  assert.equal(collector.take().toString(), 'next!')
  assert.ok(whole.equals(Buffer.concat(pieces)))
})

test('an added piece is never written to', () => {
  const collector = new ByteCollector()
  const read = Buffer.from('first|rest')
  collector.add(read.subarray(0, 5))
  collector.add(Buffer.from('!'))
  assert.equal(collector.take().toString(), 'first!')
  assert.equal(read.toString(), 'first|rest')
})
