import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { LiveStream } from '../../../../routes/admin/live/live-stream.ts'
import { until } from '../../../support/until.ts'

/** Opens a stream to a viewer, which reads it. */
async function openStream(t: TestContext) {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const request = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false })
  t.after(() => {
    request.destroy()
    server.close()
  })
  const [, raw] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const viewer = {
    ...{ owner: 'a', figures: false, tail: undefined, rows: undefined },
    ...{ isMasked: false, mayGoOn: () => true },
  }
  const stream = new LiveStream(raw, viewer, () => {})
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume().on('error', () => {})
  return { stream, raw, response }
}

/** A table that never ends. */
async function* endless(onPiece: (count: number) => void): AsyncGenerator<string> {
  for (let count = 1; ; count++) {
    onPiece(count)
    yield 'x'.repeat(256 * 1_024)
  }
}

test('a large table leaves no listeners behind, however often its viewer is waited for', async t => {
  const { stream, raw, response } = await openStream(t)
  let pieces = 0
  const sent = stream.sendTable(
    endless(count => {
      pieces = count
    }),
  )
  await until('many pieces are written', () => pieces > 100)
  assert.ok(raw.listenerCount('close') < 5, `${raw.listenerCount('close')} listeners of close`)
  response.destroy()
  await sent
})

test('a viewer that reads nothing for a minute is cut off, also in the middle of the table', async t => {
  const { stream, raw, response } = await openStream(t)
  response.pause()
  let pieces = 0
  const sent = stream.sendTable(
    endless(count => {
      pieces = count
    }),
  )
  let before = -1
  await until('the viewer is waited for', () => {
    const isStill = pieces === before && raw.writableNeedDrain
    before = pieces
    return isStill
  })
  stream.beat(performance.now() + 30_000)
  assert.equal(raw.destroyed, false)
  stream.beat(performance.now() + 61_000)
  assert.equal(raw.destroyed, true)
  await sent
})

test('a stream that has ended waits no longer than a minute for a viewer that reads nothing', async t => {
  const { stream, raw, response } = await openStream(t)
  response.pause()
  for (let i = 0; i < 16; i++) stream.send('change', JSON.stringify('x'.repeat(60_000)))
  assert.notEqual(raw.socket!.timeout, 60_000)
  void stream.end('over')
  assert.equal(raw.socket!.timeout, 60_000)
})
