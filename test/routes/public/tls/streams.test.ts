import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { ECHO, echoPackage } from '../../../support/grpc-echo.ts'
import { startGrpcNode } from '../../../support/grpc-node.ts'
import { startNode } from '../../../support/node-server.ts'
import { openRawTls } from '../../../support/tls-connections.ts'
import { untilSteady } from '../../../support/until.ts'
import { clientFrame, frameHead, handshake, OPCODE, startWebSocketNode } from '../../../support/websocket.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop.example')
const TLS = { ca: authority.pem, servername: 'shop.example' }
const document = { tls: { port: 0, ...server } }

test('a WebSocket over TLS carries frames both ways, also those that come with the handshake', async t => {
  const node = await startWebSocketNode(t)
  const { tlsPort } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    document,
    config: { shutdownTimeoutMs: 0 },
  })
  const client = await openRawTls(t, tlsPort, TLS)
  client.socket.write(handshake('/chat/x').replace('Host: h', 'Host: shop.example'))
  client.socket.write(clientFrame(OPCODE.text, 'early'))
  await client.until(`${frameHead(OPCODE.text, 5).toString('latin1')}early`)
  const large = 'x'.repeat(200_000)
  client.socket.write(clientFrame(OPCODE.text, large))
  await client.until(`${frameHead(OPCODE.text, large.length).toString('latin1')}${large}`)
  const end = await node.next()
  assert.equal(end.request.headers['x-forwarded-proto'], 'https')
  client.socket.write(clientFrame(OPCODE.close, Buffer.from([1_000 >> 8, 1_000 & 0xff])))
  await client.closed
  assert.equal(await end.closed, 1_000)
})

test('events reach a client over TLS one by one', async t => {
  const writes: ((text: string) => void)[] = []
  const node = await startNode(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    writes.push(text => socket.write(`${text.length.toString(16)}\r\n${text}\r\n`))
  })
  const { tlsPort } = await startTestGateway(t, { nodes: { 'user/u1': node.port }, document })
  const client = await openRawTls(t, tlsPort, TLS)
  client.socket.write('GET /user/events HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  await client.until('text/event-stream')
  for (let i = 0; i < 5; i++) {
    // The next one is written only once this one has come.
    writes[0]!(`data: ${i}\n\n`)
    await client.until(`data: ${i}\n\n`)
  }
})

test('gRPC over TLS: a unary call, a stream of replies, and a refusal', async t => {
  await using node = await startGrpcNode('n1')
  const nodes = { [`${ECHO}/n1`]: { port: node.port, protocol: 'grpc' } }
  const { tlsPort } = await startTestGateway(t, { document, nodes })
  const client = new grpc.Client(
    `127.0.0.1:${tlsPort}`,
    grpc.credentials.createSsl(Buffer.from(authority.pem)),
    {
      'grpc.ssl_target_name_override': 'shop.example',
      'grpc.default_authority': 'shop.example',
      'grpc.use_local_subchannel_pool': 1,
    },
  )
  t.after(() => client.close())
  const service = echoPackage[ECHO] as grpc.ServiceDefinition
  const call = (method: string, request: object) => {
    const { path, requestSerialize, responseDeserialize } = service[method]!
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
    const replies: { readonly text: string }[] = []
    stream.on('data', reply => replies.push(reply)).on('error', () => {})
    return new Promise<{ code: number; replies: typeof replies }>(resolve => {
      stream.on('status', ({ code }: grpc.StatusObject) => resolve({ code, replies }))
    })
  }
  const unary = await call('Unary', { text: 'hello' })
  assert.deepEqual([unary.code, unary.replies.map(({ text }) => text)], [0, ['hello']])
  const streamed = await call('ServerStream', { text: 'many', count: 100 })
  assert.deepEqual([streamed.code, streamed.replies.length], [0, 100])
  const refused = await call('Unary', { text: 'no', fail: { code: 5, message: 'gone', after: 0 } })
  assert.equal(refused.code, 5)
})

const MB = 1_048_576
const SIZE = 100 * MB
/** Far less than is sent, and far more than a gateway holds for one request. */
const MOST_HELD = 48 * MB

/** Starts a node that counts what it takes, and that gives as much as is taken. */
async function startBulkNode(t: TestContext) {
  let taken = 0
  let given = 0
  const piece = Buffer.alloc(65_536, 'x')
  const node = createServer(async (request, response) => {
    for await (const chunk of request) taken += chunk.length
    if (request.method === 'PUT') return void response.end(String(taken))
    response.writeHead(200, { 'content-length': SIZE })
    while (given < SIZE && !response.destroyed) {
      given += piece.length
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
    response.end()
  })
  await once(node.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    node.closeAllConnections()
    node.close()
  })
  return { port: (node.address() as AddressInfo).port, given: () => given }
}

test('100 MB go up over TLS complete', async t => {
  const node = await startBulkNode(t)
  const { tlsPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { user: { path: '/user', service: 'user', maxBodyBytes: 2 * SIZE, timeoutMs: 120_000 } },
    document,
  })
  const client = await openRawTls(t, tlsPort, TLS)
  client.socket.write(`PUT /user HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${SIZE}\r\n\r\n`)
  const piece = Buffer.alloc(MB, 'y')
  for (let sent = 0; sent < SIZE; sent += MB) {
    if (!client.socket.write(piece)) await once(client.socket, 'drain')
  }
  assert.match(await client.until(String(SIZE)), /^HTTP\/1\.1 200 /)
})

test('a client over TLS that stops reading holds the node back, and gets everything once it reads', async t => {
  const node = await startBulkNode(t)
  const { tlsPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { user: { path: '/user', service: 'user', timeoutMs: 120_000 } },
    document,
  })
  const { socket } = await openRawTls(t, tlsPort, TLS)
  socket.removeAllListeners('data')
  socket.pause()
  socket.write('GET /user HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n')
  const held = await untilSteady(node.given)
  t.diagnostic(`${(held / MB).toFixed(1)} MB were taken from the node`)
  assert.ok(held > 0 && held < MOST_HELD)
  let got = 0
  socket.on('data', (chunk: Buffer) => {
    got += chunk.length
  })
  socket.resume()
  await once(socket, 'close')
  assert.ok(got > SIZE)
})

test('a node that takes nothing holds a client over TLS back', async t => {
  const taken = Promise.withResolvers<void>()
  const node = createServer(async (request, response) => {
    await taken.promise
    request.resume().once('end', () => response.end('whole'))
  })
  await once(node.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    node.closeAllConnections()
    node.close()
  })
  const { tlsPort } = await startTestGateway(t, {
    nodes: { 'user/u1': (node.address() as AddressInfo).port },
    routes: { user: { path: '/user', service: 'user', maxBodyBytes: 2 * SIZE, timeoutMs: 120_000 } },
    document,
  })
  const client = await openRawTls(t, tlsPort, TLS)
  client.socket.write(`PUT /user HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${SIZE}\r\n\r\n`)
  const piece = Buffer.alloc(MB, 'y')
  let sent = 0
  const all = (async () => {
    for (; sent < SIZE; sent += MB) {
      if (!client.socket.write(piece)) await once(client.socket, 'drain')
    }
  })()
  const held = await untilSteady(() => sent)
  t.diagnostic(`${(held / MB).toFixed(1)} MB were taken from the client`)
  assert.ok(held < MOST_HELD)
  taken.resolve()
  await all
  await client.until('whole')
})
