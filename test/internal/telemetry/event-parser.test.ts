import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventParser } from '../../../internal/telemetry/event-parser.ts'

const TEXT =
  ':\n\nevent: figures\ndata: {"a":\ndata: 1}\n\nid: 7\ndata:x\r\n\r\nevent: lost\n\nevent: bye\ndata: {}\n\nevent: half'
const EVENTS = [
  { type: 'figures', data: '{"a":\n1}' },
  { type: 'message', data: 'x' },
  { type: 'bye', data: '{}' },
]

test('events are read whatever pieces the text comes in; comments and events without data are skipped', () => {
  for (const size of [1, 2, 3, 7, 1_000]) {
    const parser = new EventParser()
    const events = []
    for (let at = 0; at < TEXT.length; at += size) events.push(...parser.read(TEXT.slice(at, at + size)))
    assert.deepEqual(events, EVENTS, `pieces of ${size}`)
  }
})

test('an event is read in time in proportion to its length, also in many small pieces', () => {
  const parser = new EventParser()
  const begunAt = performance.now()
  parser.read('event: table\ndata: ')
  for (let i = 0; i < 16_000; i++) assert.deepEqual(parser.read('x'.repeat(1_024)), [])
  const [event] = parser.read('\n\n')
  assert.equal(event?.data.length, 16_000 * 1_024)
  // Looking through the line anew with each piece would be 130 GB.
  assert.ok(performance.now() - begunAt < 8_000, `${performance.now() - begunAt} ms`)
})
