import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { createEchoClient } from '../../../support/grpc-client.ts'
import { ECHO } from '../../../support/grpc-echo.ts'
import { startGrpcNode } from '../../../support/grpc-node.ts'
import { send } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { startHttp2Node } from '../../../support/http2-node.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import {
  dataFrame,
  describeFrame,
  headersFrame,
  openRawHttp2,
  PREFACE,
  pingFrame,
  requestLines,
  rstStreamFrame,
  SETTINGS_ACK,
  settingsFrame,
  windowUpdateFrame,
} from '../../../support/raw-http2.ts'
import { until } from '../../../support/until.ts'

const INITIAL_WINDOW = 4
const MIB = 1_048_576

/** Starts a gateway and a node that answers `/large` without end, `/events` with an event stream, and reads bodies. */
async function setUp(t: TestContext, clientLimits: NonNullable<GatewaySetUp['config']>['clientLimits'] = {}) {
  const piece = Buffer.alloc(65_536)
  const node = await startNode(t, async (socket, { target, method, whole }) => {
    if (target.startsWith('/large')) {
      const fill = () => {
        while (!socket.destroyed && socket.write(piece));
      }
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
      socket.on('drain', fill)
      fill()
    } else if (target === '/events') {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
      socket.write(`${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`)
    } else if (target === '/stuck') {
      socket.pause()
    } else {
      if (method === 'POST') await whole
      socket.write(answer('ok'))
    }
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    config: { clientLimits },
    routes: {
      unhurried: { path: '/unhurried', service: 'user', allowSlowClients: true, timeoutMs: 60_000 },
      user: { path: '/user/*', service: 'user', stripPrefix: '/user', timeoutMs: 60_000 },
    },
  })
  const metric = async (name: string) => {
    const { text } = await send(gateway.adminPort, { path: '/metrics' })
    return Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${name} `))
        ?.split(' ')[1],
    )
  }
  return {
    ...gateway,
    node,
    metric,
    ended: (reason: string) => metric(`waygate_http2_ended_total{reason="${reason}"}`),
  }
}

const get = (path: string) => requestLines([], 'GET', path)
const post = (path: string) => requestLines(['content-length', '100000'], 'POST', path)
const NO_WINDOW = Buffer.concat([PREFACE, settingsFrame([INITIAL_WINDOW, 0])])

test('a stream whose client sends nothing of its body is cancelled, and the others go on', async t => {
  const { port, node, ended, logged } = await setUp(t, { bodyIdleTimeoutMs: 100 })
  using client = await openRawHttp2(port)
  const silent = requestLines(['content-length', '100000', 'x-request-id', 'silent'], 'POST', '/user/x')
  client.write(headersFrame(1, silent, { isEnd: false }), dataFrame(1, 'half'))
  assert.equal(describeFrame(await client.receives('RST_STREAM 1')), 'RST_STREAM 1 CANCEL')
  assert.equal((await logged('silent')).status, 499)
  client.write(headersFrame(3, get('/user/x')))
  await client.receives('DATA 3')
  assert.equal(await ended('body-idle'), 1)
  await until('the node is free of it', () => node.open.size === 1)
})

test('a gRPC call whose client has no message to send goes on', async t => {
  const limits = { bodyIdleTimeoutMs: 100, minRateGraceMs: 100 }
  const { port, registry, gateway, ended } = await setUp(t, limits)
  await using echo = await startGrpcNode('echo')
  registry.putRoute('echo', { path: `/${ECHO}/*`, service: 'echo', auth: 'none' })
  await registry.register({ service: 'echo', id: 'e1', host: '127.0.0.1', port: echo.port, protocol: 'grpc' })
  await until('the node is known', () => gateway.nodeCount() === 2)
  using client = createEchoClient(port)
  const call = client.start('Bidi')
  call.send({ text: 'a' })
  await until('the first reply', () => call.replies.length === 1)
  // By then, the rules for slow clients have looked at the call as well.
  using plain = await openRawHttp2(port)
  plain.write(headersFrame(1, post('/user/x'), { isEnd: false }), dataFrame(1, 'half'))
  await plain.receives('RST_STREAM 1')
  call.send({ text: 'b' })
  call.end()
  const { status, replies } = await call.result
  assert.deepEqual([status, replies.map(({ text }) => text)], ['OK', ['a', 'b']])
  assert.equal((await ended('body-idle')) + (await ended('body-slow')), 1)
})

test('a gRPC call that is known to have one message, and one of gRPC-web, may not be silent', async t => {
  const { port, adminPort, registry, ended } = await setUp(t, { bodyIdleTimeoutMs: 100 })
  await using echo = await startGrpcNode('echo', { reflection: true })
  registry.putRoute('echo', { path: `/${ECHO}/*`, service: 'echo', auth: 'none' })
  await registry.register({ service: 'echo', id: 'e1', host: '127.0.0.1', port: echo.port, protocol: 'grpc' })
  await until('its methods are known', async () => {
    const { text } = await send(adminPort, { path: '/services/echo/methods' })
    return text.includes('"kind":"unary"')
  })
  const half = (id: number, contentType: string, method: string) => [
    headersFrame(id, requestLines(['content-type', contentType], 'POST', `/${ECHO}/${method}`), {
      isEnd: false,
    }),
    dataFrame(id, '\0'),
  ]
  using client = await openRawHttp2(port)
  client.write(...half(1, 'application/grpc', 'Unary'), ...half(3, 'application/grpc-web', 'ServerStream'))
  await client.receives('RST_STREAM 1')
  await client.receives('RST_STREAM 3')
  assert.equal(await ended('body-idle'), 2)
})

test('a stream whose client takes nothing is cancelled, and the others go on', async t => {
  const { port, node, ended } = await setUp(t, { sendIdleTimeoutMs: 100 })
  using client = await openRawHttp2(port, { hello: NO_WINDOW })
  client.write(headersFrame(1, get('/user/large')), headersFrame(3, get('/user/x')))
  client.write(windowUpdateFrame(3, 10))
  assert.equal((await client.receives('DATA 3')).payload.toString(), 'ok')
  // PINGs do not count as taking something.
  const pings = setInterval(() => client.write(pingFrame()), 20)
  t.after(() => clearInterval(pings))
  assert.equal(describeFrame(await client.receives('RST_STREAM 1')), 'RST_STREAM 1 CANCEL')
  assert.equal(await ended('send-idle'), 1)
  await until('the node is free of it', () => node.open.size === 1)
})

test('a connection whose client opens no window for it, or reads nothing, is ended', async t => {
  const { port, node, ended, metric } = await setUp(t, { sendIdleTimeoutMs: 100 })
  // Its streams have windows, and the connection has 65,535 bytes.
  using greedy = await openRawHttp2(port, {
    hello: Buffer.concat([PREFACE, settingsFrame([INITIAL_WINDOW, MIB])]),
  })
  greedy.write(headersFrame(1, get('/user/large')))
  await greedy.closed
  using deaf = await openRawHttp2(port, {
    hello: Buffer.concat([PREFACE, settingsFrame([INITIAL_WINDOW, 1 << 30])]),
  })
  deaf.write(SETTINGS_ACK, windowUpdateFrame(0, 1 << 30), headersFrame(1, get('/user/large')))
  await deaf.receives('DATA 1')
  deaf.socket.pause()
  await until('both are ended', async () => (await ended('send-idle')) === 2)
  assert.equal(await metric('waygate_client_connections_ended_total{reason="send-idle"}'), 2)
  await until('the node is free of them', () => node.open.size === 0)
})

test('what is dropped with the streams that a client resets does not count as taken', async t => {
  const { port, node, ended } = await setUp(t, { sendIdleTimeoutMs: 200 })
  using deaf = await openRawHttp2(port, {
    hello: Buffer.concat([PREFACE, settingsFrame([INITIAL_WINDOW, 1 << 30])]),
  })
  deaf.write(SETTINGS_ACK, windowUpdateFrame(0, 1 << 30), headersFrame(1, get('/user/large')))
  await deaf.receives('DATA 1')
  deaf.socket.pause()
  let last = 1
  const renew = setInterval(() => {
    deaf.write(rstStreamFrame(last, 8))
    last += 2
    deaf.write(headersFrame(last, get('/user/large')))
  }, 50)
  t.after(() => clearInterval(renew))
  await until('it is ended', async () => (await ended('send-idle')) === 1)
  await until('the node is free of it', () => node.open.size === 0)
})

test('a client that drips its body, or takes its answer byte by byte, is cancelled; some may be slow', async t => {
  const { port, ended } = await setUp(t, { minBytesPerSecond: 10_000, minRateGraceMs: 200 })
  using client = await openRawHttp2(port, { hello: NO_WINDOW })
  client.write(headersFrame(1, post('/user/x'), { isEnd: false }), headersFrame(3, get('/user/large')))
  client.write(headersFrame(5, post('/unhurried'), { isEnd: false }), headersFrame(7, get('/user/events')))
  const drip = setInterval(() => {
    for (const id of [1, 5]) client.write(dataFrame(id, 'x'))
    for (const id of [3, 7]) client.write(windowUpdateFrame(id, 1))
  }, 20)
  t.after(() => clearInterval(drip))
  await Promise.all([client.receives('RST_STREAM 1 CANCEL'), client.receives('RST_STREAM 3 CANCEL')])
  assert.deepEqual([await ended('body-slow'), await ended('send-slow')], [1, 1])
  // One that began later has had its time, too.
  client.write(headersFrame(9, post('/user/x'), { isEnd: false }))
  await client.receives('RST_STREAM 9 CANCEL')
  assert.ok(!client.described.some(line => /^(RST_STREAM [57]|GOAWAY)/.test(line)))
})

test('four clients that read nothing hold little, while a hundred others go on', async t => {
  const { port, metric } = await setUp(t)
  const hello = Buffer.concat([PREFACE, settingsFrame([INITIAL_WINDOW, 0])])
  const deaf = await Promise.all([1, 2, 3, 4].map(() => openRawHttp2(port, { hello })))
  for (const client of deaf) {
    for (let id = 1; id < 20; id += 2) client.write(headersFrame(id, get('/user/large')))
  }
  for (const client of deaf) await client.receives('HEADERS 19')
  const others = Array.from({ length: 100 }, () => openHttp2(t, port))
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(others.map(session => askHttp2(session, { ':path': '/user/x' })))
    assert.ok(answers.every(({ text }) => text === 'ok'))
  }
  const held = await metric('waygate_http2_buffered_bytes')
  assert.ok(held > 0 && held <= 8 * MIB, `${held}`)
  for (const client of deaf) client.socket.destroy()
  await until('nothing is held', async () => (await metric('waygate_http2_buffered_bytes')) === 0)
})

test('an upload gets its window back only as its node takes it, and does not hold up others', async t => {
  const { port, node, metric } = await setUp(t)
  const session = openHttp2(t, port)
  const stuck = session.request({ ':path': '/user/stuck', ':method': 'POST' }, { endStream: false })
  stuck.on('error', () => {})
  let sent = 0
  const fill = () => {
    sent += 65_536
    stuck.write(Buffer.alloc(65_536))
  }
  stuck.on('drain', fill)
  fill()
  await node.received(1)
  let before = -1
  await until(
    'nothing more is taken',
    () => {
      const isStill = before === sent
      before = sent
      return isStill
    },
    { everyMs: 300 },
  )
  // What the sockets of the system hold, and one window.
  assert.ok(sent < 64 * MIB, `${sent}`)
  assert.ok((await metric('waygate_http2_buffered_bytes')) <= MIB)
  assert.equal(
    (await askHttp2(session, { ':path': '/user/x', ':method': 'POST' }, 'x'.repeat(100_000))).text,
    'ok',
  )
  stuck.close(8)
})

test('beyond http2.bufferedBytes, connections that hold much get no new requests, and others do', async t => {
  const node = await startNode(t, (socket, { target }) =>
    socket.write(answer(target === '/large' ? 'x'.repeat(60_000) : 'ok')),
  )
  const { port, adminPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { http2: { bufferedBytes: MIB } },
  })
  using greedy = await openRawHttp2(port, { hello: NO_WINDOW })
  const honest = openHttp2(t, port)
  assert.equal((await askHttp2(honest, { ':path': '/user/x' })).text, 'ok')
  for (let id = 1; id < 40; id += 2) greedy.write(headersFrame(id, get('/user/large')))
  await until('much is held', async () => {
    const { text } = await send(adminPort, { path: '/metrics' })
    return Number(/^waygate_http2_buffered_bytes (\d+)$/m.exec(text)?.[1]) > MIB
  })
  greedy.write(headersFrame(101, get('/user/x')))
  assert.equal(describeFrame(await greedy.receives('RST_STREAM 101')), 'RST_STREAM 101 REFUSED_STREAM')
  assert.equal((await askHttp2(honest, { ':path': '/user/x' })).text, 'ok')
  greedy.write(
    windowUpdateFrame(0, 2 * MIB),
    ...Array.from({ length: 20 }, (_, i) => windowUpdateFrame(i * 2 + 1, 60_000)),
  )
  await greedy.until(({ described }) => described.filter(line => line.endsWith('END_STREAM')).length === 20)
  greedy.write(headersFrame(103, get('/user/x')))
  await greedy.receives('HEADERS 103')
})

test('at twice http2.bufferedBytes, the connection that holds most loses its requests, and others go on', async t => {
  const node = await startHttp2Node(t, ({ stream, headers }) => {
    stream.respond({ ':status': 200 })
    stream.end(Buffer.alloc(headers[':path'] === '/user/small' ? 30_000 : 200_000))
  })
  const { port, adminPort } = await startTestGateway(t, {
    nodes: { 'user/u1': { port: node.port, protocol: 'h2c' } },
    document: { http2: { bufferedBytes: MIB } },
    routes: { user: { path: '/user/*', service: 'user' } },
  })
  using modest = await openRawHttp2(port, { hello: NO_WINDOW })
  modest.write(headersFrame(1, get('/user/small')))
  await modest.receives('HEADERS 1')
  using greedy = await openRawHttp2(port, { hello: NO_WINDOW })
  greedy.write(...Array.from({ length: 50 }, (_, i) => headersFrame(i * 2 + 1, get('/user/large'))))
  assert.match(describeFrame(await greedy.receives('RST_STREAM')), /CANCEL$/)
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.ok(Number(/^waygate_http2_buffered_bytes (\d+)$/m.exec(text)?.[1]) <= 2 * MIB)
  assert.match(text, /^waygate_http2_ended_total\{reason="held-bytes"\} [1-9]/m)
  modest.write(windowUpdateFrame(1, 30_000))
  await modest.until(({ described }) => described.some(line => line.endsWith('END_STREAM')))
})

test('a body that no node takes, because a fallback answers, is not held', async t => {
  const { port, adminPort } = await startTestGateway(t, {
    routes: {
      r: { path: '/gone/*', service: 'gone', auth: 'none', fallback: { status: 200, body: 'later' } },
    },
    document: { http2: { connectionWindowBytes: 65_535, streamWindowBytes: 65_535 } },
  })
  const session = openHttp2(t, port)
  for (let i = 0; i < 5; i++) {
    const given = await askHttp2(session, { ':path': '/gone/x', ':method': 'POST' }, 'x'.repeat(30_000))
    assert.equal(given.text, 'later')
  }
  await until('nothing is held', async () => {
    const { text } = await send(adminPort, { path: '/metrics' })
    return /^waygate_http2_buffered_bytes 0$/m.test(text)
  })
})
