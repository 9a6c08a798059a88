import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { DrainBacklog } from '../../../../routes/public/http1/drain-backlog.ts'
import { createHttp1Server } from '../../../../routes/public/http1/server.ts'

/** Starts a server that answers nothing. */
async function startServer(t: TestContext): Promise<{ server: Server; port: number }> {
  const server = createHttp1Server(
    {
      ...{ maxRequestsPerConnection: 0, maxHeaderBytes: 16_384 },
      ...{ headersTimeoutMs: 60_000, keepAliveTimeoutMs: 60_000 },
      onConnect: () => {},
    },
    () => {},
  ).on('upgrade', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { server, port: (server.address() as AddressInfo).port }
}

const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

for (const [what, lines, method = 'GET'] of [
  ['a plain request', ''],
  ['a request that waits for 100 Continue', 'Expect: 100-continue\r\nContent-Length: 1\r\n', 'POST'],
  ['a request with an unknown expectation', 'Expect: x\r\n'],
  ['the handshake of a WebSocket', HANDSHAKE],
] as const) {
  test(`a connection has been heard of once it has sent ${what}`, async t => {
    const { server, port } = await startServer(t)
    const backlog = new DrainBacklog([server])
    const accepted = once(server, 'connection')
    const client = connect(port, '127.0.0.1')
    t.after(() => client.destroy())
    await accepted
    const heard = backlog.heard(600_000)
    client.write(`${method} / HTTP/1.1\r\nHost: h\r\n${lines}\r\n`)
    await heard
  })
}

test('a connection has been heard of once it has ended', async t => {
  const { server, port } = await startServer(t)
  const backlog = new DrainBacklog([server])
  const accepted = once(server, 'connection')
  const client = connect(port, '127.0.0.1')
  await accepted
  const heard = backlog.heard(600_000)
  client.destroy()
  await heard
  assert.equal(await backlog.heard(600_000), undefined)
})
