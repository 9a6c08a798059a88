import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const PUT = 'PUT /user HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n'

/** Starts a gateway with a node that answers when it has the whole body. */
async function setUp(t: TestContext, options: Omit<GatewaySetUp, 'nodes'> = {}) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok'))
  })
  return { node, ...(await startTestGateway(t, { ...options, nodes: { 'user/u1': node.port } })) }
}

test('a client that stops sending its body gets 408 after the route’s timeout, and is disconnected', async t => {
  const { port, node, logged } = await setUp(t, {
    routes: { r: { path: '/user', service: 'user', timeoutMs: 200 } },
  })
  // With an open connection to the node, the timeout can only expire while the client owes the body.
  assert.equal((await send(port, { path: '/user' })).status, 200)
  const client = await openRaw(port, `${PUT}X-Request-Id: silent\r\n\r\nhalf`)
  assert.match(await client.closed, /^HTTP\/1\.1 408 .*WG_REQUEST_TIMEOUT/s)
  const line = await logged('silent')
  assert.deepEqual([line.status, line.code], [408, 'WG_REQUEST_TIMEOUT'])
  await node.idle()
})

test('a client that stops sending its body is disconnected before the route’s timeout, and the node is released', async t => {
  const { port, node, logged, log } = await setUp(t, { config: { clientLimits: { bodyIdleTimeoutMs: 50 } } })
  const client = await openRaw(port, `${PUT}X-Request-Id: silent\r\n\r\nhalf`)
  assert.equal(await client.closed, '')
  assert.equal((await logged('silent')).status, 499)
  await node.idle()
  // A refused request need not send its body, and must not keep the connection open for it.
  const refused = await openRaw(port, `${PUT.replace('/user', '/nowhere')}\r\nhalf`)
  assert.match(await refused.closed, /^HTTP\/1\.1 404 /)
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
})

test('a client that reads nothing of its answer keeps neither its connection nor the one to the node', async t => {
  const piece = Buffer.alloc(65_536)
  const node = await startNode(t, socket => {
    const fill = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
    socket.on('drain', fill)
    fill()
  })
  const { port, logged, log } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    config: { clientLimits: { sendIdleTimeoutMs: 50 } },
  })
  const client = await openRaw(port)
  client.socket.pause()
  client.socket.write('GET /user HTTP/1.1\r\nHost: h\r\nX-Request-Id: greedy\r\n\r\n')
  assert.equal((await logged('greedy')).status, 200)
  await node.idle()
  client.socket.destroy()
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
})

test('a connection is closed after the maximum number of requests, and its last answer says so', async t => {
  const { port, node } = await setUp(t, { config: { clientLimits: { requestsPerConnection: 2 } } })
  const text = await sendRaw(port, 'GET /user HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(5))
  const heads = text.split('HTTP/1.1 200 OK').slice(1)
  assert.deepEqual(
    heads.map(head => /^connection: (.*)$/im.exec(head)?.[1]),
    ['keep-alive', 'close'],
  )
  assert.equal(node.requests.length, 2)
})

test('connections beyond the limit are closed and counted, and logged once', async t => {
  const { port, adminPort, log } = await setUp(t, { config: { clientLimits: { connectionsPerAddress: 1 } } })
  const first = await openRaw(port, 'GET /user HTTP/1.1\r\nHost: h\r\n\r\n')
  await first.until('ok')
  for (let i = 0; i < 2; i++) assert.equal(await sendRaw(port, 'GET /user HTTP/1.1\r\nHost: h\r\n\r\n'), '')
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /^waygate_client_connections\{protocol="h1"\} 1$/m)
  assert.match(text, /^waygate_client_connections_refused_total\{limit="address"\} 2$/m)
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40).map(({ limit, client }) => [limit, client]),
    [['address', '127.0.0.1']],
  )
  first.socket.destroy()
  await until(
    'a new connection is accepted',
    async () => (await send(port, { path: '/user' })).status === 200,
  )
})

test('the address of a trusted proxy is not limited', async t => {
  const { port } = await setUp(t, {
    config: { clientLimits: { connectionsPerAddress: 1 }, trustedProxies: ['127.0.0.1'] },
  })
  const first = await openRaw(port, 'GET /user HTTP/1.1\r\nHost: h\r\n\r\n')
  await first.until('ok')
  assert.equal((await send(port, { path: '/user' })).status, 200)
  first.socket.destroy()
})

test('a route may set its own body limit, above or below the general one', async t => {
  const { port, node } = await setUp(t, {
    config: { clientLimits: { bodyBytes: 100 } },
    routes: {
      small: { path: '/small', service: 'user', maxBodyBytes: 10 },
      large: { path: '/large', service: 'user', maxBodyBytes: 1_000 },
      any: { path: '/any', service: 'user', maxBodyBytes: 0 },
      other: { path: '/other', service: 'user' },
    },
  })
  const limits = { '/small': 10, '/large': 1_000, '/other': 100 }
  for (const [path, limit] of Object.entries(limits)) {
    for (const framing of ['length', 'chunks']) {
      const put = async (bytes: number) => {
        const headers: Record<string, string> =
          framing === 'length' ? { 'Content-Length': String(bytes) } : { 'Transfer-Encoding': 'chunked' }
        return (await send(port, { method: 'PUT', path, body: 'x'.repeat(bytes), headers })).status
      }
      assert.deepEqual([await put(limit), await put(limit + 1)], [200, 413], `${path} ${framing}`)
    }
  }
  assert.equal((await send(port, { method: 'PUT', path: '/any', body: 'x'.repeat(10_000) })).status, 200)
  assert.ok(node.requests.length > 0)
})

test('a refused client is not asked for its body, and need not send it', async t => {
  const { port, node } = await setUp(t, { config: { clientLimits: { bodyBytes: 100 } } })
  const expecting = (path: string, bytes: number) =>
    `PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${bytes}\r\nExpect: 100-continue\r\n\r\n`
  assert.match(await sendRaw(port, expecting('/user', 100_000_000)), /^HTTP\/1\.1 413 /)
  assert.match(await sendRaw(port, expecting('/nowhere', 4)), /^HTTP\/1\.1 404 /)
  assert.equal(node.requests.length, 0)
  const client = await openRaw(port, expecting('/user', 4))
  await client.until('HTTP/1.1 100 Continue\r\n\r\n')
  client.socket.write('body')
  await client.until(/HTTP\/1\.1 200 .*ok$/s)
  assert.equal(String(await node.requests[0]!.whole), 'body')
  client.socket.destroy()
})

test('the log has the client behind trusted proxies, and ignores X-Forwarded-For of strangers', async t => {
  const { port, logged } = await setUp(t, { config: { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] } })
  const ask = async (id: string, path: string) => {
    const headers = { 'X-Request-Id': id, 'X-Forwarded-For': '6.6.6.6, 192.0.2.7, 10.0.0.1' }
    await send(port, { path, headers })
    return (await logged(id)).client
  }
  assert.equal(await ask('routed', '/user'), '192.0.2.7')
  assert.equal(await ask('refused', '/nowhere'), '192.0.2.7')
  const stranger = await setUp(t)
  const headers = { 'X-Request-Id': 'stranger', 'X-Forwarded-For': '192.0.2.7' }
  await send(stranger.port, { path: '/user', headers })
  assert.equal((await stranger.logged('stranger')).client, '127.0.0.1')
})

test('all slow clients are disconnected, while others are answered', async t => {
  const { port, adminPort, log } = await setUp(t, {
    config: { clientLimits: { headersTimeoutMs: 300, bodyIdleTimeoutMs: 300, keepAliveTimeoutMs: 300 } },
  })
  const open = (count: number, text: string) =>
    Promise.all(Array.from({ length: count }, () => openRaw(port, text)))
  const slow = [
    ...(await open(40, 'GET /user HTTP/1.1\r\nHost: h\r\nX-Slow')),
    ...(await open(20, `${PUT}\r\nhalf`)),
    ...(await open(20, `${PUT.replace('/user', '/nowhere')}\r\nhalf`)),
    ...(await open(60, 'GET /user HTTP/1.1\r\nHost: h\r\n\r\n')),
    ...(await open(20, '')),
  ]
  let isOver = false
  const gone = Promise.all(slow.map(client => client.closed)).then(() => {
    isOver = true
  })
  let answered = 0
  while (!isOver) {
    assert.equal((await send(port, { path: '/user' })).status, 200)
    answered++
  }
  await gone
  assert.ok(answered > 0)
  await until('none is left', async () =>
    /^waygate_client_connections\{protocol="h1"\} 0$/m.test(
      (await send(adminPort, { path: '/metrics' })).text,
    ),
  )
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /^waygate_client_connections_ended_total\{reason="head-late"\} 60$/m)
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
})
