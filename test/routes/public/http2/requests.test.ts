import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, type Script, startNode } from '../../../support/node-server.ts'
import { until } from '../../../support/until.ts'

async function setUp(t: TestContext, script: Script, more: GatewaySetUp = {}) {
  const node = await startNode(t, script)
  const gateway = await startTestGateway(t, { nodes: { 'user/u1': node.port }, ...more })
  return { node, ...gateway, session: openHttp2(t, gateway.port) }
}

test('a request reaches its node as one of HTTP/1 would, and the log tells them apart', async t => {
  const { node, session, port, logged } = await setUp(t, socket => socket.write(answer('yes', ['X-Node: 1'])))
  const { status, headers, text, code } = await askHttp2(session, {
    ':path': '/user/a?b=c',
    'x-request-id': 'two',
    'x-own': 'caf\xe9',
    'x-forwarded-for': '6.6.6.6',
    'x-user-id': 'root',
    te: 'trailers',
    cookie: ['a=1', 'b=2'],
  })
  assert.deepEqual([status, text, code], [200, 'yes', 0])
  assert.equal(headers['x-node'], '1')
  assert.equal(headers['content-length'], '3')
  assert.equal(headers['x-request-id'], 'two')
  assert.ok(Math.abs(Date.parse(headers.date!) - Date.now()) < 60_000)
  const [request] = node.requests
  assert.deepEqual([request!.method, request!.target], ['GET', '/a?b=c'])
  assert.equal(request!.header('x-own'), 'caf\xe9')
  assert.equal(request!.header('cookie'), 'a=1; b=2')
  assert.equal(request!.header('te'), 'trailers')
  assert.equal(request!.header('x-forwarded-for'), '127.0.0.1')
  assert.equal(request!.header('x-forwarded-proto'), 'http')
  assert.equal(request!.header('x-forwarded-host'), `127.0.0.1:${port}`)
  assert.equal(request!.header('x-user-id'), undefined)
  assert.equal(request!.header('transfer-encoding'), undefined)
  assert.equal(request!.header('content-length'), undefined)
  const line = await logged('two')
  assert.deepEqual([line.http, line.status, line.path, line.node], ['2', 200, '/user/a', 'u1'])
  await send(port, { path: '/user', headers: { 'x-request-id': 'one' } })
  assert.equal((await logged('one')).http, '1.1')
})

test('bodies of any size pass both ways, with and without a length', async t => {
  const node = createServer((request, response) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    response.setHeader('x-framing', `${length} ${encoding}`)
    if (length !== undefined) response.setHeader('content-length', length)
    request.pipe(response)
  })
  await once(node.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    node.close()
    node.closeAllConnections()
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': (node.address() as AddressInfo).port } })
  const session = openHttp2(t, port)
  for (const size of [0, 1, 230, 16_384, 65_535, 65_536, 3_000_000]) {
    const body = Buffer.alloc(size, 'waygate ')
    const ask = { ':method': 'POST', ':path': '/user/echo' }
    const known = await askHttp2(session, { ...ask, 'content-length': size }, body)
    assert.deepEqual([known.status, known.text === body.toString()], [200, true], `${size}`)
    assert.equal(known.headers['x-framing'], `${size} undefined`)
    assert.equal(known.headers['content-length'], String(size))
    const unknown = await askHttp2(session, ask, body)
    assert.deepEqual([unknown.status, unknown.text === body.toString()], [200, true], `${size}`)
    assert.equal(unknown.headers['x-framing'], 'undefined chunked')
  }
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      askHttp2(session, { ':method': 'PUT', ':path': '/user/echo' }, `body ${i} `.repeat(2_000)),
    ),
  )
  all.forEach(({ text }, i) => {
    assert.equal(text, `body ${i} `.repeat(2_000))
  })
})

test('what HTTP/1 is refused, HTTP/2 is refused with the same status and problem', async t => {
  const { session, port, node, logged } = await setUp(
    t,
    (socket, { whole }) => whole.then(() => socket.write(answer())),
    {
      withKey: true,
      config: { clientLimits: { bodyBytes: 1_000, headerBytes: 2_000, targetBytes: 500 } },
      routes: {
        open: { path: '/open', service: 'user', methods: ['GET', 'POST'], auth: 'none' },
        closed: { path: '/closed', service: 'user', auth: 'jwt' },
      },
    },
  )
  const post = { ':method': 'POST', ':path': '/open' }
  for (const [status, code, headers, body] of [
    [404, 'WG_NO_ROUTE', { ':path': '/nowhere' }],
    [405, 'WG_METHOD_NOT_ALLOWED', { ':path': '/open', ':method': 'DELETE' }],
    [401, 'WG_TOKEN_MISSING', { ':path': '/closed' }],
    [401, 'WG_TOKEN_INVALID', { ':path': '/closed', authorization: 'Bearer x.y.z' }],
    [413, 'WG_BODY_TOO_LARGE', { ...post, 'content-length': 1_001 }, 'x'.repeat(1_001)],
    [413, 'WG_BODY_TOO_LARGE', post, 'x'.repeat(100_000)],
    [414, 'WG_URI_TOO_LONG', { ':path': `/open?${'x'.repeat(500)}` }],
    [417, 'WG_EXPECTATION_FAILED', { ...post, expect: 'miracles' }],
    [400, 'WG_BAD_REQUEST', { ':path': '/open/../closed' }],
    [400, 'WG_BAD_REQUEST', { ':path': '//open' }],
    [400, 'WG_BAD_REQUEST', { ':path': '/open', ':method': 'FOO' }],
    [400, 'WG_BAD_REQUEST', { ':path': '/open', ':method': 'TRACE' }],
    [400, 'WG_BAD_REQUEST', { ':path': '*', ':method': 'OPTIONS' }],
    [400, 'WG_BAD_REQUEST', { ':method': 'CONNECT', ':authority': 'other.example:443' }],
  ] as const) {
    const got = await askHttp2(session, { ...headers, 'x-request-id': 'refused' }, body)
    assert.equal(got.status, status, JSON.stringify(headers))
    assert.equal(got.code, 0)
    assert.equal(got.headers['content-type'], 'application/problem+json')
    const { code: told, requestId } = got.json()
    assert.deepEqual([told, requestId], [code, 'refused'])
  }
  const large = await askHttp2(session, { ':path': '/open', 'x-large': 'x'.repeat(3_000) })
  assert.equal(large.status, 431)
  assert.equal(large.json().code, 'WG_HEADERS_TOO_LARGE')
  const line = await logged(String(large.json().requestId))
  assert.deepEqual([line.status, line.method, line.path, line.http], [431, '-', '-', '2'])
  const bearer = { authorization: `Bearer ${token()}` }
  assert.equal((await askHttp2(session, { ':path': '/closed', ...bearer })).status, 200)
  // One connection has carried all of it.
  assert.equal((await send(port, { path: '/open' })).status, 200)
  assert.equal(
    node.requests.every(({ target }) => target === '/open' || target === '/closed'),
    true,
  )
})

test('an answer to HEAD, a 204 and a 304 have no body, and a refused HEAD has none either', async t => {
  const { session } = await setUp(t, (socket, { target, method }) => {
    if (method === 'HEAD') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
    else socket.write(`HTTP/1.1 ${target.slice(1)} Some\r\nX-A: b\r\n\r\n`)
  })
  const head = await askHttp2(session, { ':path': '/user/x', ':method': 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.text, head.code], [200, '5', '', 0])
  for (const status of [204, 304]) {
    const got = await askHttp2(session, { ':path': `/user/${status}` })
    assert.deepEqual([got.status, got.headers['x-a'], got.text, got.code], [status, 'b', '', 0])
  }
  const refused = await askHttp2(session, { ':path': '/nowhere', ':method': 'HEAD' })
  assert.deepEqual([refused.status, refused.text, refused.code], [404, '', 0])
})

test('fields that belong to the connection of a node stay there', async t => {
  const { session } = await setUp(t, socket =>
    socket.write(
      answer('ok', [
        'Connection: keep-alive, X-Hop',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'Upgrade: h2c',
        'TE: trailers',
        'X-Hop: 1',
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
      ]),
    ),
  )
  const { headers, status } = await askHttp2(session, { ':path': '/user' })
  assert.equal(status, 200)
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
  assert.deepEqual(Object.keys(headers).sort(), [
    ':status',
    'content-length',
    'date',
    'set-cookie',
    'x-request-id',
  ])
})

test('interim answers pass, and a body that waits to be asked for is asked for when the node wants it', async t => {
  const { session, node } = await setUp(t, async (socket, { method, whole }) => {
    if (method === 'GET') socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${answer()}`)
    else {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      socket.write(answer(String((await whole).length)))
    }
  })
  const hinted = await askHttp2(session, { ':path': '/user' })
  assert.deepEqual([hinted.status, hinted.interim], [200, [103]])
  const stream = session.request({
    ':path': '/user',
    ':method': 'PUT',
    expect: '100-continue',
    'content-length': 4,
  })
  await once(stream, 'continue')
  assert.equal(node.requests[1]!.header('expect'), '100-continue')
  stream.end('body')
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 200)
  stream.resume()
  await once(stream, 'close')
  const refused = session.request({ ':path': '/nowhere', ':method': 'PUT', expect: '100-continue' })
  let asked = false
  refused.on('continue', () => {
    asked = true
  })
  const [refusal] = await once(refused, 'response')
  refused.resume()
  await once(refused, 'close')
  assert.deepEqual([refusal[':status'], asked, refused.rstCode], [404, false, 0])
})

test('an answer that its node breaks off never looks whole, and other requests of the connection go on', async t => {
  const { session } = await setUp(t, (socket, { target }) => {
    if (target === '/slow') setTimeout(() => socket.write(answer('whole')), 50)
    else if (target === '/length') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart')
    else socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n')
  })
  const [slow, length, chunks] = await Promise.all(
    ['slow', 'length', 'chunks'].map(path => askHttp2(session, { ':path': `/user/${path}` })),
  )
  assert.deepEqual([slow!.text, slow!.code], ['whole', 0])
  assert.deepEqual([length!.text, length!.code], ['part', 2])
  assert.deepEqual([chunks!.text, chunks!.code], ['part', 2])
})

test('a request that its client takes back is taken back from the node, and the others go on', async t => {
  const { session, node, logged } = await setUp(t, (socket, { target }) => {
    if (target === '/kept') setTimeout(() => socket.write(answer('kept')), 100)
  })
  const kept = askHttp2(session, { ':path': '/user/kept' })
  const lost = session.request({ ':path': '/user/lost', 'x-request-id': 'lost' })
  lost.on('error', () => {})
  await node.received(2)
  lost.close(8)
  const line = await logged('lost')
  assert.deepEqual([line.status, line.node], [499, 'u1'])
  assert.equal((await kept).text, 'kept')
  await until('the node is free of it', () => node.open.size === 1)
})

test('a timeout of the node and one of the client are told as ever', async t => {
  const { session } = await setUp(t, () => {}, {
    routes: { r: { path: '/user', service: 'user', timeoutMs: 200 } },
  })
  assert.equal((await askHttp2(session, { ':path': '/user' })).status, 504)
  const silent = session.request({ ':path': '/user', ':method': 'POST' }, { endStream: false })
  silent.write('half')
  const [headers] = await once(silent, 'response')
  assert.equal(headers[':status'], 408)
  silent.resume()
  await once(silent, 'close')
  assert.equal(silent.rstCode, 0)
})
