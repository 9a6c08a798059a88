import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { openRaw, sendRaw } from '../../support/http.ts'
import { answer, deadPort, type Script, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const EXPECT = 'Host: h\r\nExpect: 100-continue\r\n'
const POST = `POST /user HTTP/1.1\r\n${EXPECT}Content-Length: 4\r\n\r\n`
const CHUNKED = `POST /user HTTP/1.1\r\n${EXPECT}Transfer-Encoding: chunked\r\n\r\n`

async function setUp(t: TestContext, script: Script, more: GatewaySetUp = {}) {
  const node = await startNode(t, script)
  return { node, ...(await startTestGateway(t, { nodes: { 'user/u1': node.port }, ...more })) }
}

const refuses: Script = socket => socket.write(answer('no', [], '401 Unauthorized'))
const asks: Script = async (socket, request) => {
  socket.write(CONTINUE)
  await request.whole
  socket.write(answer('ok'))
}
const silent: Script = async (socket, request) => {
  await request.whole
  socket.write(answer('ok'))
}

for (const [what, head] of Object.entries({ 'of known length': POST, 'in chunks': CHUNKED })) {
  test(`a node refuses a body ${what} before it is sent, and the client is never asked for it`, async t => {
    const { port, node } = await setUp(t, refuses)
    const client = await openRaw(port, head)
    const text = await client.closed
    assert.match(text, /^HTTP\/1\.1 401 Unauthorized\r\n/)
    assert.match(text, /\r\nconnection: close\r\n\r\nno$/i)
    const [request] = node.requests
    assert.equal(request!.header('expect'), '100-continue')
    assert.equal(request!.body().length, 0)
    // The node waits for a body that will not come, so no other request may follow on its connection.
    await node.idle()
  })

  test(`a client is asked for a body ${what} when the node asks for it, once and not before`, async t => {
    const asked = Promise.withResolvers<void>()
    const { port, node } = await setUp(t, async (socket, request) => {
      await asked.promise
      socket.write(CONTINUE + CONTINUE)
      await request.whole
      socket.write(answer('ok'))
    })
    const client = await openRaw(port, head)
    await node.received(1)
    assert.equal(client.text(), '')
    asked.resolve()
    await client.until(CONTINUE)
    client.socket.write(head === POST ? 'body' : '4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n')
    const text = await client.until(/\r\n\r\nok$/)
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 100', 'HTTP/1.1 200'])
    assert.doesNotMatch(text, /connection: close/i)
    assert.equal(String(await node.requests[0]!.whole), 'body')
    assert.deepEqual(node.requests[0]!.trailers(), head === POST ? [] : ['X-Sum', '1'])
    // Both connections go on.
    client.socket.write('GET /user/next HTTP/1.1\r\nHost: h\r\n\r\n')
    await node.received(2)
    assert.equal(node.connections, 1)
    client.socket.destroy()
  })
}

test('a client of a node that says nothing is asked for its body after a while', async t => {
  const { port, node } = await setUp(t, silent)
  const client = await openRaw(port, POST)
  await client.until(CONTINUE)
  assert.equal(node.requests[0]!.header('expect'), '100-continue')
  for (const socket of node.open) socket.write(CONTINUE)
  client.socket.write('body')
  const text = await client.until(/\r\n\r\nok$/)
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 100', 'HTTP/1.1 200'])
  client.socket.destroy()
})

test('a client that does not wait has its body passed on, whether or not the node answers its question', async t => {
  for (const script of [asks, silent]) {
    const { port, node } = await setUp(t, script)
    const client = await openRaw(port, `${POST}body`)
    await client.until(/\r\n\r\nok$/)
    assert.equal(String(await node.requests[0]!.whole), 'body')
    client.socket.destroy()
  }
})

test('a short timeout of the route leaves time for a node that does not know Expect', async t => {
  const { port } = await setUp(t, silent, {
    routes: { r: { path: '/user', service: 'user', timeoutMs: 600, retries: 0 } },
  })
  const client = await openRaw(port, POST)
  await client.until(CONTINUE)
  client.socket.write('body')
  assert.match(await client.until(/\r\n\r\nok$/), / 200 /)
  client.socket.destroy()
})

for (const [what, more] of Object.entries({
  'sends its body all the same': 'body',
  'sends another request in place of its body': 'GET /user/smuggled HTTP/1.1\r\nHost: h\r\n\r\n',
  'sends its body and another request': 'bodyGET /user/smuggled HTTP/1.1\r\nHost: h\r\n\r\n',
  'sends nothing more': '',
})) {
  test(`after a refusal the connection is closed, even if the client ${what}`, async t => {
    const { port, node } = await setUp(t, refuses)
    const client = await openRaw(port, POST)
    await client.until('\r\n\r\nno')
    client.socket.write(more)
    client.socket.end()
    const text = await client.closed
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 401'])
    await node.idle()
    assert.equal(node.requests.length, 1)
    assert.equal(node.requests[0]!.body().length, 0)
  })
}

test('a client that is refused and sends a large body first receives the whole answer', async t => {
  const body = 'x'.repeat(5_000_000)
  const { port } = await setUp(t, socket => socket.write(answer(body, [], '403 Forbidden')))
  const client = await openRaw(port)
  client.socket.pause()
  const head = POST.replace('Content-Length: 4', `Content-Length: ${body.length}`)
  await new Promise(resolve => client.socket.write(head + body, resolve))
  client.socket.resume()
  const text = await client.closed
  assert.match(text, /^HTTP\/1\.1 403 /)
  assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4).length, body.length)
})

test('a request that the gateway refuses reaches no node, and its connection is closed', async t => {
  const { port, node } = await setUp(t, asks, {
    withKey: true,
    routes: {
      small: { path: '/small', service: 'user', auth: 'none', maxBodyBytes: 1 },
      closed: { path: '/closed', service: 'user', auth: 'jwt' },
    },
  })
  for (const [path, status] of [
    ['/small', 413],
    ['/closed', 401],
    ['/nowhere', 404],
  ]) {
    const text = await sendRaw(port, POST.replace('/user', `${path}`))
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(text, /\r\nconnection: close\r\n/i)
  }
  assert.equal(node.requests.length, 0)
})

test('a request that a node refuses with a status of retryOn goes to another node, whose client is asked', async t => {
  let asked = 0
  const script: Script = (...given) =>
    asked++ === 0 ? given[0].write(answer('busy', [], '503 Busy')) : asks(...given)
  for (const [method, statuses] of [
    ['PUT', ['100', '200']],
    ['POST', ['503']],
  ] as const) {
    asked = 0
    const nodes = [await startNode(t, script), await startNode(t, script)]
    const { port } = await startTestGateway(t, {
      nodes: { 'user/u1': nodes[0]!.port, 'user/u2': nodes[1]!.port },
      routes: { r: { path: '/user', service: 'user', retryBufferBytes: 0 } },
    })
    const client = await openRaw(port, POST.replace('POST', method))
    if (method === 'PUT') {
      await client.until(CONTINUE)
      client.socket.write('body')
    }
    const text = await client.until(/\r\n\r\n(?:ok|busy)$/)
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      statuses,
    )
    for (const each of nodes.flatMap(({ requests }) => requests))
      assert.equal(each.header('expect'), '100-continue')
    client.socket.destroy()
  }
})

test('a body that was asked for and kept is sent to the next node without a question', async t => {
  let asked = 0
  const script: Script = async (socket, request, index) => {
    if (asked++ > 0) return silent(socket, request, index)
    socket.write(CONTINUE)
    await request.whole
    socket.write(answer('busy', [], '503 Busy'))
  }
  const nodes = [await startNode(t, script), await startNode(t, script)]
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': nodes[0]!.port, 'user/u2': nodes[1]!.port },
  })
  const client = await openRaw(port, POST.replace('POST', 'PUT'))
  await client.until(CONTINUE)
  client.socket.write('body')
  await client.until(/\r\n\r\nok$/)
  const requests = nodes.flatMap(node => node.requests)
  assert.deepEqual(requests.map(request => request.header('expect')).sort(), ['100-continue', undefined])
  for (const request of requests) assert.equal(String(await request.whole), 'body')
  client.socket.destroy()
})

test('a node that cannot be reached is no answer to the question', async t => {
  const node = await startNode(t, asks)
  const { port } = await startTestGateway(t, { nodes: { 'user/u0': await deadPort(), 'user/u1': node.port } })
  for (let i = 0; i < 4; i++) {
    const client = await openRaw(port, POST)
    await client.until(CONTINUE)
    client.socket.write('body')
    await client.until(/\r\n\r\nok$/)
    client.socket.destroy()
  }
  assert.equal(node.requests.length, 4)
})

test('a node that breaks off while it is asked is a failure, and the client’s body stays unread', async t => {
  const { port, node } = await setUp(t, socket => socket.resetAndDestroy())
  const text = await sendRaw(port, POST)
  assert.match(text, /^HTTP\/1\.1 502 .*"WG_UPSTREAM_UNREACHABLE"/s)
  assert.equal(node.requests.length, 1)
})

test('a client that leaves while the node is asked ends the try', async t => {
  const { port, node, logged } = await setUp(t, () => {})
  const client = await openRaw(port, POST.replace('Host: h', 'Host: h\r\nX-Request-Id: left'))
  await node.received(1)
  client.socket.resetAndDestroy()
  await node.idle()
  assert.equal((await logged('left')).status, 499)
})

test('interim answers and 100 Continue keep their order', async t => {
  const { port } = await setUp(t, async (socket, request) => {
    socket.write(`HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n${CONTINUE}`)
    await request.whole
    socket.write(`HTTP/1.1 102 Processing\r\n\r\n${answer('ok')}`)
  })
  const client = await openRaw(port, POST)
  await client.until(CONTINUE)
  client.socket.write('body')
  const text = await client.until(/\r\n\r\nok$/)
  assert.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['103', '100', '102', '200'],
  )
  client.socket.destroy()
})

test('a pipelined client is asked for its body when the answer before it has ended', async t => {
  const first = Promise.withResolvers<void>()
  const { port, node } = await setUp(t, async (socket, request, index) => {
    if (index > 0) return asks(socket, request, index)
    await first.promise
    socket.write(answer('<first>'))
  })
  // Of requests that are not safe, one is under way at a time.
  const second = POST.replace('POST', 'GET')
  const client = await openRaw(port, `GET /user HTTP/1.1\r\nHost: h\r\n\r\n${second}`)
  await node.received(2)
  assert.equal(client.text(), '')
  first.resolve()
  await client.until(`<first>${CONTINUE}`)
  client.socket.write('body')
  await client.until(/\r\n\r\nok$/)
  client.socket.destroy()
})

test('a request that asks for an upgrade as well is served as plain HTTP, refused or not', async t => {
  const upgrade =
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  for (const head of [POST, CHUNKED]) {
    const refused = await setUp(t, refuses)
    const text = await sendRaw(refused.port, head.replace('\r\n\r\n', `\r\n${upgrade}\r\n`))
    assert.match(text, /^HTTP\/1\.1 401 /)
    const { port, node } = await setUp(t, asks)
    const client = await openRaw(port, head.replace('\r\n\r\n', `\r\n${upgrade}\r\n`))
    await client.until(CONTINUE)
    client.socket.write(head === POST ? 'body' : '4\r\nbody\r\n0\r\n\r\n')
    assert.match(await client.closed, /\r\n\r\nok$/)
    assert.equal(String(await node.requests[0]!.whole), 'body')
  }
})

test('a request without a body, or of HTTP/1.0, has no question for the node', async t => {
  const { port, node } = await setUp(t, silent)
  for (const bytes of [
    `GET /user HTTP/1.1\r\n${EXPECT}\r\n`,
    POST.replace('Content-Length: 4', 'Content-Length: 0'),
    `${POST.replace('HTTP/1.1', 'HTTP/1.0')}body`,
  ]) {
    const client = await openRaw(port, bytes)
    const text = await client.until(/\r\n\r\nok$/)
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200'])
    assert.equal(node.requests.at(-1)!.header('expect'), undefined)
    client.socket.destroy()
  }
})

test('a refused client that keeps its body is not ended while it still receives the answer', async t => {
  const { port, node } = await setUp(
    t,
    socket => socket.write('HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n'),
    { config: { clientLimits: { bodyIdleTimeoutMs: 200 } } },
  )
  const refused = await openRaw(port, POST)
  await refused.until('begin')
  // A client that owes its body is ended meanwhile.
  const slow = await openRaw(port, 'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo')
  await slow.closed
  await until('the slow one has left the node', () => node.open.size === 1)
  for (const socket of node.open) socket.write('3\r\nend\r\n0\r\n\r\n')
  assert.match(await refused.closed, /end\r\n0\r\n\r\n$/)
})

test('a node that has answered is not sent the body later, however long its answer takes', async t => {
  const begins = 'HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n'
  const { port, node } = await setUp(
    t,
    (...given) => (given[2] === 0 ? given[0].write(begins) : silent(...given)),
    { routes: { r: { path: '/user', service: 'user', timeoutMs: 400 } } },
  )
  const client = await openRaw(port, `${POST}body`)
  await client.until('begin')
  // By then, the first node would have been sent its body as well.
  const later = await openRaw(port, POST)
  await later.until(CONTINUE)
  later.socket.destroy()
  for (const socket of node.open) socket.write('3\r\nend\r\n0\r\n\r\n')
  assert.match(await client.closed, /end\r\n0\r\n\r\n$/)
  assert.equal(node.requests[0]!.body().length, 0)
})

test('servers and clients of Node agree through the gateway', async t => {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', piece => {
      body += piece
    })
    request.on('end', () => response.end(`got ${body}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': (server.address() as AddressInfo).port } })
  const ask = async () => {
    const request = httpRequest({
      ...{ host: '127.0.0.1', port, path: '/user', method: 'POST', agent: false },
      headers: { Expect: '100-continue', 'Content-Length': '4' },
    })
    let wasAsked = false
    request.on('continue', () => {
      wasAsked = true
      request.end('body')
    })
    request.flushHeaders()
    const [response] = await once(request, 'response')
    const pieces = await response.toArray()
    return [wasAsked, response.statusCode, Buffer.concat(pieces).toString()]
  }
  assert.deepEqual(await ask(), [true, 200, 'got body'])
  server.on('checkContinue', (_request, response) => {
    response.writeHead(401)
    response.end('no')
  })
  assert.deepEqual(await ask(), [false, 401, 'no'])
})
