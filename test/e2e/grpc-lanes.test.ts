import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../support/gateway.ts'
import { createEchoClient } from '../support/grpc-client.ts'
import { startGrpcNode } from '../support/grpc-node.ts'
import { openRaw, send } from '../support/http.ts'
import { startHttp2Node } from '../support/http2-node.ts'
import { until } from '../support/until.ts'

const ECHO = 'waygate.test.v1.Echo'

async function listen(t: TestContext, server: ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Starts a gateway and registers nodes: id to port and protocol. */
async function startLanes(
  t: TestContext,
  nodes: Readonly<Record<string, readonly [port: number, protocol?: string]>>,
) {
  const gateway = await startTestGateway(t, {
    routes: {
      calls: { path: `/${ECHO}/*`, service: 'mixed', auth: 'none' },
      all: { path: '/*', service: 'mixed', auth: 'none', retries: 0 },
    },
  })
  for (const [id, [port, protocol]] of Object.entries(nodes)) {
    await gateway.registry.register({ service: 'mixed', id, host: '127.0.0.1', port, weight: 1, protocol })
  }
  await until('the nodes are known', () => gateway.gateway.nodeCount() === Object.keys(nodes).length)
  const page = async () => {
    const { routes } = (await send(gateway.adminPort, { path: '/routes' })).json() as {
      routes: { nodes: Record<string, unknown>[] }[]
    }
    return new Map(routes[0]!.nodes.map(node => [node.id, node]))
  }
  return { ...gateway, page }
}

test('each request goes to the nodes of its lane, and nodes of other protocols get none', async t => {
  await using calls = await startGrpcNode('calls')
  const http1 = await listen(
    t,
    createServer((_request, response) => response.end('http1')),
  )
  const h2c = await startHttp2Node(t, ({ stream, headers }) => {
    const pieces: Buffer[] = []
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' })
      stream.end(`h2c ${headers[':method']} ${headers['content-length'] ?? '-'} ${Buffer.concat(pieces)}`)
    })
  })
  const thrift = createTcpServer(() => assert.fail('it must get no connection'))
  const { port, adminPort, page } = await startLanes(t, {
    calls: [calls.port, 'grpc'],
    http1: [http1],
    h2c: [h2c.port, 'h2c'],
    thrift: [await listen(t, thrift), 'thrift'],
  })
  const answers = new Set<string>()
  for (let i = 0; i < 8; i++)
    answers.add((await send(port, { method: 'POST', path: '/post', body: '{"a":1}' })).text)
  assert.deepEqual([...answers].sort(), ['h2c POST 7 {"a":1}', 'http1'])
  using client = createEchoClient(port)
  for (let i = 0; i < 4; i++) assert.equal((await client.call('Unary', { text: 'hello' })).status, 'OK')
  assert.equal(calls.calls.length, 4)

  const nodes = await page()
  const shown = (id: string) => {
    const { protocol, lane, sessions, state, requests } = nodes.get(id)!
    return { protocol, lane, sessions, state, requests }
  }
  assert.deepEqual(shown('calls'), { protocol: 'grpc', lane: 'grpc', sessions: 1, state: 'up', requests: 4 })
  assert.deepEqual(shown('h2c'), { protocol: 'h2c', lane: 'http', sessions: 1, state: 'up', requests: 4 })
  assert.deepEqual(shown('http1'), {
    ...{ protocol: undefined, lane: undefined, sessions: undefined, state: 'up', requests: 4 },
  })
  assert.deepEqual(shown('thrift'), {
    ...{ protocol: 'thrift', lane: undefined, sessions: undefined, state: 'down', requests: 0 },
  })

  const closed = new Promise(resolve => h2c.sessions[0]!.once('close', resolve))
  h2c.sessions[0]!.close()
  await closed
  const metrics = (await send(adminPort, { path: '/metrics' })).text
  assert.match(metrics, /^waygate_node_sessions\{service="mixed",node="calls"\} 1$/m)
  assert.match(metrics, /^waygate_node_goaways_total 1$/m)
  assert.match(metrics, /^waygate_node_sessions_retired_total\{reason="goaway"\} 1$/m)
  assert.match(metrics, /^waygate_node_sessions_retired_total\{reason="cancels"\} 0$/m)
})

test('a gRPC call to a service whose nodes all speak plain HTTP finds no node', async t => {
  const h2c = await startHttp2Node(t)
  const { port } = await startLanes(t, { h2c: [h2c.port, 'h2c'] })
  using client = createEchoClient(port)
  const { status, message } = await client.call('Unary')
  assert.equal(status, 'UNAVAILABLE')
  assert.match(message, /No node/i)
  assert.equal(h2c.requests.length, 0)
})

test('a node with the wrong protocol says what to do, in the log and on /routes', async t => {
  await using calls = await startGrpcNode('calls')
  const http1 = await listen(
    t,
    createServer((_request, response) => response.end('http1')),
  )
  const { port, log, page } = await startLanes(t, { calls: [calls.port], http1: [http1, 'h2c'] })
  for (let i = 0; i < 4; i++) {
    const answer = await send(port, { path: '/plain' })
    assert.equal(answer.status, 502)
    assert.equal(answer.json().code, 'WG_UPSTREAM_INVALID')
  }
  const reasons = {
    calls: 'speaks HTTP/2: register it with protocol grpc or h2c (with TLS: grpcs or h2)',
    http1: 'speaks HTTP/1.1: register it without protocol (with TLS: https)',
  }
  const nodes = await page()
  for (const [id, reason] of Object.entries(reasons)) {
    assert.equal(nodes.get(id)!.problem, reason)
    const lines = log.filter(({ msg, node }) => msg === 'node speaks another protocol' && node === id)
    assert.deepEqual(
      lines.map(line => line.reason),
      [reason],
    )
  }
})

test('a WebSocket handshake for a node that speaks HTTP/2 is answered 502', async t => {
  const h2c = await startHttp2Node(t)
  const { port } = await startLanes(t, { h2c: [h2c.port, 'h2c'] })
  const client = await openRaw(
    port,
    'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await client.until('502 ')
  client.socket.destroy()
  assert.equal(h2c.requests.length, 0)
})
