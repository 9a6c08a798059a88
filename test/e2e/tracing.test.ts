import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { GRPC_STATUS } from '../../internal/grpc/status.ts'
import type { ReceivedSpan } from '../support/collector.ts'
import { createEchoClient } from '../support/grpc-client.ts'
import { startGrpcNode } from '../support/grpc-node.ts'
import { openRaw, send } from '../support/http.ts'
import { askHttp2 } from '../support/http2-client.ts'
import { askJson } from '../support/json-gateway.ts'
import { registerNaming } from '../support/naming.ts'
import { answer, deadPort, startNode } from '../support/node-server.ts'
import { rawCall } from '../support/raw-call.ts'
import { startTaskNode } from '../support/task-node.ts'
import { startTracedGateway } from '../support/traced-gateway.ts'
import { until } from '../support/until.ts'
import { OPCODE, openWebSocket, startWebSocketNode } from '../support/websocket.ts'

const SERVER = 2
const CLIENT = 3
const ERROR = 2

/** The stable attributes of OpenTelemetry's semantic conventions 1.45 that spans have. All others are ours. */
const STABLE = new Set([
  ...['http.request.method', 'http.request.method_original', 'http.request.resend_count'],
  ...['http.response.status_code', 'http.route', 'url.path', 'url.scheme', 'url.full'],
  ...['server.address', 'server.port', 'client.address'],
  ...['network.peer.address', 'network.peer.port', 'network.protocol.version'],
  ...['user_agent.original', 'error.type'],
  ...['rpc.system.name', 'rpc.method', 'rpc.status_code'],
])

function pick(span: ReceivedSpan | undefined, ...names: readonly string[]): unknown[] {
  for (const name of Object.keys(span!.attributes)) {
    assert.ok(STABLE.has(name) || name.startsWith('waygate.'), name)
  }
  return names.map(name => span!.attributes[name])
}

const STATUS = 'http.response.status_code'

test('a request is one span, and its try another', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { users: { path: '/users/*', service: 'user', stripPrefix: '/users', auth: 'none' } },
  })
  const before = Date.now()
  const { headers } = await send(gateway.port, {
    path: '/users/7?token=secret',
    headers: { host: 'Api.example:8443', 'user-agent': 'a "quoted" one' },
  })
  const [request, attempt] = await gateway.spansOf(headers['x-request-id'], 2)
  assert.deepEqual([request?.name, request?.kind, request?.status], ['GET /users/*', SERVER, undefined])
  const { 'waygate.loop_wait_ms': loopWaitMs, ...attributes } = request!.attributes
  assert.equal(typeof loopWaitMs, 'number')
  assert.deepEqual(attributes, {
    'http.request.method': 'GET',
    'url.path': '/users/7',
    'url.scheme': 'http',
    'http.route': '/users/*',
    'http.response.status_code': 200,
    'server.address': 'api.example',
    'server.port': 8443,
    'client.address': '127.0.0.1',
    'network.peer.address': '127.0.0.1',
    'network.protocol.version': '1.1',
    'user_agent.original': 'a "quoted" one',
    'waygate.request_id': headers['x-request-id'],
    'waygate.route': 'users',
    'waygate.service': 'user',
    'waygate.attempts': 1,
    'waygate.revision': gateway.gateway.table.source().revision,
  })
  assert.deepEqual([attempt?.name, attempt?.kind, attempt?.status], ['GET', CLIENT, undefined])
  assert.deepEqual(attempt?.attributes, {
    'http.request.method': 'GET',
    'server.address': '127.0.0.1',
    'server.port': node.port,
    'url.full': `http://127.0.0.1:${node.port}/7`,
    'network.peer.address': '127.0.0.1',
    'network.peer.port': node.port,
    'http.response.status_code': 200,
    'waygate.service': 'user',
    'waygate.node': 'u1',
    'waygate.breaker': 'closed',
  })
  const times = [request, attempt, attempt, request].map((span, index) =>
    Number(index < 2 ? span?.startTimeUnixNano : span?.endTimeUnixNano),
  )
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
    'the try lies within the request',
  )
  assert.ok(Math.abs(times[0]! / 1e6 - before) < 10_000)
  const [batch] = gateway.collector.batches
  assert.equal(batch?.path, '/v1/traces')
  assert.equal(batch?.headers['content-type'], 'application/x-protobuf')
  assert.equal(batch?.resource['service.name'], 'waygate')
  assert.equal(batch?.resource['service.version'], 'test')
  assert.equal(batch?.body.includes('secret'), false, 'the query is nowhere')

  const line = await gateway.logged(String(headers['x-request-id']))
  assert.deepEqual([line.trace_id, line.span_id, line.trace_flags], [request?.traceId, request?.spanId, '03'])
})

test('a try says which address of a named node it reached', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(t, {
    nodes: {
      'plain/n1': { host: 'localhost', port: node.port },
      'gone/n1': { host: 'localhost', port: await deadPort() },
    },
  })
  for (const [service, port] of [
    ['plain', node.port],
    ['gone', undefined],
  ] as const) {
    const { headers } = await send(gateway.port, { path: `/${service}` })
    const [, attempt] = await gateway.spansOf(headers['x-request-id'], 2)
    assert.deepEqual(pick(attempt, 'server.address', 'network.peer.address', 'network.peer.port'), [
      'localhost',
      port && '127.0.0.1',
      port,
    ])
  }
})

test('each retry has a parent id of its own, and the failed try says why', async t => {
  const [well, dead] = [await startNode(t, socket => socket.write(answer())), await deadPort()]
  const gateway = await startTracedGateway(t, {
    nodes: { 'user/a': { port: dead, weight: 100 }, 'user/b': well.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none' } },
  })
  const { headers } = await send(gateway.port, { path: '/x' })
  const [request, first, second] = await gateway.spansOf(headers['x-request-id'], 3)
  assert.deepEqual(pick(first, 'error.type', STATUS, 'http.request.resend_count'), [
    'connect',
    undefined,
    undefined,
  ])
  assert.deepEqual(pick(second, 'error.type', STATUS, 'http.request.resend_count'), [undefined, 200, 1])
  assert.deepEqual([first?.status?.code, second?.status, request?.status], [ERROR, undefined, undefined])
  assert.deepEqual(pick(request, 'waygate.attempts', STATUS), [2, 200])
  assert.equal(well.requests[0]!.header('traceparent')?.split('-')[2], second?.spanId)
})

test('a status that is retried ends its try as an error', async t => {
  const bad = await startNode(t, socket => socket.write(answer('no', [], '503 Service Unavailable')))
  const gateway = await startTracedGateway(t, {
    nodes: { 'user/a': bad.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', retries: 0 } },
  })
  const { headers } = await send(gateway.port, { path: '/x' })
  const [request, attempt] = await gateway.spansOf(headers['x-request-id'], 2)
  assert.deepEqual(pick(attempt, 'error.type', STATUS), ['503', 503])
  assert.deepEqual(pick(request, 'error.type', STATUS), ['503', 503])
  assert.deepEqual([attempt?.status?.code, request?.status?.code], [ERROR, ERROR])
})

test('the second side of a hedge is a try of its own, and the first one was given up', async t => {
  const slow = await startNode(t, () => {})
  const fast = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(t, {
    nodes: { 'user/a': { port: slow.port, weight: 100 }, 'user/b': fast.port },
    routes: {
      r: { path: '/*', service: 'user', auth: 'none', hedge: { afterMs: 20 } },
    },
  })
  const { headers } = await send(gateway.port, { path: '/x' })
  const [, first, second] = await gateway.spansOf(headers['x-request-id'], 3)
  assert.deepEqual(pick(first, 'waygate.node', 'waygate.hedge', 'error.type'), ['a', undefined, 'canceled'])
  assert.deepEqual(pick(second, 'waygate.node', 'waygate.hedge', 'error.type'), ['b', true, undefined])
  assert.equal(first?.status, undefined)
  const sent = [slow, fast].map(({ requests }) => requests[0]!.header('traceparent')?.split('-')[2])
  assert.deepEqual(sent, [first?.spanId, second?.spanId])
})

test('the copy of a request is a try that says so', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const shadow = await startNode(t, socket => socket.write(answer('slow', [], '404 Not Found')))
  const gateway = await startTracedGateway(t, {
    nodes: { 'user/u1': node.port, 'shadow/s1': shadow.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', mirror: { service: 'shadow' } } },
  })
  const { headers } = await send(gateway.port, { path: '/x' })
  const spans = await gateway.spansOf(headers['x-request-id'], 3)
  const copy = spans.find(({ attributes }) => attributes['waygate.mirror'] === true)
  assert.deepEqual(pick(copy, 'waygate.service', STATUS, 'http.request.resend_count'), [
    'shadow',
    404,
    undefined,
  ])
  assert.equal(copy?.parentSpanId, spans[0]?.spanId)
  await shadow.received(1)
  assert.equal(shadow.requests[0]!.header('traceparent')?.split('-')[2], copy?.spanId)
  assert.notEqual(node.requests[0]!.header('traceparent'), shadow.requests[0]!.header('traceparent'))
})

test('a fallback is told, and its service has the try', async t => {
  const other = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(t, {
    nodes: { 'other/o1': other.port },
    routes: {
      fixed: { path: '/fixed', service: 'nobody', auth: 'none', fallback: { status: 200, body: 'later' } },
      other: { path: '/other', service: 'nobody', auth: 'none', fallback: { service: 'other' } },
    },
  })
  const fixed = await send(gateway.port, { path: '/fixed' })
  const [alone, ...none] = await gateway.spansOf(fixed.headers['x-request-id'], 1)
  assert.deepEqual([pick(alone, 'waygate.fallback', 'waygate.attempts'), none], [[true, 0], []])
  const served = await send(gateway.port, { path: '/other' })
  const [request, attempt] = await gateway.spansOf(served.headers['x-request-id'], 2)
  assert.deepEqual(pick(request, 'waygate.fallback', 'waygate.service'), [true, 'nobody'])
  assert.deepEqual(pick(attempt, 'waygate.service', 'waygate.node'), ['other', 'o1'])
})

test('refusals are spans without tries, and their problem documents name the trace', async t => {
  const gateway = await startTracedGateway(t, { nodes: {} }, { sampleRatio: 0 })
  const lost = await send(gateway.port, { method: 'PURGE', path: '/nowhere' })
  const [request] = await gateway.spansOf(lost.headers['x-request-id'], 1)
  assert.equal(lost.json().traceId, request?.traceId)
  assert.equal(request?.name, 'HTTP')
  assert.deepEqual(pick(request, 'http.request.method', 'http.request.method_original'), ['_OTHER', 'PURGE'])
  assert.deepEqual(pick(request, 'error.type', STATUS, 'http.route'), ['WG_NO_ROUTE', 404, undefined])
  assert.equal(request?.status, undefined, 'the mistake is the client’s')
  assert.equal((await gateway.logged(String(lost.headers['x-request-id']))).trace_flags, '02')
})

test('of requests that are not sampled, those that went wrong are sent, and no others', async t => {
  const node = await startNode(t, (socket, { target }) =>
    socket.write(answer('', [], target === '/bad' ? '500 Internal Server Error' : '404 Not Found')),
  )
  for (const alwaysErrors of [true, false]) {
    const gateway = await startTracedGateway(
      t,
      { nodes: { 'user/u1': node.port }, routes: { r: { path: '/*', service: 'user', auth: 'none' } } },
      { sampleRatio: 0, alwaysErrors },
    )
    for (const path of ['/well', '/bad', '/well']) await send(gateway.port, { path })
    await gateway.gateway.stop()
    const paths = gateway.collector.spans.map(({ attributes }) => attributes['url.path'])
    assert.deepEqual(paths, alwaysErrors ? ['/bad', undefined] : [])
  }
})

test('at most 100 traces a second are kept for their errors alone', async t => {
  const gateway = await startTracedGateway(t, { nodes: {} }, { sampleRatio: 0 })
  for (let i = 0; i < 15; i++) {
    await Promise.all(Array.from({ length: 20 }, () => send(gateway.port, { path: '/nowhere' })))
  }
  const { text } = await send(gateway.adminPort, { path: '/metrics' })
  await gateway.gateway.stop()
  const dropped = Number(/^waygate_spans_dropped_total\{reason="too_many_errors"\} (\d+)$/m.exec(text)?.[1])
  assert.equal(dropped + gateway.collector.spans.length, 300)
  const perSecond = Map.groupBy(gateway.collector.spans, ({ endTimeUnixNano }) =>
    endTimeUnixNano.slice(0, -9),
  )
  assert.ok([...perSecond.values()].every(({ length }) => length <= 200))
})

test('a client that leaves has no status and is no error, and the try was given up', async t => {
  const node = await startNode(t, () => {})
  const gateway = await startTracedGateway(t, { nodes: { 'user/u1': node.port } })
  const client = await openRaw(gateway.port, 'GET /user HTTP/1.1\r\nHost: a\r\nX-Request-Id: left\r\n\r\n')
  await node.received(1)
  client.socket.destroy()
  const [request, attempt] = await gateway.spansOf('left', 2)
  assert.deepEqual(pick(request, STATUS, 'error.type'), [undefined, undefined])
  assert.deepEqual(pick(attempt, STATUS, 'error.type'), [undefined, 'canceled'])
  assert.deepEqual([request?.status, attempt?.status], [undefined, undefined])
})

test('an answer that its node breaks off is an error', async t => {
  const node = await startNode(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    setTimeout(() => socket.destroy(), 50)
  })
  const gateway = await startTracedGateway(t, { nodes: { 'user/u1': node.port } })
  await assert.rejects(send(gateway.port, { path: '/user', headers: { 'x-request-id': 'cut' } }))
  const [request, attempt] = await gateway.spansOf('cut', 2)
  assert.deepEqual(pick(request, STATUS, 'error.type'), [200, 'reset'])
  assert.deepEqual(pick(attempt, STATUS, 'error.type'), [200, 'reset'])
  assert.deepEqual([request?.status?.code, attempt?.status?.code], [ERROR, ERROR])
})

test('a request of HTTP/2 says so', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const gateway = await startTracedGateway(t, { nodes: { 'user/u1': node.port } })
  const session = connect(`http://127.0.0.1:${gateway.port}`)
  t.after(() => session.destroy())
  await askHttp2(session, { ':path': '/user', 'x-request-id': 'h2' })
  const [request] = await gateway.spansOf('h2', 2)
  assert.deepEqual(pick(request, 'network.protocol.version', 'server.address'), ['2', '127.0.0.1'])
})

test('a gRPC call has its method and its status, in the request as in the try', async t => {
  const node = await startGrpcNode('n1')
  t.after(() => node.close())
  const gateway = await startTracedGateway(t, {
    nodes: {},
    routes: { echo: { path: '/waygate.test.v1.Echo/*', service: 'echo', auth: 'none' } },
  })
  const named = { service: 'echo', id: 'n1', host: 'localhost', port: node.port, protocol: 'grpc' } as const
  await gateway.registry.register(named)
  await until('the node is known', () => gateway.gateway.nodeCount() === 1)
  using client = createEchoClient(gateway.port)
  const call = await client.call('Unary', { text: 'hello' }, { metadata: { 'x-request-id': 'call' } })
  assert.equal(call.status, 'OK')
  const rpc = ['rpc.system.name', 'rpc.method', 'rpc.status_code', 'error.type']
  const spans = await gateway.spansOf('call', 2)
  for (const span of spans) {
    assert.deepEqual(pick(span, ...rpc), ['grpc', 'waygate.test.v1.Echo/Unary', 'OK', undefined])
    assert.deepEqual(pick(span, STATUS, 'network.peer.address'), [200, '127.0.0.1'])
  }

  const missing = await rawCall(gateway.port, 'grpc', {
    ...{ path: '/waygate.test.v1.Echo/NoSuch', headers: { 'x-request-id': 'missing' } },
  })
  assert.equal(missing.grpcStatus, GRPC_STATUS.UNIMPLEMENTED)
  const [request, attempt] = await gateway.spansOf('missing', 2)
  assert.deepEqual(pick(attempt, 'rpc.status_code', 'error.type'), ['UNIMPLEMENTED', 'UNIMPLEMENTED'])
  assert.deepEqual([request?.status?.code, attempt?.status?.code], [ERROR, ERROR])
})

test('JSON in front of gRPC is a request of HTTP and a try of gRPC', async t => {
  await using node = await startTaskNode()
  const gateway = await startTracedGateway(t, { nodes: {} })
  await registerNaming(gateway.registry, 'task', node.port)
  await until(
    'the schema is known',
    async () => (await askJson(gateway.port, 'POST', '/task/GetTask', { id: 1 })).status === 200,
  )
  await askJson(gateway.port, 'GET', '/task/GetTask?id=5', undefined, { 'x-request-id': 'json' })
  const [request, attempt] = await gateway.spansOf('json', 2)
  assert.deepEqual(pick(request, 'http.request.method', 'rpc.method'), ['GET', 'task.v1.Tasks/GetTask'])
  assert.deepEqual(pick(attempt, 'http.request.method', 'rpc.method', 'rpc.status_code'), [
    ...['POST', 'task.v1.Tasks/GetTask', 'OK'],
  ])
  const metadata = node.calls.at(-1)?.metadata.get('traceparent')
  assert.deepEqual(metadata, [`00-${request?.traceId}-${attempt?.spanId}-03`])

  const failed = await askJson(gateway.port, 'GET', '/task/GetTask?id=404')
  assert.equal(failed.status, 404)
  assert.match(failed.json.traceId, /^[0-9a-f]{32}$/)
})

test('a WebSocket is one span up to the 101, with an event at its close', async t => {
  const node = await startWebSocketNode(t)
  const gateway = await startTracedGateway(t, { nodes: { 'chat/c1': node.port } })
  const headers = { 'x-request-id': 'socket' }
  const client = await openWebSocket(t, gateway.port, { path: '/chat/room', headers })
  const end = await node.next()
  client.socket.send('hello')
  await end.received(OPCODE.text)
  client.socket.close()
  await client.closed
  const [request, attempt] = await gateway.spansOf('socket', 2)
  assert.deepEqual(pick(request, STATUS, 'http.route'), [101, '/chat/*'])
  assert.equal(request?.endTimeUnixNano, attempt?.endTimeUnixNano)
  assert.equal(request?.events?.[0]?.name, 'waygate.websocket.closed')
  assert.ok(Number(request?.events?.[0]?.timeUnixNano) > Number(request?.endTimeUnixNano))
  assert.equal(end.request.headers.traceparent, `00-${request?.traceId}-${attempt?.spanId}-03`)
})
