import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import { onPath } from '../support/etcd.ts'
import { startHaproxy } from '../support/haproxy.ts'
import { openRaw } from '../support/http.ts'
import { askHttp2 } from '../support/http2-client.ts'
import { openRegistry } from '../support/registry.ts'
import type { Handler } from '../support/service.ts'
import { until } from '../support/until.ts'
import { clientFrame, handshake, OPCODE, startWebSocketNode } from '../support/websocket.ts'
import { startWithWorkers } from '../support/workers.ts'

/** The address that clients have, and the one that HAProxy has. */
const CLIENT = '127.0.0.2'
const BALANCER = '127.0.0.1'

const sayClient: Handler = (request, response) => {
  request.resume()
  response.end(String(request.headers['x-forwarded-for']))
}

/** Opens a connection from {@link CLIENT}. */
async function open(port: number) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: CLIENT })
  socket.on('error', () => {})
  let text = ''
  socket.on('data', piece => {
    text += piece.toString('latin1')
  })
  await once(socket, 'connect')
  return { socket, text: () => text, receives: (piece: string) => until(piece, () => text.includes(piece)) }
}

const SERVERS = {
  'version-1': 'send-proxy',
  'version-2': 'send-proxy-v2',
  'version-2-with-fields': 'send-proxy-v2 proxy-v2-options crc32c,ssl,cert-cn,unique-id,authority',
}

test('behind HAProxy, which sends headers of version 1 and 2, nodes and the log have the client’s own address', async t => {
  if (!onPath('haproxy')) return t.skip('needs haproxy on PATH')
  const webSockets = await startWebSocketNode(t)
  await using scene = await startWithWorkers({ proxyProtocol: { from: [BALANCER] } }, { handler: sayClient })
  const { gateway } = scene
  {
    using registry = openRegistry(gateway.etcd)
    await registry.putNode('ws', 'w1', webSockets)
    await gateway.untilNodes('ws', ['w1'])
  }
  const ports = await startHaproxy(t, gateway.port, SERVERS)
  for (const [name, port] of Object.entries(ports)) {
    const clientOf = async (kind: string) =>
      (await gateway.logged(({ requestId }) => requestId === `${name}-${kind}`)).client

    const http1 = await open(port)
    for (const path of ['/echo/first', '/echo/second']) {
      http1.socket.write(
        `POST ${path} HTTP/1.1\r\nHost: h\r\nX-Request-Id: ${name}-http1\r\nContent-Length: 70000\r\n\r\n`,
      )
      http1.socket.write('x'.repeat(70_000))
    }
    await until('both answers are there', () => http1.text().match(/\r\n\r\n127\.0\.0\.2/g)?.length === 2)
    assert.equal(await clientOf('http1'), CLIENT)
    http1.socket.destroy()

    const { socket } = await open(port)
    socket.removeAllListeners('data')
    const session = connectHttp2(`http://127.0.0.1:${port}`, { createConnection: () => socket })
    t.after(() => session.destroy())
    const requests = Array.from({ length: 5 }, () =>
      askHttp2(session, { ':path': '/echo/x', ':method': 'POST', 'x-request-id': `${name}-http2` }, 'hello'),
    )
    for (const { status, text } of await Promise.all(requests))
      assert.deepEqual([status, text], [200, CLIENT])
    assert.equal(await clientOf('http2'), CLIENT)
    session.close()

    const webSocket = await open(port)
    webSocket.socket.write(handshake('/ws/x', [`X-Request-Id: ${name}-ws`]))
    await webSocket.receives('101 Switching Protocols')
    webSocket.socket.write(clientFrame(OPCODE.text, 'an echo'))
    await webSocket.receives('an echo')
    webSocket.socket.destroy()
    assert.equal(await clientOf('ws'), CLIENT)
  }
  assert.equal(await scene.metric('waygate_proxy_protocol_refused_total'), 0)
})

test('health checks of HAProxy keep its own address, and only named addresses send a header', async t => {
  if (!onPath('haproxy')) return t.skip('needs haproxy on PATH')
  await using scene = await startWithWorkers({ proxyProtocol: { from: [BALANCER] } }, { handler: sayClient })
  const { gateway } = scene
  // However slow this machine is, a check that fails changes nothing.
  const check = 'check inter 500ms fall 1000 check-send-proxy'
  const { checked, plain } = await startHaproxy(t, gateway.port, {
    checked: `send-proxy-v2 ${check}\n option httpchk GET /echo/check\n timeout check 30s`,
    plain: '',
  })
  const line = await gateway.logged(({ path, status }) => path === '/echo/check' && status === 200)
  assert.equal(line.client, BALANCER)
  const request = 'GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n'
  const behind = await open(checked)
  behind.socket.write(request)
  await behind.receives(`\r\n\r\n${CLIENT}`)

  // A load balancer that forgets the header, and a client that needs none.
  const forgotten = await openRaw(plain, request)
  assert.equal(await forgotten.closed, '')
  const { reason, peer } = await gateway.logged(({ msg }) => msg.includes('PROXY header refused'))
  assert.deepEqual([reason, peer], ['missing', BALANCER])
  assert.equal(await scene.metric('waygate_proxy_protocol_refused_total'), 1)
  const direct = await open(gateway.port)
  direct.socket.write(request)
  await direct.receives(`\r\n\r\n${CLIENT}`)
  for (const { socket } of [behind, direct]) socket.destroy()
})
