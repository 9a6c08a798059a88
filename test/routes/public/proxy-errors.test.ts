import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { answer, deadPort, startNode } from '../../support/node-server.ts'

function isProblem(got: ClientAnswer, status: number, code: string): void {
  assert.equal(got.status, status, got.text)
  assert.equal(got.headers['content-type'], 'application/problem+json')
  const { requestId, detail, title, ...problem } = got.json()
  assert.deepEqual(problem, { type: `urn:waygate:error:${code}`, status, code })
  assert.ok(typeof detail === 'string' && typeof title === 'string')
  assert.equal(requestId, got.headers['x-request-id'])
  assert.ok(!/\d+\.\d+\.\d+\.\d+|ECONN|node:|\bat \//.test(got.text), got.text)
}

test('a path without a route is not found, and a method without one is not allowed', async t => {
  const { port } = await startTestGateway(t, {
    routes: { r: { path: '/x', methods: ['GET', 'PUT'], service: 'user' } },
  })
  isProblem(await send(port, { path: '/nowhere' }), 404, 'WG_NO_ROUTE')
  const got = await send(port, { path: '/x', method: 'POST' })
  isProblem(got, 405, 'WG_METHOD_NOT_ALLOWED')
  assert.equal(got.headers.allow, 'GET, HEAD, PUT')
  const head = await send(port, { path: '/nowhere', method: 'HEAD' })
  assert.deepEqual([head.status, head.text], [404, ''])
})

test('a service without nodes, or with drained ones only, answers that it has no node', async t => {
  const { port } = await startTestGateway(t, {
    nodes: { 'drained/d1': { port: 9, weight: 0 } },
    routes: { r: { path: '/none/*', service: 'none' } },
  })
  for (const path of ['/none/x', '/drained/x']) isProblem(await send(port, { path }), 503, 'WG_NO_NODE')
})

test('a node that refuses or resets is unreachable, a malformed answer is invalid, and a silent node times out', async t => {
  const reset = await startNode(t, socket => socket.resetAndDestroy())
  const odd = await startNode(t, socket => socket.write('SSH-2.0\r\n\r\n'))
  const silent = await startNode(t, () => {})
  const { port, log } = await startTestGateway(t, {
    nodes: { 'dead/n': await deadPort(), 'reset/n': reset.port, 'odd/n': odd.port, 'silent/n': silent.port },
    routes: { silent: { path: '/silent', service: 'silent', timeoutMs: 30 } },
  })
  isProblem(await send(port, { path: '/dead' }), 502, 'WG_UPSTREAM_UNREACHABLE')
  isProblem(await send(port, { path: '/reset' }), 502, 'WG_UPSTREAM_UNREACHABLE')
  isProblem(await send(port, { path: '/odd' }), 502, 'WG_UPSTREAM_INVALID')
  isProblem(await send(port, { path: '/silent' }), 504, 'WG_UPSTREAM_TIMEOUT')
  await silent.idle()
  // None of these is an error of the gateway.
  assert.deepEqual(
    log.filter(line => (line.level as number) >= 50),
    [],
  )
})

test('a node that keeps failing gets no requests, and clients are told when to retry', async t => {
  const node = await startNode(t, socket => socket.write(answer('no', [], '500 Odd')))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    config: {
      breaker: {
        failureRatio: 0.5,
        minimumRequests: 3,
        windowMs: 10_000,
        openMs: 5_000,
        maxOpenMs: 5_000,
        slowCallMs: null,
        statuses: null,
        ejectLastNode: true,
      },
    },
  })
  for (let i = 0; i < 3; i++) assert.equal((await send(port, { path: '/user' })).text, 'no')
  const got = await send(port, { path: '/user' })
  isProblem(got, 503, 'WG_CIRCUIT_OPEN')
  assert.match(String(got.headers['retry-after']), /^[1-5]$/)
  assert.equal(node.requests.length, 3)
})

test('a missing, an invalid and an insufficient token are refused', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port } = await startTestGateway(t, {
    withKey: true,
    nodes: { 'user/u1': node.port },
    routes: {
      admin: { path: '/admin', service: 'user', auth: { jwt: { roles: ['admin'] } } },
      any: { path: '/any', service: 'user' },
    },
  })
  const ask = (path: string, value?: string) =>
    send(port, { path, headers: value ? { Authorization: value } : {} })
  const missing = await ask('/any')
  isProblem(missing, 401, 'WG_TOKEN_MISSING')
  assert.equal(missing.headers['www-authenticate'], 'Bearer realm="waygate"')
  isProblem(await ask('/any', 'Bearer nonsense'), 401, 'WG_TOKEN_INVALID')
  isProblem(await ask('/any', `Bearer ${token()}`.slice(0, -2)), 401, 'WG_TOKEN_INVALID')
  isProblem(await ask('/admin', `Bearer ${token()}`), 403, 'WG_FORBIDDEN')
  assert.equal((await ask('/admin', `Bearer ${token({ roles: ['admin'] })}`)).status, 200)
  assert.equal(node.requests.length, 1)
})

test('a body over the limit is refused unread when its length is declared, and cut off when it is not', async t => {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer())
  })
  const { port, adminPort, gateway } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    config: {
      clientLimits: { bodyBytes: 1_000 },
      breaker: {
        failureRatio: 0.5,
        minimumRequests: 1,
        windowMs: 10_000,
        openMs: 5_000,
        maxOpenMs: 5_000,
        slowCallMs: null,
        statuses: null,
        ejectLastNode: true,
      },
    },
  })
  assert.equal((await send(port, { method: 'POST', path: '/user', body: 'x'.repeat(1_000) })).status, 200)
  const declared = await send(port, {
    method: 'POST',
    path: '/user',
    body: 'x'.repeat(1_001),
    headers: { 'Content-Length': '1001' },
  })
  isProblem(declared, 413, 'WG_BODY_TOO_LARGE')
  assert.equal(node.requests.length, 1)
  const headers = { 'Transfer-Encoding': 'chunked' }
  isProblem(
    await send(port, { method: 'POST', path: '/user', body: 'x'.repeat(1_001), headers }),
    413,
    'WG_BODY_TOO_LARGE',
  )
  // The node is not at fault: its breaker, which one failure would open, is closed.
  const { services } = (await send(adminPort, { path: '/services' })).json() as {
    services: { nodes: object[] }[]
  }
  assert.deepEqual(
    services[0]!.nodes
      .map(each => ({ ...each }))
      .map(({ breaker, failures, inFlight }: Record<string, unknown>) => [breaker, failures, inFlight]),
    [['closed', 0, 0]],
  )
  assert.equal(gateway.nodeCount(), 1)
  assert.equal((await send(port, { path: '/user' })).status, 200)
})

test('a client that leaves is neither an error nor a failure of the node', async t => {
  const node = await startNode(t, () => {})
  const { port, adminPort, logged, log } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const client = await openRaw(port, 'GET /user HTTP/1.1\r\nHost: h\r\nX-Request-Id: left\r\n\r\n')
  await node.received(1)
  client.socket.destroy()
  const line = await logged('left')
  assert.equal(line.status, 499)
  assert.equal(line.code, undefined)
  await node.idle()
  const { services } = (await send(adminPort, { path: '/services' })).json() as {
    services: { nodes: { failures: number; inFlight: number }[] }[]
  }
  assert.deepEqual([services[0]!.nodes[0]!.failures, services[0]!.nodes[0]!.inFlight], [0, 0])
  assert.deepEqual(
    log.filter(each => (each.level as number) >= 40),
    [],
  )
})

test('one line is logged per request, without query, token or cookie', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { port, logged, log } = await startTestGateway(t, { withKey: true, nodes: { 'user/u1': node.port } })
  const bearer = token({ sub: 'ann' })
  const headers = { Authorization: `Bearer ${bearer}`, Cookie: 'session=hunter2', 'X-Request-Id': 'good' }
  await send(port, { path: '/user/x?password=hunter2', headers })
  const line = await logged('good')
  assert.deepEqual(
    [
      line.method,
      line.path,
      line.status,
      line.route,
      line.service,
      line.node,
      line.user,
      line.attempts,
      line.client,
    ],
    ['GET', '/user/x', 200, 'auto:user', 'user', 'u1', 'ann', 1, '127.0.0.1'],
  )
  for (const [id, value] of [
    ['bad1', 'Bearer hunter2'],
    ['bad2', `Bearer ${Buffer.from('hunter2').toString('base64url')}.x.y`],
    ['bad3', `Bearer ${bearer}x`],
  ] as const) {
    await send(port, {
      path: '/user?hunter2',
      headers: { ...headers, Authorization: value, 'X-Request-Id': id },
    })
    assert.equal((await logged(id)).status, 401)
  }
  const text = JSON.stringify(log)
  assert.ok(!text.includes('hunter2'))
  assert.ok(!text.includes(bearer.split('.')[1]!))
})

test('a fallback answers when the service cannot, and its answer says so', async t => {
  const node = await startNode(t, socket => socket.write(answer('spare')))
  const { port } = await startTestGateway(t, {
    nodes: { 'dead/n': await deadPort(), 'spare/n': node.port },
    routes: {
      static: {
        path: '/static',
        service: 'none',
        fallback: { status: 203, headers: { 'Content-Type': 'text/plain' }, body: 'later' },
      },
      other: { path: '/other', service: 'dead', fallback: { service: 'spare' } },
    },
  })
  const fixed = await send(port, { path: '/static' })
  assert.deepEqual([fixed.status, fixed.text, fixed.headers['x-waygate-fallback']], [203, 'later', '1'])
  const other = await send(port, { path: '/other' })
  assert.deepEqual([other.status, other.text, other.headers['x-waygate-fallback']], [200, 'spare', '1'])
})
