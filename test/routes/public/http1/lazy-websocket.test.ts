import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import {
  type LazyWebSocketOptions,
  mountWebSocketsLazily,
} from '../../../../routes/public/http1/lazy-websocket.ts'
import { openRaw } from '../../../support/http.ts'

test('when the WebSocket plugin cannot be loaded, the client is disconnected, and the next handshake tries again', async t => {
  const errors: unknown[] = []
  const app = Fastify({ logger: false })
  t.after(() => app.close())
  mountWebSocketsLazily(app, {
    get openExchange(): never {
      throw new Error('not available')
    },
    onInternalError: (error: unknown) => errors.push(error),
  } as unknown as LazyWebSocketOptions)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  for (const count of [1, 2]) {
    const client = await openRaw(
      port,
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    await client.closed
    assert.equal(errors.length, count)
  }
  assert.match(String(errors[0]), /not available/)
})
