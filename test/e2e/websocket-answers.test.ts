import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../support/gateway.ts'
import { openRaw, send } from '../support/http.ts'
import { answer, deadPort, startNode, type WireRequest } from '../support/node-server.ts'
import { UPSTREAM_HTTP2, UPSTREAM_TLS } from '../support/sessions.ts'
import { accepted, handshake, KEY, startWebSocketNode } from '../support/websocket.ts'

/** The header lines of a handshake. */
const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': KEY,
}

interface NodeAnswer {
  readonly what: string
  /** What the node writes, byte for byte. */
  readonly wire: string
  /** Whether the node then ends its connection. */
  readonly ends?: boolean
  readonly status: number
  /** Header lines that the client must get, and no others of these names. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

const LONG = 'x'.repeat(2_000_000)

const ANSWERS: readonly NodeAnswer[] = [
  {
    what: '401 with a challenge',
    wire: answer('login', ['WWW-Authenticate: Bearer realm="chat"'], '401 Unauthorized'),
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="chat"' },
    body: 'login',
  },
  {
    what: '302 with a location and cookies',
    wire: answer('', ['Location: /login', 'Set-Cookie: a=1', 'Set-Cookie: b=2'], '302 Found'),
    status: 302,
    headers: { location: '/chat/login', 'set-cookie': ['a=1', 'b=2'] },
    body: '',
  },
  { what: '404', wire: answer('no such room', [], '404 Not Found'), status: 404, body: 'no such room' },
  {
    what: '403 with an error of its own',
    wire: answer('{"error":"no"}', ['Content-Type: application/json'], '403 Forbidden'),
    status: 403,
    headers: { 'content-type': 'application/json' },
    body: '{"error":"no"}',
  },
  {
    what: '503 with Retry-After',
    wire: answer('busy', ['Retry-After: 7'], '503 Service Unavailable'),
    status: 503,
    headers: { 'retry-after': '7' },
    body: 'busy',
  },
  {
    what: '426 with the versions that the node speaks',
    wire: answer('', ['Sec-WebSocket-Version: 8, 7', 'Upgrade: websocket'], '426 Upgrade Required'),
    status: 426,
    headers: { 'sec-websocket-version': '8, 7' },
    body: '',
  },
  { what: '200, as of a server without WebSockets', wire: answer('page'), status: 200, body: 'page' },
  { what: '204', wire: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, body: '' },
  {
    what: '429 in chunks',
    wire: 'HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n4\r\n now\r\n0\r\n\r\n',
    status: 429,
    body: 'not now',
  },
  {
    what: 'an answer that ends its connection',
    wire: answer('bye', ['Connection: close'], '400 Bad Request'),
    status: 400,
    body: 'bye',
  },
  {
    what: 'an answer whose body ends with the connection',
    wire: 'HTTP/1.1 400 Bad Request\r\n\r\nto the end',
    ends: true,
    status: 400,
    body: 'to the end',
  },
  {
    what: 'an answer in HTTP/1.0',
    wire: 'HTTP/1.0 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    status: 403,
    body: 'no',
  },
  {
    what: 'an answer behind interim answers',
    wire: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${answer('no', [], '403 Forbidden')}`,
    status: 403,
    headers: { link: undefined },
    body: 'no',
  },
  { what: 'an answer with a long body', wire: answer(LONG, [], '403 Forbidden'), status: 403, body: LONG },
]

for (const { what, wire, ends = false, status, headers = {}, body } of ANSWERS) {
  test(`the client gets the answer of a node that answers the handshake with ${what}`, async t => {
    const node = await startNode(t, socket => (ends ? socket.end(wire) : socket.write(wire)))
    const { port, adminPort, logged } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
    const got = await send(port, { path: '/chat', headers: { ...HANDSHAKE, 'x-request-id': 'asked' } })
    assert.equal(got.status, status)
    for (const [name, value] of Object.entries(headers)) assert.deepEqual(got.headers[name], value, name)
    assert.equal(got.text, body)
    assert.equal(got.headers['x-request-id'], 'asked')
    assert.equal(got.headers.connection, 'close')
    assert.equal(got.headers.upgrade, undefined)
    const line = await logged('asked')
    assert.deepEqual(
      [line.status, line.node, line.attempts, line.code, line.reason],
      [status, 'c1', 1, undefined, undefined],
    )
    const metrics = (await send(adminPort, { path: '/metrics' })).text
    assert.match(metrics, new RegExp(`waygate_requests_total\\{[^}]*node="c1",status="${status}"\\} 1`))
    const { services } = (await send(adminPort, { path: '/services' })).json() as {
      services: { nodes: { inFlight: number; failures: number }[] }[]
    }
    const [{ inFlight, failures }] = services[0]!.nodes as [{ inFlight: number; failures: number }]
    assert.deepEqual([inFlight, failures], [0, status === 503 ? 1 : 0])
  })
}

interface NodeFailure {
  readonly what: string
  readonly node: (socket: Socket, request: WireRequest) => unknown
  readonly status: number
  readonly code: string
}

const FAILURES: readonly NodeFailure[] = [
  {
    what: 'closes its connection without an answer',
    node: socket => socket.destroy(),
    status: 502,
    code: 'WG_UPSTREAM_UNREACHABLE',
  },
  {
    what: 'closes its connection within the head',
    node: socket => socket.end('HTTP/1.1 101 Switching'),
    status: 502,
    code: 'WG_UPSTREAM_UNREACHABLE',
  },
  { what: 'does not answer', node: () => {}, status: 504, code: 'WG_UPSTREAM_TIMEOUT' },
  {
    what: 'answers with a head that is too large',
    node: socket => socket.write(`HTTP/1.1 401 Unauthorized\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    status: 502,
    code: 'WG_UPSTREAM_INVALID',
  },
  {
    what: 'does not speak HTTP',
    node: socket => socket.write('SSH-2.0-OpenSSH\r\n\r\n'),
    status: 502,
    code: 'WG_UPSTREAM_INVALID',
  },
  {
    what: 'answers with a malformed header',
    node: (socket, request) => socket.write(accepted(request.header('sec-websocket-key')!, ['X : 1'])),
    status: 502,
    code: 'WG_UPSTREAM_INVALID',
  },
  {
    what: 'answers 101 without accepting the key',
    node: socket =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    status: 502,
    code: 'WG_UPSTREAM_INVALID',
  },
  {
    what: 'answers 101 to another key',
    node: socket => socket.write(accepted('AAAAAAAAAAAAAAAAAAAAAA==')),
    status: 502,
    code: 'WG_UPSTREAM_INVALID',
  },
  {
    what: 'answers 101 with a body',
    node: (socket, request) =>
      socket.write(accepted(request.header('sec-websocket-key')!, ['Content-Length: 4'])),
    status: 502,
    code: 'WG_UPSTREAM_INVALID',
  },
]

for (const { what, node: script, status, code } of FAILURES) {
  test(`a client whose node ${what} gets ${status} ${code}`, async t => {
    const node = await startNode(t, script)
    const { port, logged } = await startTestGateway(t, {
      nodes: { 'chat/c1': node.port },
      routes: { chat: { path: '/chat', service: 'chat', timeoutMs: 300 } },
    })
    const got = await send(port, { path: '/chat', headers: { ...HANDSHAKE, 'x-request-id': 'asked' } })
    assert.equal(got.status, status)
    assert.equal(got.json().code, code)
    assert.ok(!got.text.includes('127.0.0.1'), got.text)
    assert.equal(got.headers.connection, 'close')
    const line = await logged('asked')
    assert.deepEqual([line.status, line.code], [status, code])
    await node.idle()
  })
}

/** Starts a gateway with a node that runs a script, first in turn, and one that accepts. */
async function startWithGoodNode(
  t: Parameters<typeof startNode>[0] & Parameters<typeof startWebSocketNode>[0],
  script: Parameters<typeof startNode>[1],
  route: object = {},
  config: GatewaySetUp['config'] = {},
) {
  const bad = await startNode(t, script)
  const good = await startWebSocketNode(t)
  const gateway = await startTestGateway(t, {
    nodes: { 'chat/a-bad': bad.port, 'chat/b-good': good.port },
    routes: { chat: { path: '/chat', service: 'chat', ...route } },
    config,
  })
  /** Resolves with the first line of the answer to a handshake. */
  const ask = async (id: string) => {
    const client = await openRaw(gateway.port, handshake('/chat', [`X-Request-Id: ${id}`]))
    const text = await client.until('\r\n')
    client.socket.destroy()
    return text.slice(0, text.indexOf('\r\n'))
  }
  return { ...gateway, bad, ask }
}

for (const [what, script, route] of [
  ['closes its connection', (socket: Socket) => socket.destroy(), {}],
  ['does not answer in time', () => {}, { tryTimeoutMs: 100 }],
  [
    'answers with a status that the route retries',
    (socket: Socket) => socket.write(answer('busy', [], '503 Service Unavailable')),
    { retryOn: [503] },
  ],
] as const) {
  test(`another node gets the handshake when the first one ${what}`, async t => {
    const { ask, bad, logged } = await startWithGoodNode(t, script, route)
    for (const id of ['h1', 'h2']) assert.equal(await ask(id), 'HTTP/1.1 101 Switching Protocols')
    assert.equal(bad.requests.length, 1)
    const tries = [await logged('h1'), await logged('h2')].map(line => [
      line.node,
      line.attempts,
      line.status,
    ])
    assert.deepEqual(tries.sort(), [
      ['b-good', 1, 101],
      ['b-good', 2, 101],
    ])
  })
}

test('a status that the route does not retry goes to the client, and no other node is asked', async t => {
  const { ask, bad } = await startWithGoodNode(t, socket =>
    socket.write(answer('no', [], '401 Unauthorized')),
  )
  assert.deepEqual([await ask('h1'), await ask('h2')].sort(), [
    'HTTP/1.1 101 Switching Protocols',
    'HTTP/1.1 401 Unauthorized',
  ])
  assert.equal(bad.requests.length, 1)
})

test('the breaker of a node that answers handshakes with failures opens', async t => {
  const node = await startNode(t, socket => socket.write(answer('no', [], '500 Oops')))
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: {
      chat: { path: '/chat', service: 'chat', breaker: { minimumRequests: 2, ejectLastNode: true } },
    },
  })
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) {
    const got = await send(port, { path: '/chat', headers: HANDSHAKE })
    statuses.push(got.status)
    if (got.status === 503) assert.equal(got.json().code, 'WG_CIRCUIT_OPEN')
  }
  assert.deepEqual(statuses, [500, 500, 503])
})

test('handshakes use the connections of plain requests, and count in their limit until a node accepts', async t => {
  const node = await startNode(t, (socket, request) =>
    socket.write(
      request.header('upgrade') === undefined
        ? answer('plain')
        : accepted(request.header('sec-websocket-key')!),
    ),
  )
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: {
      upstream: {
        ...{ connectTimeoutMs: 5_000, bodyIdleTimeoutMs: 0, keepAliveMs: 4_000, answerHeadBytes: 16_384 },
        ...{
          connectionsPerNode: 1,
          maxConnectionAgeMs: 0,
          dns: { servers: null, minTtlMs: 1_000, maxTtlMs: 60_000 },
          http2: UPSTREAM_HTTP2,
          tls: UPSTREAM_TLS,
        },
      },
    },
  })
  assert.equal((await send(port, { path: '/chat' })).text, 'plain')
  const open = await openRaw(port, handshake('/chat'))
  await open.until('101 ')
  assert.equal(node.connections, 1)
  assert.equal((await send(port, { path: '/chat' })).text, 'plain')
  assert.equal(node.connections, 2)
  open.socket.destroy()
})

test('a sticky cookie is set by the 101 that opens a WebSocket', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: { chat: { path: '/chat', service: 'chat', balancer: 'sticky-cookie' } },
    document: { routes: { stickyCookie: { secret: 'a secret for cookies that is long enough' } } },
  })
  const client = await openRaw(port, handshake('/chat'))
  assert.match(await client.until('\r\n\r\n'), /\r\nset-cookie: [^\r]+\r\n/i)
  client.socket.destroy()
})

test('a client whose nodes are all unreachable gets 502', async t => {
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': await deadPort(), 'chat/c2': await deadPort() },
  })
  const got = await send(port, { path: '/chat', headers: HANDSHAKE })
  assert.deepEqual([got.status, got.json().code], [502, 'WG_UPSTREAM_UNREACHABLE'])
})

test('a client that sends while it is refused gets the whole answer', async t => {
  const node = await startNode(t, async socket => socket.write(answer(LONG, [], '401 Unauthorized')))
  const { port } = await startTestGateway(t, { nodes: { 'chat/c1': node.port } })
  const client = await openRaw(port, handshake('/chat') + 'early'.repeat(100))
  client.socket.write(Buffer.alloc(30_000))
  const text = await client.closed
  assert.match(text, /^HTTP\/1\.1 401 Unauthorized\r\n/)
  assert.ok(text.endsWith(`\r\n\r\n${LONG}`))
})
