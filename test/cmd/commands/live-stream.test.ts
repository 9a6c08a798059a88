import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminClient } from '../../../cmd/commands/admin-client.ts'
import { followLive } from '../../../cmd/commands/live-stream.ts'

/** A client whose stream has these pieces. */
function clientOf(pieces: Iterable<string>): AdminClient {
  const open = async () => ReadableStream.from(pieces).pipeThrough(new TextEncoderStream())
  return { url: 'http://test', open } as unknown as AdminClient
}

test('events are read whatever the pieces are in which they come', async () => {
  const text = ': hello\n\nevent: table\ndata: {"a":1}\n\nevent: bye\ndata: {"reason":"x"}\n\n'
  for (const size of [1, 2, 3, 7, text.length]) {
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!
    const events: unknown[] = []
    for await (const { event, data } of followLive(clientOf(pieces), '')) {
      if (event !== 'open') events.push([event, data])
      if (event === 'bye') break
    }
    assert.deepEqual(events, [
      ['table', { a: 1 }],
      ['bye', { reason: 'x' }],
    ])
  }
})

test('an event is read in time in proportion to its length, also in many small pieces', async () => {
  function* pieces() {
    yield 'event: table\ndata: "'
    for (let i = 0; i < 16_000; i++) yield 'x'.repeat(1_024)
    yield '"\n\n'
  }
  const begunAt = performance.now()
  for await (const { event, data } of followLive(clientOf(pieces()), '')) {
    if (event === 'open') continue
    assert.equal((data as string).length, 16_000 * 1_024)
    break
  }
  // Putting the event together with each piece anew would copy 130 GB.
  assert.ok(performance.now() - begunAt < 20_000, `${performance.now() - begunAt} ms`)
})
