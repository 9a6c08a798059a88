import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { openRaw, sendRaw } from '../../support/http.ts'
import { answer, type Script, startNode } from '../../support/node-server.ts'

const LAST = 'Connection: close\r\n\r\n'
const GET = `GET /user HTTP/1.1\r\nHost: h\r\n${LAST}`
const OK = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'

async function setUp(t: TestContext, script: Script, more: GatewaySetUp = {}) {
  const node = await startNode(t, script)
  return { node, ...(await startTestGateway(t, { nodes: { 'user/u1': node.port }, ...more })) }
}

/** Starts a node that answers with what a test sets. */
async function answering(t: TestContext, more: GatewaySetUp = {}) {
  let bytes = ''
  const scene = await setUp(t, socket => socket.write(bytes, 'latin1'), more)
  return {
    ...scene,
    /** Resolves with what a client receives when the node answers so. */
    from: (text: string, request = GET) => {
      bytes = text
      return sendRaw(scene.port, request)
    },
  }
}

test('the trailers of an answer reach the client behind its chunks, whether or not they were announced', async t => {
  const { from } = await answering(t)
  const announced = await from(
    `${OK}Trailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: caf\xe9\r\n\r\n`,
  )
  assert.match(announced, /\r\ntrailer: X-Sum\r\n/)
  assert.ok(announced.endsWith('\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: caf\xe9\r\n\r\n'), announced)
  const silent = await from(`${OK}\r\n0\r\nX-Sum: 1\r\n\r\n`)
  assert.doesNotMatch(silent, /trailer/i)
  assert.ok(silent.endsWith('\r\n\r\n0\r\nX-Sum: 1\r\n\r\n'), silent)
})

test('trailers that come long after their answer’s head are passed on as well, and Node’s client reads them', async t => {
  const { port, node } = await setUp(t, socket => socket.write(`${OK}\r\n5\r\nfirst\r\n`))
  const request = httpRequest({ host: '127.0.0.1', port, path: '/user', headers: { TE: 'trailers' } }).end()
  const [response] = await once(request, 'response')
  const [piece] = await once(response, 'data')
  assert.equal(String(piece), 'first')
  for (const socket of node.open) socket.write('6\r\nsecond\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n')
  await once(response.resume(), 'end')
  assert.deepEqual(response.rawTrailers, ['X-Sum', '1', 'x-sum', '2'])
})

test('trailers that must not be any are dropped, announced or not', async t => {
  const { from } = await answering(t)
  const text = await from(
    `${OK}Connection: x-hop\r\nTrailer: Set-Cookie, X-Hop, X-User-Id\r\n\r\n2\r\nok\r\n0\r\n` +
      'Set-Cookie: forged=1\r\nX-User-Id: root\r\nX-Hop: 1\r\nContent-Type: text/html\r\nX-Request-Id: forged\r\n' +
      'Location: /\r\nContent_Encoding: gzip\r\nAuthorization: x\r\nX-Sum: 1\r\n\r\n',
  )
  assert.ok(text.endsWith('2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'), text)
  assert.doesNotMatch(text, /trailer|forged|root/i)
})

test('an answer that cannot have trailers is passed on without them', async t => {
  const { from, port } = await answering(t)
  const chunked = `${OK}Trailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n`
  for (const [bytes, request, end] of [
    ['HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok', GET, 'ok'],
    ['HTTP/1.1 204 No Content\r\nTrailer: X-Sum\r\n\r\n', GET, ''],
    ['HTTP/1.1 304 Not Modified\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n', GET, ''],
    [`${OK}Trailer: X-Sum\r\n\r\n`, GET.replace('GET', 'HEAD'), ''],
    [chunked, GET.replace('1.1', '1.0'), 'ok'],
  ] as const) {
    const text = await from(bytes, request)
    assert.match(text, /^HTTP\/1\.1 [23]/)
    assert.ok(text.endsWith(`\r\n\r\n${end}`), text)
    assert.doesNotMatch(text, /trailer|x-sum/i)
  }
  assert.ok((await from(chunked)).endsWith('X-Sum: 1\r\n\r\n'))
  assert.ok(port > 0)
})

test('a trailer is hidden from the client where a policy removes or sets the field', async t => {
  const { from } = await answering(t, {
    routes: {
      r: {
        ...{ path: '/user', service: 'user' },
        responseHeaders: { remove: ['x-int-*'], set: { 'x-env': 'live' } },
      },
    },
  })
  const text = await from(
    `${OK}Trailer: X-Int-Host, X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Int-Host: db1\r\nX-Env: test\r\nX-Sum: 1\r\n\r\n`,
  )
  assert.match(text, /\r\ntrailer: X-Sum\r\n/)
  assert.ok(text.endsWith('0\r\nX-Sum: 1\r\n\r\n'), text)
})

test('an answer with broken or too many trailers never looks whole, or has none', async t => {
  const { from } = await answering(t)
  for (const trailers of [
    'X Y: 1\r\n',
    'X: a\0\r\n',
    'Content-Length: 5\r\n',
    `X: ${'x'.repeat(17_000)}\r\n`,
  ]) {
    const text = await from(`${OK}\r\n2\r\nok\r\n0\r\n${trailers}\r\n`)
    assert.ok(!text.endsWith('0\r\n\r\n'), text)
  }
  const many = await from(`${OK}\r\n2\r\nok\r\n0\r\n${'X: 1\r\n'.repeat(65)}\r\n`)
  assert.ok(many.endsWith('2\r\nok\r\n0\r\n\r\n'), many)
})

test('a client that takes trailers says so to the node, for this hop alone', async t => {
  const { port, node } = await setUp(t, socket => socket.write(answer('ok')))
  for (const [te, seen] of [
    ['TE: trailers', 'trailers'],
    ['te: gzip;q=0.5 , Trailers', 'trailers'],
    ['TE: gzip', undefined],
    ['TE: xtrailers', undefined],
    ['TE: trailers;q=0', undefined],
  ] as const) {
    await sendRaw(port, `GET /user HTTP/1.1\r\nHost: h\r\n${te}\r\nConnection: TE, close\r\n\r\n`)
    const request = node.requests.at(-1)!
    assert.equal(request.header('te'), seen, te)
    assert.equal(request.header('connection'), seen ? 'keep-alive, te' : 'keep-alive', te)
  }
  await sendRaw(port, 'GET /user HTTP/1.0\r\nHost: h\r\nTE: trailers\r\n\r\n')
  assert.equal(node.requests.at(-1)!.header('te'), undefined)
})

const POST = `POST /user HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n`
const whole: Script = async (socket, request) => {
  await request.whole.catch(() => {})
  socket.write(answer('ok'))
}

test('the trailers of a request reach the node behind its chunks', async t => {
  const { port, node } = await setUp(t, whole)
  await sendRaw(
    port,
    `${POST}Trailer: X-Sum, Host\r\n${LAST}2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: caf\xe9\r\n\r\n`,
  )
  const [request] = node.requests
  assert.deepEqual(request!.trailers(), ['X-Sum', '1', 'X-More', 'caf\xe9'])
  assert.equal(request!.header('trailer'), 'X-Sum')
  assert.equal(String(request!.body()), 'ok')
})

test('trailers of a request that arrive late, or in pieces, are passed on', async t => {
  const { port, node } = await setUp(t, whole)
  const client = await openRaw(port, `${POST}${LAST}2\r\nok\r\n`)
  await node.received(1)
  for (const byte of '0\r\nX-Sum: 1\r\n\r\n') {
    client.socket.write(byte)
    await new Promise(setImmediate)
  }
  assert.match(await client.closed, /^HTTP\/1\.1 200 /)
  assert.deepEqual(node.requests[0]!.trailers(), ['X-Sum', '1'])
})

test('no trailer of a request becomes an identity, a credential or a frame', async t => {
  const { port, node } = await setUp(t, whole, {
    config: {},
    document: { jwt: { claimHeaders: { email: 'x-email' } }, apiKeys: { enabled: true, header: 'X-Key' } },
  })
  const names = [
    ...[
      'X-User-Id',
      'x_user_id',
      'X-User_ID',
      'X-Email',
      'x_email',
      'X-Forwarded-For',
      'Forwarded',
      'X-Request-Id',
    ],
    ...[
      'Authorization',
      'X-Key',
      'x_key',
      'Cookie',
      'Host',
      'Connection',
      'Trailer',
      'X-Hop',
      'Content-Type',
      'Content_Length',
    ],
  ]
  const lines = names.map(name => `${name}: root\r\n`).join('')
  const text = await sendRaw(
    port,
    `${POST}Connection: close, x-hop\r\nTrailer: ${names.join(', ')}\r\n\r\n1\r\nx\r\n0\r\n${lines}X-Sum: 1\r\n\r\n`,
  )
  assert.match(text, /^HTTP\/1\.1 200 /)
  const [request] = node.requests
  assert.deepEqual(request!.trailers(), ['X-Sum', '1'])
  assert.equal(request!.header('trailer'), undefined)
  assert.ok(!request!.lines.includes('root'))
})

test('a trailer is hidden from the node where a policy removes or sets the header', async t => {
  const { port, node } = await setUp(t, whole, {
    routes: {
      r: {
        ...{ path: '/user', service: 'user' },
        requestHeaders: { remove: ['x-debug-*'], set: { 'x-tenant': 'acme' } },
      },
    },
  })
  await sendRaw(
    port,
    `${POST}Trailer: X_Tenant, X-Sum\r\n${LAST}1\r\nx\r\n0\r\nX_Tenant: evil\r\nx-debug-on: 1\r\nX-Sum: 1\r\n\r\n`,
  )
  const [request] = node.requests
  assert.deepEqual(request!.trailers(), ['X-Sum', '1'])
  assert.equal(request!.header('trailer'), 'X-Sum')
})

test('the trailers of a request are limited in size and in number', async t => {
  const { port, node } = await setUp(t, whole)
  const large = await sendRaw(
    port,
    `${POST}${LAST}1\r\nx\r\n0\r\n${`X: ${'x'.repeat(1_000)}\r\n`.repeat(40)}\r\n`,
  )
  assert.doesNotMatch(large, /^HTTP\/1\.1 200 /)
  const many = await sendRaw(port, `${POST}${LAST}1\r\nx\r\n0\r\n${'X: 1\r\n'.repeat(65)}\r\n`)
  assert.match(many, /^HTTP\/1\.1 200 /)
  assert.deepEqual(node.requests.at(-1)!.trailers(), [])
})

test('a request with a body that is refused loses its trailers with it, and the next request is read as one', async t => {
  const { port, node } = await setUp(t, whole)
  const client = await openRaw(
    port,
    `${POST.replace('/user', '/nowhere')}\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\nGET /user/next HTTP/1.1\r\nHost: h\r\n${LAST}`,
  )
  assert.deepEqual((await client.closed).match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 404', 'HTTP/1.1 200'])
  assert.deepEqual(
    node.requests.map(({ target }) => target),
    ['/next'],
  )
})
