import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startTestGateway, token } from '../support/gateway.ts'
import { openRaw, send, sendRaw } from '../support/http.ts'
import { answer, deadPort, startNode } from '../support/node-server.ts'
import { until } from '../support/until.ts'
import {
  accepted,
  clientFrame,
  handshake,
  KEY,
  OPCODE,
  openWebSocket,
  startWebSocketNode,
} from '../support/websocket.ts'

interface NodeView {
  readonly inFlight: number
  readonly failures: number
}

async function nodeViews(adminPort: number): Promise<readonly NodeView[]> {
  const { services } = (await send(adminPort, { path: '/services' })).json() as {
    services: { nodes: NodeView[] }[]
  }
  return services.flatMap(({ nodes }) => nodes)
}

/** Builds pings with a payload of 125 bytes each. */
function pings(count: number): Buffer {
  return Buffer.concat(Array(count).fill(clientFrame(OPCODE.ping, Buffer.alloc(125))))
}

/** More pings than the buffers of the system hold. */
const PINGS = 200_000

/** Resolves when `amount` has not changed for a while. */
async function stalled(fact: string, amount: () => number): Promise<void> {
  let before = -1
  await until(
    fact,
    () => {
      const now = amount()
      const isStill = now === before
      before = now
      return isStill
    },
    { everyMs: 300 },
  )
}

/** Resolves when a gateway listens no more. It then sends close frames to all present WebSockets. */
async function untilDeaf(port: number): Promise<void> {
  await until('it listens no more', async () => {
    try {
      const { socket } = await openRaw(port)
      socket.destroy()
      return false
    } catch {
      return true
    }
  })
}

/** Finds the gateway's sockets of connections that are made from now on. */
function noteSockets(t: TestContext) {
  const sockets: Socket[] = []
  const note = (message: unknown) => void sockets.push((message as { readonly socket: Socket }).socket)
  for (const channel of ['net.server.socket', 'net.client.socket']) {
    subscribe(channel, note)
    t.after(() => unsubscribe(channel, note))
  }
  return {
    /** @param client the client's socket */
    from: (client: Socket) => sockets.find(({ remotePort }) => remotePort === client.localPort)!,
    /** @param node the node's socket */
    to: (node: Socket) => sockets.find(({ localPort }) => localPort === node.remotePort)!,
  }
}

test('text and binary messages, short and long, pass in order in both directions', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openWebSocket(t, port, { path: '/chat/room' })
  const messages = [
    'hello',
    '',
    'žluťoučký kůň',
    Buffer.from([0, 1, 255]),
    'x'.repeat(300),
    Buffer.alloc(200_000, 7),
  ]
  for (const message of messages) client.socket.send(message)
  for (const message of messages) assert.deepEqual(await client.next(), message)
})

test('a message sent together with the handshake is not lost', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const text = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
  const client = await openRaw(port, Buffer.concat([Buffer.from(handshake('/chat')), text]))
  assert.match(await client.until('\x81\x02hi'), /^HTTP\/1\.1 101 /)
  client.socket.destroy()
})

test('the handshake at the node has the same headers as any request, and the unchanged target', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, {
    withKey: true,
    nodes: { 'chat/c1': node.port },
    routes: { r: { path: '/api/chat/*', service: 'chat', stripPrefix: '/api' } },
  })
  const path = "/api/chat/a%20b/'{}?q=%2F&'=|&utf=%E4%BD%A0&&x"
  const lines = [
    `Authorization: Bearer ${token({ sub: 'ann' })}`,
    'X-User-Id: root',
    'x_user_id: root',
    'X-Forwarded-For: 9.9.9.9',
    'X-Request-Id: ws-1',
    'Cookie: a=1',
    'Cookie: b=2',
    '__proto__: odd',
    'Sec-WebSocket-Extensions: permessage-deflate',
  ]
  const client = await openRaw(port, handshake(path, lines))
  const { request } = await node.next()
  assert.equal(request.url, path.slice('/api'.length))
  const { headers } = request
  assert.equal(headers['x-user-id'], 'ann')
  assert.equal(headers['x-request-id'], 'ws-1')
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(headers['x-forwarded-proto'], 'http')
  assert.equal(headers['x-forwarded-host'], 'h')
  assert.equal(headers.host, `127.0.0.1:${node.port}`)
  assert.equal(headers.cookie, 'a=1; b=2')
  assert.equal(headers['sec-websocket-extensions'], 'permessage-deflate')
  assert.equal(headers['sec-websocket-key'], KEY)
  assert.equal(headers['sec-websocket-version'], '13')
  assert.equal(headers.connection, 'Upgrade')
  assert.equal(headers.upgrade, 'websocket')
  assert.ok(!request.rawHeaders.includes('root') && !request.rawHeaders.includes('x_user_id'))
  assert.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 101 /)
  client.socket.destroy()
})

test('the node chooses among all subprotocols that the client offers', async t => {
  const node = await startWebSocketNode(t, { protocol: 'chat.v1' })
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openWebSocket(t, port, { path: '/chat', protocols: ['chat.v2', 'chat.v1'] })
  assert.equal(client.socket.protocol, 'chat.v1')
  assert.equal((await node.next()).request.headers['sec-websocket-protocol'], 'chat.v2, chat.v1')
  client.socket.send('hi')
  assert.equal(await client.next(), 'hi')
})

test("the 101 has the node's fields, the request id, and what the route adds to answers", async t => {
  const node = await startWebSocketNode(t, {
    lines: [
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
      'Sec-WebSocket-Extensions: x-unknown; a=1',
      'X-Request-Id: forged',
      'Content-Length: 0',
      'Connection: X-Hop',
      'X-Hop: 1',
    ],
  })
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: {
      chat: { path: '/chat', service: 'chat', responseHeaders: { set: { 'X-Frame-Options': 'DENY' } } },
    },
  })
  const client = await openRaw(
    port,
    handshake('/chat', ['X-Request-Id: mine', 'Sec-WebSocket-Extensions: x-unknown; b']),
  )
  const [first, ...lines] = (await client.until('\r\n\r\n')).trimEnd().split('\r\n')
  client.socket.destroy()
  assert.equal(first, 'HTTP/1.1 101 Switching Protocols')
  const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
  assert.deepEqual(
    lines.filter(line => !line.startsWith('Date: ')).sort(),
    [
      'Sec-WebSocket-Extensions: x-unknown; a=1',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
      'X-Frame-Options: DENY',
      `Sec-WebSocket-Accept: ${accept}`,
      'connection: Upgrade',
      'upgrade: websocket',
      'x-request-id: mine',
    ].sort(),
  )
})

test('the code and reason of a close frame reach the other side', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const leaving = await openWebSocket(t, port, { path: '/chat' })
  const left = await node.next()
  leaving.socket.close(4001, 'enough')
  assert.equal(await left.closed, 4001)
  assert.equal(String((await left.received(OPCODE.close)).payload.subarray(2)), 'enough')

  const staying = await openWebSocket(t, port, { path: '/chat' })
  ;(await node.next()).close(4002, 'no more')
  assert.deepEqual(await staying.closed, { code: 4002, reason: 'no more' })
})

test('a close frame without a code is passed on without one', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const polite = await openWebSocket(t, port, { path: '/chat' })
  const left = await node.next()
  polite.socket.close()
  assert.equal(await left.closed, 1005)

  const bare = await openWebSocket(t, port, { path: '/chat' })
  ;(await node.next()).write(OPCODE.close)
  assert.equal((await bare.closed).code, 1005)

  const broken = await openWebSocket(t, port, { path: '/chat' })
  ;(await node.next()).socket.destroy()
  assert.equal((await broken.closed).code, 1006)

  const gone = await openRaw(port, handshake('/chat'))
  const alone = await node.next()
  await gone.until('101 ')
  gone.socket.destroy()
  assert.equal(await alone.closed, 1006)
})

test("a node's close frame reaches the client at once, also when the node leaves its connection open", async t => {
  const node = await startNode(t, (socket, request) => {
    socket.write(`${accepted(request.header('sec-websocket-key')!)}\x88\x02\x0f\xa3`, 'latin1')
  })
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openRaw(port, handshake('/chat'))
  await client.until('\r\n\r\n\x88\x02\x0f\xa3')
  assert.equal(node.open.size, 1)
  client.socket.destroy()
  await node.idle()
})

test('what a side sends before it ends its connection arrives, and the other side may still answer', async t => {
  const received: Buffer[] = []
  const node = await startNode(t, (socket, request) => {
    socket.removeAllListeners('data')
    socket.allowHalfOpen = true
    socket.on('data', (piece: Buffer) => received.push(piece))
    socket.end(`${accepted(request.header('sec-websocket-key')!)}bye`)
  })
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openRaw(port)
  client.socket.allowHalfOpen = true
  client.socket.on('end', () => client.socket.end('good bye'))
  client.socket.write(handshake('/chat'))
  assert.match(await client.closed, /\r\n\r\nbye$/)
  await node.idle()
  assert.equal(String(Buffer.concat(received)), 'good bye')
})

test('a ping of the node is answered by the client only', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openRaw(port, handshake('/chat'))
  const end = await node.next()
  end.write(OPCODE.ping, 'there?')
  await client.until('\x89\x06there?')
  client.socket.write(Buffer.from([0x8a, 0x83, 0, 0, 0, 0, 0x79, 0x65, 0x73]))
  // If the gateway had answered for the client, its pong would have arrived first.
  assert.equal(String((await end.received(OPCODE.pong)).payload), 'yes')
  client.socket.destroy()
})

test('a handshake that is not allowed is refused like any request, and no node sees it', async t => {
  const node = await startNode(t, socket => socket.destroy())
  const { port, logged } = await startTestGateway(t, {
    withKey: true,
    nodes: { 'chat/c1': node.port, 'drained/d1': { port: node.port, weight: 0 } },
    routes: {
      any: { path: '/chat', service: 'chat' },
      admin: { path: '/admin', service: 'chat', auth: { jwt: { roles: ['admin'] } } },
      write: { path: '/write', methods: ['POST'], service: 'chat' },
      drained: { path: '/drained', service: 'drained', auth: 'none' },
      rest: { path: '/rest/*', service: 'chat', auth: 'none' },
    },
  })
  const bearer = `Authorization: Bearer ${token()}`
  for (const [path, lines, status, code] of [
    ['/chat', [], 401, 'WG_TOKEN_MISSING'],
    ['/chat', ['Authorization: Bearer nonsense'], 401, 'WG_TOKEN_INVALID'],
    ['/admin', [bearer], 403, 'WG_FORBIDDEN'],
    ['/nowhere', [bearer], 404, 'WG_NO_ROUTE'],
    ['/write', [bearer], 405, 'WG_METHOD_NOT_ALLOWED'],
    ['/drained', [], 503, 'WG_NO_NODE'],
    ['/rest/../x', [], 400, 'WG_BAD_REQUEST'],
    ['/rest/x', ['Host: again'], 400, 'WG_BAD_REQUEST'],
  ] as const) {
    const id = `refused-${path.replaceAll('/', '.')}-${code}`
    // The gateway closes the connection, unless it has not even looked at the handshake.
    const client = await openRaw(port, handshake(path, [...lines, `X-Request-Id: ${id}`]))
    const text = await client.until(/\}$/)
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), code)
    assert.match(text, /content-type: application\/problem\+json/)
    assert.ok(text.includes(`"code":"${code}"`) && text.includes(`x-request-id: ${id}`), text)
    client.socket.destroy()
    const line = await logged(id)
    assert.deepEqual([line.status, line.code], [status, code])
  }
  assert.match(await sendRaw(port, handshake('/nowhere')), /\r\nConnection: close\r\n/)
  assert.equal(node.connections, 0)
})

test('an unreachable node is skipped, and the handshake is refused when there is no other', async t => {
  const node = await startWebSocketNode(t)
  const dead = await deadPort()
  const { port, logged, adminPort } = await startTestGateway(t, {
    nodes: { 'chat/c1': dead, 'chat/c2': node.port, 'gone/g1': dead },
    config: {
      breaker: {
        failureRatio: 0.5,
        minimumRequests: 2,
        windowMs: 10_000,
        openMs: 60_000,
        maxOpenMs: 5_000,
        slowCallMs: null,
        statuses: null,
        ejectLastNode: false,
      },
    },
  })
  for (let i = 0; i < 2; i++) {
    const client = await openWebSocket(t, port, { path: '/chat' })
    client.socket.send('hi')
    assert.equal(await client.next(), 'hi')
  }
  const refused = await sendRaw(port, handshake('/gone', ['X-Request-Id: gone']))
  assert.match(refused, /^HTTP\/1\.1 502 /)
  assert.match(refused, /WG_UPSTREAM_UNREACHABLE/)
  assert.ok(!refused.includes('127.0.0.1') && !refused.includes('ECONN'), refused)
  assert.match(String((await logged('gone')).reason), /ECONNREFUSED/)
  assert.match(await sendRaw(port, handshake('/gone')), /^HTTP\/1\.1 502 /)
  const open = await sendRaw(port, handshake('/gone'))
  assert.match(open, /^HTTP\/1\.1 503 .*retry-after: \d+.*WG_CIRCUIT_OPEN/s)
  assert.equal((await nodeViews(adminPort)).at(-1)!.failures, 2)
})

for (const [way, leave] of [
  ['resets', (socket: Socket) => void socket.resetAndDestroy()],
  ['ends its connection', (socket: Socket) => void socket.end()],
  [
    'says something and resets',
    (socket: Socket) =>
      void socket.write(Buffer.concat(Array(20).fill(clientFrame(OPCODE.text, 'hi'))), () =>
        socket.resetAndDestroy(),
      ),
  ],
] as const) {
  test(`when a client ${way} before the node has answered, the connection to the node ends as well`, async t => {
    const asked = Promise.withResolvers<void>()
    const silent = await startWebSocketNode(t, { refuse: () => asked.resolve() })
    const { port, logged, adminPort } = await startTestGateway(t, { nodes: { 'chat/c1': silent.port } })
    const client = await openRaw(port, handshake('/chat', ['X-Request-Id: early']))
    await asked.promise
    leave(client.socket)
    const line = await logged('early')
    assert.deepEqual([line.status, line.reason], [499, undefined])
    await until('the connection to the node has ended', () => silent.connections.size === 0)
    const [view] = await nodeViews(adminPort)
    assert.deepEqual([view!.inFlight, view!.failures], [0, 0])
  })
}

for (const [way, leave] of [
  ['ends', (socket: Socket) => void socket.end()],
  // The gateway has stopped reading, so it does not see the reset.
  ['resets', (socket: Socket) => void socket.resetAndDestroy()],
] as const) {
  test(`a client that sends a lot and ${way} its connection is not waited for longer than the node`, async t => {
    const asked = Promise.withResolvers<void>()
    const silent = await startWebSocketNode(t, { refuse: () => asked.resolve() })
    const { port, logged, adminPort } = await startTestGateway(t, {
      nodes: { 'chat/c1': silent.port },
      routes: { chat: { path: '/chat', service: 'chat', timeoutMs: 1_000 } },
    })
    const sockets = noteSockets(t)
    const client = await openRaw(port, handshake('/chat', ['X-Request-Id: much']))
    await asked.promise
    client.socket.write(clientFrame(OPCODE.binary, Buffer.alloc(1_000_000)))
    await until('the gateway has stopped reading', () => sockets.from(client.socket).isPaused())
    leave(client.socket)
    assert.equal((await logged('much')).reason, 'upstream timeout')
    await until('the connection to the node has ended', () => silent.connections.size === 0)
    assert.equal((await nodeViews(adminPort))[0]!.inFlight, 0)
  })
}

test('what a client sends before the node has accepted arrives behind the handshake, in order', async t => {
  const asked = Promise.withResolvers<void>()
  const agreed = Promise.withResolvers<void>()
  const node = await startWebSocketNode(t, {
    beforeAgreeing: () => {
      asked.resolve()
      return agreed.promise
    },
  })
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const sockets = noteSockets(t)
  const client = await openRaw(port, handshake('/chat'))
  await asked.promise
  const frames = [
    clientFrame(OPCODE.text, 'one'),
    clientFrame(OPCODE.text, 'two'),
    clientFrame(OPCODE.close, Buffer.from([0x0f, 0xa1])),
  ]
  const { bytesRead } = sockets.from(client.socket)
  for (const frame of frames) client.socket.write(frame)
  await until('the gateway has read it', () => sockets.from(client.socket).bytesRead > bytesRead)
  agreed.resolve()
  const end = await node.next()
  assert.equal(await end.closed, 4001)
  assert.deepEqual(
    end.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')]),
    [
      [OPCODE.text, 'one'],
      [OPCODE.text, 'two'],
      [OPCODE.close, '\x0f\xa1'],
    ],
  )
})

test('no more than 64 KB or so is read of a client before the node has accepted', async t => {
  const asked = Promise.withResolvers<void>()
  const agreed = Promise.withResolvers<void>()
  const node = await startWebSocketNode(t, {
    beforeAgreeing: () => {
      asked.resolve()
      return agreed.promise
    },
  })
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const sockets = noteSockets(t)
  const client = await openRaw(port, handshake('/chat'))
  await asked.promise
  const PINGS = 30_000
  client.socket.write(pings(PINGS))
  const accepted = sockets.from(client.socket)
  await stalled('the gateway reads nothing more', () => accepted.bytesRead)
  assert.ok(accepted.bytesRead < 300_000, `${accepted.bytesRead} bytes were read`)
  agreed.resolve()
  const end = await node.next()
  await until('all have arrived', () => end.frames.length === PINGS)
  client.socket.destroy()
})

test('a WebSocket counts as in flight while it is open, and is logged and counted when it has ended', async t => {
  const node = await startWebSocketNode(t)
  const { port, adminPort, logged, log } = await startTestGateway(t, {
    withKey: true,
    nodes: { 'chat/c1': node.port },
  })
  const client = await openWebSocket(t, port, {
    path: '/chat/room?secret=1',
    headers: { Authorization: `Bearer ${token({ sub: 'ann' })}`, 'X-Request-Id': 'counted' },
  })
  client.socket.send('hi')
  await client.next()
  assert.equal((await nodeViews(adminPort))[0]!.inFlight, 1)
  assert.ok(!log.some(line => line.requestId === 'counted'))
  client.socket.close(1000)
  const line = await logged('counted')
  assert.deepEqual(
    [
      line.status,
      line.method,
      line.path,
      line.route,
      line.node,
      line.user,
      line.attempts,
      line.code,
      line.reason,
    ],
    [101, 'GET', '/chat/room', 'auto:chat', 'c1', 'ann', 1, undefined, undefined],
  )
  await until('nothing is in flight', async () => (await nodeViews(adminPort))[0]!.inFlight === 0)
  const metrics = (await send(adminPort, { path: '/metrics' })).text
  assert.match(metrics, /waygate_requests_total\{[^}]*node="c1",status="101"\} 1/)
})

test('a node that leaves the table keeps its open WebSockets', async t => {
  const node = await startWebSocketNode(t)
  const { port, registry, gateway } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openWebSocket(t, port, { path: '/chat' })
  client.socket.send('one')
  assert.equal(await client.next(), 'one')
  await registry.unregister('chat', 'c1')
  await until('the node has left', () => gateway.nodeCount() === 0)
  client.socket.send('two')
  assert.equal(await client.next(), 'two')
})

test('neither side can send faster than the other one reads', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openWebSocket(t, port, { path: '/chat' })
  const end = await node.next()
  end.socket.pause()
  const MESSAGES = 400
  const message = Buffer.alloc(100_000)
  for (let i = 0; i < MESSAGES; i++) client.socket.send(message)
  // Sending stalls with much of the 40 MB still at the client.
  await stalled('the client gets rid of nothing more', () => client.socket.bufferedAmount)
  const left = client.socket.bufferedAmount
  assert.ok(left > 10_000_000, `${left} bytes are still at the client`)
  end.socket.resume()
  for (let i = 0; i < MESSAGES; i++) assert.equal((await client.next()).length, message.length)
})

test('a node that does not read is not sent more pings', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const sockets = noteSockets(t)
  const client = await openRaw(port, handshake('/chat'))
  client.socket.pause()
  const end = await node.next()
  end.socket.pause()
  client.socket.write(pings(PINGS))
  await stalled('the gateway reads nothing more', () => sockets.from(client.socket).bytesRead)
  const waiting = sockets.to(end.socket).writableLength
  assert.ok(waiting < 200_000, `${waiting} bytes wait in the gateway`)
  assert.ok(client.socket.writableLength > 0)
  client.socket.resume()
  end.socket.resume()
  await until('all have arrived', () => end.frames.length === PINGS)
  client.socket.destroy()
})

test('a client that does not read is not sent more pongs', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const sockets = noteSockets(t)
  const client = await openRaw(port, handshake('/chat'))
  const { length } = await client.until('\r\n\r\n')
  client.socket.pause()
  const end = await node.next()
  client.socket.write(pings(PINGS))
  await until('the node has answered all', () => end.frames.length === PINGS)
  const accepted = sockets.from(client.socket)
  await stalled('the gateway sends nothing more', () => accepted.bytesWritten)
  assert.ok(accepted.writableLength < 200_000, `${accepted.writableLength} bytes wait in the gateway`)
  let received = client.text().length - length
  client.socket.removeAllListeners('data').on('data', chunk => {
    received += chunk.length
  })
  client.socket.resume()
  await until('all have arrived', () => received === PINGS * 127)
  client.socket.destroy()
})

test('a message passes while it is sent, however long it is', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: { clientLimits: { bodyBytes: 1_000 } },
  })
  const client = await openRaw(port, handshake('/chat'))
  const end = await node.next()
  const received: Buffer[] = []
  end.socket.on('data', (piece: Buffer) => received.push(piece))
  const frame = clientFrame(OPCODE.binary, Buffer.alloc(100_000, 7))
  client.socket.write(frame.subarray(0, 50_000))
  await until('the first half has arrived', () => Buffer.concat(received).length === 50_000)
  client.socket.write(frame.subarray(50_000))
  await client.until('\x82\x7f\0\0\0\0\0\x01\x86\xa0')
  assert.deepEqual(Buffer.concat(received), frame)
  client.socket.destroy()
})

test('malformed frames reach the other side as they are', async t => {
  const node = await startNode(t, async (socket, request) => {
    socket.removeAllListeners('data')
    socket.write(accepted(request.header('sec-websocket-key')!))
    socket.on('data', piece => socket.write(piece))
  })
  const { port, log } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openRaw(port, Buffer.concat([Buffer.from(handshake('/chat')), Buffer.alloc(64, 0xff)]))
  await client.until('\xff'.repeat(64))
  client.socket.destroy()
  assert.deepEqual(
    log.filter(line => (line.level as number) >= 40),
    [],
  )
})

test('a malformed handshake, or one pipelined after another request, is treated as a plain request', async t => {
  const node = await startNode(t, async (socket, request) => {
    await request.whole
    socket.write(answer(request.header('upgrade') ?? 'plain'))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const good = handshake('/user')
  for (const head of [
    good.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n'),
    good.replace('HTTP/1.1', 'HTTP/1.0'),
    good.replace('Version: 13', 'Version: 7'),
    good.replace('dGhlIHNhbXBsZSBub25jZQ==', 'short'),
    good.replace('Sec-WebSocket-Key', 'X-Key'),
    good.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: a, a\r\n\r\n'),
    good.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: a b\r\n\r\n'),
    good.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi'),
    good.replace('\r\n\r\n', '\r\nContent-Length: 00\r\n\r\n'),
    `GET /user HTTP/1.1\r\nHost: h\r\n\r\n${good}`,
  ]) {
    const client = await openRaw(port, head)
    const answers = head.startsWith('GET /user HTTP/1.1\r\nHost: h\r\n\r\n') ? 2 : 1
    const text = await client.until(new RegExp(`(?:[^]*?\\r\\n\\r\\nplain){${answers}}$`))
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, answers, head)
    client.socket.destroy()
  }
})

test('a handshake that says Content-Length: 0, as some proxies write it, opens a WebSocket', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const early = clientFrame(OPCODE.text, 'early')
  const head = Buffer.from(handshake('/chat', ['Content-Length: 0']))
  const client = await openRaw(port, Buffer.concat([head, early]))
  assert.match(await client.until('early'), /^HTTP\/1\.1 101 /)
  assert.equal((await node.next()).request.headers['content-length'], undefined)
  client.socket.destroy()
})

test('a handshake behind a request that ends its connection reaches no node', async t => {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const sockets = noteSockets(t)
  const client = await openRaw(port)
  client.socket.allowHalfOpen = true
  const request = 'POST //chat HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n'
  client.socket.write(request)
  assert.match(await client.until('WG_BAD_REQUEST'), /^HTTP\/1\.1 400 /)
  // The gateway reads on, so that the client can read its answer.
  const rest = `hello${handshake('/chat')}`
  client.socket.write(rest)
  const { length } = request + rest
  await until('the gateway has read it', () => sockets.from(client.socket).bytesRead === length)
  await send(port, { path: '/chat' })
  assert.deepEqual(
    node.requests.map(each => each.header('upgrade')),
    [undefined],
  )
  client.socket.destroy()
})

test('shutdown sends a close frame to both sides', async t => {
  const node = await startWebSocketNode(t)
  const { port, gateway, logged } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: { shutdownTimeoutMs: 10_000 },
  })
  const client = await openWebSocket(t, port, { path: '/chat', headers: { 'X-Request-Id': 'bye' } })
  const end = await node.next()
  client.socket.send('hi')
  await client.next()
  assert.equal(await gateway.stop(), 0)
  assert.equal((await client.closed).code, 1001)
  assert.equal(await end.closed, 1001)
  assert.equal((await logged('bye')).status, 101)
})

test('a WebSocket that the node accepts while the gateway shuts down gets a close frame as well', async t => {
  const asked = Promise.withResolvers<void>()
  const stopping = Promise.withResolvers<void>()
  const node = await startWebSocketNode(t, {
    beforeAgreeing: () => {
      asked.resolve()
      return stopping.promise
    },
  })
  const { port, gateway } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: { shutdownTimeoutMs: 5_000 },
  })
  const client = await openRaw(port, handshake('/chat'))
  await asked.promise
  const stopped = gateway.stop()
  await untilDeaf(port)
  stopping.resolve()
  await client.until('\x03\xe9')
  client.socket.destroy()
  await stopped
})

test('shutdown sends its close frames between two frames, never within one', async t => {
  const node = await startWebSocketNode(t)
  const { port, gateway } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: { shutdownTimeoutMs: 10_000 },
  })
  const client = await openRaw(port, handshake('/chat'))
  const end = await node.next()
  const { length } = await client.until('\r\n\r\n')
  const fragment = clientFrame(OPCODE.binary, Buffer.alloc(1_000, 1))
  client.socket.write(fragment.subarray(0, 3))
  // A fragment of a longer message: control frames may come between fragments.
  end.socket.write(Buffer.from([0x02, 126, 0x01]))
  await client.until('\x02\x7e\x01')
  const stopped = gateway.stop()
  await untilDeaf(port)
  end.socket.write(Buffer.concat([Buffer.from([0x00]), Buffer.alloc(256, 2), Buffer.from([0x80, 1, 3])]))
  const goodbye = '\x88\x0c\x03\xe9going away'
  const text = await client.until(goodbye)
  assert.equal(text.slice(length), `\x02\x7e\x01\0${'\x02'.repeat(256)}${goodbye}`)
  client.socket.write(fragment.subarray(3))
  const last = await end.received(OPCODE.close)
  assert.deepEqual(
    end.frames.map(({ opcode, payload }) => [opcode, payload.length]),
    [
      [OPCODE.binary, 1_000],
      [OPCODE.close, 12],
    ],
  )
  assert.equal(last.payload.toString('latin1'), '\x03\xe9going away')
  // Neither side sees the other's answer to a close frame of the gateway.
  client.socket.write(clientFrame(OPCODE.close, Buffer.from([0x03, 0xe9])))
  assert.equal((await client.closed).slice(length), text.slice(length))
  assert.equal(await stopped, 0)
})

test('a close frame that passes during a shutdown is not followed by another', async t => {
  let write = (_text: string) => {}
  const node = await startNode(t, (socket, request) => {
    write = text => socket.write(text, 'latin1')
    write(`${accepted(request.header('sec-websocket-key')!)}\x88\x02\x0f`)
  })
  const { port, gateway } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: { shutdownTimeoutMs: 10_000 },
  })
  const client = await openRaw(port, handshake('/chat'))
  const length = (await client.until('\x88\x02\x0f')).length - 3
  const stopped = gateway.stop()
  await untilDeaf(port)
  write('\xa3')
  await client.until('\x88\x02\x0f\xa3')
  client.socket.write(clientFrame(OPCODE.close, Buffer.from([0x0f, 0xa3])))
  assert.equal((await client.closed).slice(length), '\x88\x02\x0f\xa3')
  assert.equal(await stopped, 0)
})

test('shutdown does not wait for a client that does not answer the close frame', async t => {
  const node = await startWebSocketNode(t)
  const { port, gateway } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    // Long enough for a busy machine to send the close frame before it closes the connection.
    config: { shutdownTimeoutMs: 1_000 },
  })
  const client = await openRaw(port, handshake('/chat'))
  client.socket.allowHalfOpen = true
  const end = await node.next()
  await client.until('101 ')
  // The client receives the close frame and does not answer it.
  const told = client.until('\x03\xe9')
  assert.equal(await gateway.stop(), 1)
  await told
  client.socket.end()
  await client.closed
  await end.closed
})
