import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { startHttp2Node } from '../../support/http2-node.ts'
import { answer, type Script, startNode } from '../../support/node-server.ts'
import { until, untilSteady } from '../../support/until.ts'
import { openWebSocket, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'

policyContract('mirror', {
  rule: { service: 'plain' },
  bad: { rule: { service: 'plain', percent: 0.001 }, path: '$.mirror.percent' },
  shows: ({ line }) => line.mirrored === true,
  onRefusals: false,
  handshake: 101,
})

interface SetUp extends Omit<GatewaySetUp, 'nodes' | 'routes'> {
  /** The field `mirror` of the route `r`, which takes every path; its service is `shadow` unless it says another. */
  readonly mirror?: object
  /** Further fields of that route. */
  readonly route?: object
  readonly main?: Script
  readonly shadow?: Script
}

const whole: Script = async (socket, request) => {
  await request.whole
  socket.write(answer())
}

async function setUp(t: TestContext, { mirror, route, main = whole, shadow = whole, ...rest }: SetUp = {}) {
  const [node, copies] = [await startNode(t, main), await startNode(t, shadow)]
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port, 'shadow/s1': copies.port },
    routes: {
      r: { path: '/*', service: 'user', auth: 'none', mirror: { service: 'shadow', ...mirror }, ...route },
    },
  })
  const { port, adminPort } = gateway
  /** Returns how often each outcome was counted. */
  const outcomes = async (): Promise<Record<string, number>> => {
    const { text } = await send(adminPort, { path: '/metrics' })
    const samples = text.matchAll(/^waygate_mirror_requests_total\{route="r",outcome="(\w+)"\} (\d+)$/gm)
    return Object.fromEntries([...samples].map(([, outcome, count]) => [outcome, Number(count)]))
  }
  return {
    ...gateway,
    node,
    copies,
    outcomes,
    /** Resolves when the outcomes are these. */
    untilOutcomes: (expected: Record<string, number>) =>
      until(JSON.stringify(expected), async () => {
        assert.deepEqual(await outcomes(), expected)
        return true
      }),
    ask: (
      path = '/',
      {
        method = 'GET',
        body,
        ...headers
      }: { method?: string; body?: string; [header: string]: string | undefined } = {},
    ): Promise<ClientAnswer> =>
      send(port, {
        method,
        path,
        headers: headers as Record<string, string>,
        ...(body !== undefined && { body }),
      }),
  }
}

test('mirror: a copy has the target, the Host and the request id of its request, and says that it is one', async t => {
  for (const preserveHost of [false, true]) {
    const { ask, node, copies, untilOutcomes } = await setUp(t, {
      route: { path: '/api/*', stripPrefix: '/api', preserveHost },
    })
    const got = await ask('/api/a%20b?x=1&y', { host: 'shop.example', 'x-tenant': 'acme' })
    assert.equal(got.text, 'ok')
    await untilOutcomes({ answered: 1 })
    const [original, copy] = [node.requests[0]!, copies.requests[0]!]
    assert.deepEqual([copy.method, copy.target], ['GET', '/a%20b?x=1&y'])
    for (const name of ['host', 'x-request-id', 'x-tenant', 'x-forwarded-for', 'x-forwarded-host']) {
      assert.equal(copy.header(name), original.header(name), name)
    }
    assert.equal(original.header('host'), preserveHost ? 'shop.example' : `127.0.0.1:${node.port}`)
    assert.deepEqual([original.header('x-waygate-mirror'), copy.header('x-waygate-mirror')], [undefined, '1'])
  }
})

test('mirror: credentials and identity are left out, unless the rule asks for them', async t => {
  for (const credentials of [undefined, true]) {
    const { ask, node, copies, untilOutcomes } = await setUp(t, {
      withKey: true,
      route: { auth: 'jwt' },
      mirror: { credentials },
    })
    const got = await ask('/', {
      ...{ authorization: `Bearer ${token()}`, cookie: 'a=1', 'x-api-key': 'k', 'accept-language': 'en' },
    })
    assert.equal(got.status, 200)
    await untilOutcomes({ answered: 1 })
    const [original, copy] = [node.requests[0]!, copies.requests[0]!]
    for (const name of ['authorization', 'cookie', 'x-api-key', 'x-user-id']) {
      assert.ok(original.header(name) !== undefined, name)
      assert.equal(copy.header(name), credentials && original.header(name), name)
    }
    assert.equal(copy.header('accept-language'), 'en')
  }
})

test('mirror: a token in the query that the route does not read is left out, unless the rule asks for it', async t => {
  for (const credentials of [undefined, true]) {
    const { ask, node, copies, untilOutcomes } = await setUp(t, {
      withKey: true,
      document: { jwt: { queryParameter: 'access_token' } },
      mirror: { credentials },
    })
    const target = '/a?x=1&access_token=secret'
    await ask(target)
    await untilOutcomes({ answered: 1 })
    assert.equal(node.requests[0]!.target, target)
    assert.equal(copies.requests[0]!.target, credentials ? target : '/a?x=1')
  }
})

test('mirror: a service without a node, and nodes that nobody has, are warnings', async t => {
  const { registry, adminPort } = await setUp(t, { mirror: { service: 'shadw' } })
  const problems = async (): Promise<string[]> => {
    const { problems } = (await send(adminPort, { path: '/routes' })).json()
    return (problems as { reason: string }[]).map(({ reason }) => reason)
  }
  assert.deepEqual(await problems(), [
    '$.mirror.service: no node of "shadw" is registered (did you mean "shadow"?)',
  ])
  const mirror = { service: 'shadow', nodes: { version: '2' } }
  registry.putRoute('r', { path: '/*', service: 'user', auth: 'none', mirror })
  await until('it says so', async () => {
    assert.deepEqual(await problems(), ['$.mirror.nodes: no node of "shadow" has {"version":"2"}'])
    return true
  })
})

test('mirror: headers of copies are changed, and those of requests are not', async t => {
  const { ask, node, copies, untilOutcomes } = await setUp(t, {
    mirror: {
      headers: { set: { authorization: 'Bearer {header.x-tenant}' }, remove: ['x-tenant', 'accept*'] },
    },
  })
  await ask('/', { 'x-tenant': 'acme', accept: 'text/html' })
  await untilOutcomes({ answered: 1 })
  const [original, copy] = [node.requests[0]!, copies.requests[0]!]
  assert.deepEqual(
    [original.header('authorization'), original.header('x-tenant'), original.header('accept')],
    [undefined, 'acme', 'text/html'],
  )
  assert.deepEqual(
    [copy.header('authorization'), copy.header('x-tenant'), copy.header('accept')],
    ['Bearer acme', undefined, undefined],
  )
})

test('mirror: POST is not copied unless named', async t => {
  const { ask, copies, untilOutcomes } = await setUp(t)
  await ask('/', { method: 'POST', body: 'pay' })
  await ask('/', { method: 'DELETE' })
  await ask('/sentinel', { method: 'HEAD' })
  await untilOutcomes({ answered: 1 })
  assert.deepEqual(
    copies.requests.map(({ method, target }) => `${method} ${target}`),
    ['HEAD /sentinel'],
  )
  const named = await setUp(t, { mirror: { methods: ['POST'] } })
  for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
    await named.ask('/', { method: 'POST', body: 'pay', ...framing })
  }
  await named.ask('/', { method: 'POST' })
  await named.ask('/')
  await named.untilOutcomes({ answered: 3 })
  assert.deepEqual(
    named.copies.requests.map(({ body }) => body().toString()),
    ['pay', 'pay', ''],
  )
})

test('mirror: without bodies, a copy has neither the body nor what the headers say of it', async t => {
  const { ask, copies, node, untilOutcomes } = await setUp(t, { mirror: { methods: ['POST'], body: false } })
  await ask('/', { method: 'POST', body: 'x'.repeat(100_000), 'content-type': 'text/plain' })
  await untilOutcomes({ answered: 1 })
  assert.equal(node.requests[0]!.body().length, 100_000)
  const [copy] = copies.requests
  assert.deepEqual([copy!.header('content-length'), copy!.header('content-type')], ['0', undefined])
})

test('mirror: a body over the cap is counted, main unharmed', async t => {
  const { ask, copies, node, untilOutcomes } = await setUp(t, {
    mirror: { methods: ['PUT'], maxBodyBytes: 1_000 },
  })
  const body = 'x'.repeat(1_001)
  for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
    assert.equal((await ask('/', { method: 'PUT', body, ...framing })).text, 'ok')
    assert.equal(node.requests.at(-1)!.body().toString(), body)
  }
  assert.equal((await ask('/', { method: 'PUT', body: body.slice(1) })).text, 'ok')
  await untilOutcomes({ body_too_large: 2, answered: 1 })
  assert.equal(copies.requests.length, 1)
})

test('mirror: a target that never reads costs the client no millisecond', async t => {
  const { ask, outcomes, copies } = await setUp(t, {
    mirror: { methods: ['POST'], maxInFlight: 1_000, timeoutMs: 60_000 },
    shadow: socket => socket.pause(),
    config: { shutdownTimeoutMs: 0 },
  })
  const body = 'x'.repeat(60_000)
  // Every one of them is answered, and no copy is over then.
  for (let i = 0; i < 50; i++) assert.equal((await ask('/', { method: 'POST', body })).text, 'ok')
  assert.deepEqual(await outcomes(), {})
  await copies.received(50)
})

test('mirror: shadow failures open no breaker of the same nodes', async t => {
  let copies = 0
  const { ask, untilOutcomes, adminPort } = await setUp(t, {
    mirror: { service: 'user' },
    route: { breaker: { minimumRequests: 2, failureRatio: 0.1, ejectLastNode: true } },
    main: (socket, request) => {
      if (request.header('x-waygate-mirror') === undefined) socket.write(answer())
      else if (++copies % 2 === 0) socket.end('nonsense\r\n\r\n')
      else socket.write(answer('', [], '500 Internal Server Error'))
    },
  })
  for (let i = 1; i <= 20; i++) {
    assert.equal((await ask()).text, 'ok')
    await until('the copy has arrived', () => copies === i)
  }
  await untilOutcomes({ answered: 10, failed: 10 })
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /^waygate_node_tries_total\{service="user",node="u1"\} 20$/m)
  assert.match(text, /^waygate_node_failures_total\{service="user",node="u1"\} 0$/m)
  assert.match(text, /^waygate_breaker_state\{service="user",node="u1"\} 0$/m)
  assert.match(text, /^waygate_requests_total\{.*route="r".*\} 20$/m)
})

test('mirror: gateway mirrored to itself ends after one', async t => {
  const { ask, node, registry, port, untilOutcomes, gateway } = await setUp(t, {
    mirror: { service: 'self' },
  })
  await registry.register({ service: 'self', id: 'me', host: '127.0.0.1', port, weight: 1 })
  await until('the node is known', () => gateway.nodeCount() === 3)
  await ask('/once')
  await untilOutcomes({ answered: 1 })
  assert.deepEqual(
    node.requests.map(request => request.header('x-waygate-mirror')),
    [undefined, '1'],
  )
})

test('mirror: a client that leaves in its body mirrors nothing', async t => {
  const { ask, copies, node, port, log, untilOutcomes } = await setUp(t, {
    mirror: { methods: ['POST', 'GET'] },
    main: async (socket, request) => {
      // An early answer does not make the request whole.
      if (request.target === '/early') socket.write(answer())
      else await whole(socket, request, 0)
    },
  })
  for (const path of ['/late', '/early']) {
    const before = node.requests.length
    const client = await openRaw(port, `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf`)
    await node.received(before + 1)
    await until('half of the body has arrived', () => node.requests[before]!.body().length === 4)
    if (path === '/early') await client.until('\r\n\r\nok')
    client.socket.destroy()
  }
  await until('both are over', () => log.filter(({ msg }) => msg === 'request').length === 2)
  await ask('/sentinel')
  await untilOutcomes({ answered: 1 })
  assert.deepEqual(
    copies.requests.map(({ target }) => target),
    ['/sentinel'],
  )
})

test('mirror: memory stays under the total with 1,000 slow shadows', async t => {
  const totalBytes = 1_000_000
  const body = 'x'.repeat(4_000)
  const { ask, copies, outcomes, untilOutcomes } = await setUp(t, {
    mirror: { methods: ['POST'], maxInFlight: 2_000, timeoutMs: 20_000 },
    shadow: () => {},
    document: { mirrors: { totalBytes } },
    config: { shutdownTimeoutMs: 0 },
  })
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask('/', { method: 'POST', body })))
    assert.ok(answers.every(({ text }) => text === 'ok'))
  }
  // None was answered, so each copy that was sent still has its memory.
  await copies.received(1)
  const sent = await untilSteady(() => copies.requests.length)
  assert.ok(sent > 0 && sent * body.length <= totalBytes, `${sent}`)
  await until(
    'the others were counted',
    async () => ((await outcomes()).full ?? 0) >= 1_000 - totalBytes / body.length,
  )
  for (const socket of copies.open) socket.destroy()
  await untilOutcomes({ failed: sent, full: 1_000 - sent })
  await ask('/', { method: 'POST', body })
  await until('there is memory again', () => copies.requests.length === sent + 1)
})

test('mirror: with maxInFlight copies on their way, a further one is counted and not sent', async t => {
  const { ask, copies, untilOutcomes } = await setUp(t, {
    mirror: { maxInFlight: 2, timeoutMs: 300 },
    shadow: () => {},
  })
  for (let i = 0; i < 3; i++) await ask()
  await untilOutcomes({ full: 1, timeout: 2 })
  // A timeout closes the connection of the copy.
  await copies.idle()
  assert.equal(copies.requests.length, 2)
  await ask()
  await untilOutcomes({ full: 1, timeout: 3 })
})

test('mirror: of a long answer, 64 KiB are read, and then its connection is closed', async t => {
  let written = () => 0
  const { ask, copies, untilOutcomes } = await setUp(t, {
    shadow: socket => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
      const piece = Buffer.alloc(65_536)
      const more = () => {
        while (!socket.destroyed && socket.write(piece));
      }
      socket.on('drain', more)
      more()
      written = () => socket.bytesWritten
    },
  })
  assert.equal((await ask()).text, 'ok')
  await untilOutcomes({ answered: 1 })
  await copies.idle()
  assert.ok(written() < 50_000_000, `${written()}`)
})

test('mirror: copies of a service without nodes, and to nodes that are not there, fail', async t => {
  const { ask, untilOutcomes, copies, registry, gateway } = await setUp(t)
  await copies.close()
  await ask()
  await untilOutcomes({ failed: 1 })
  const before = gateway.table.routeTable()
  registry.putRoute('r', { path: '/*', service: 'user', auth: 'none', mirror: { service: 'nobody' } })
  await until('another table', () => gateway.table.routeTable() !== before)
  await ask()
  await untilOutcomes({ failed: 2 })
})

test('mirror: a request is copied once, however many tries it takes, and also when it fails', async t => {
  const sockets: Socket[] = []
  const { ask, node, copies, untilOutcomes } = await setUp(t, {
    route: { retries: 2, retryOn: [503], fallback: { status: 200, body: 'sorry' } },
    main: (socket, { target }) => {
      sockets.push(socket)
      if (target === '/broken') socket.destroy()
      else socket.write(answer('', [], '503 Service Unavailable'))
    },
  })
  await ask('/503')
  await untilOutcomes({ answered: 1 })
  await ask('/broken')
  await untilOutcomes({ answered: 2 })
  assert.ok(node.requests.length >= 2)
  assert.deepEqual(
    copies.requests.map(({ target }) => target),
    ['/503', '/broken'],
  )
})

test('mirror: a request that is hedged is copied once', async t => {
  const { ask, node, copies, registry, gateway, untilOutcomes } = await setUp(t, {
    route: { hedge: { afterMs: 1 } },
    main: () => {},
    config: { shutdownTimeoutMs: 0 },
  })
  const other = await startNode(t, whole)
  await registry.register({ service: 'user', id: 'u2', host: '127.0.0.1', port: other.port, weight: 1 })
  await until('the node is known', () => gateway.nodeCount() === 3)
  for (let i = 0; i < 4; i++) assert.equal((await ask()).text, 'ok')
  await untilOutcomes({ answered: 4 })
  assert.ok(node.requests.length > 0 && other.requests.length === 4)
  assert.equal(copies.requests.length, 4)
})

test('mirror: percent is the share of requests that are copied', async t => {
  t.mock.method(Math, 'random', () => 0.25)
  const [less, more] = [
    await setUp(t, { mirror: { percent: 25 } }),
    await setUp(t, { mirror: { percent: 25.01 } }),
  ]
  await less.ask()
  await more.ask()
  await more.untilOutcomes({ answered: 1 })
  assert.deepEqual(await less.outcomes(), {})
  assert.equal(less.copies.requests.length, 0)
})

test('mirror: a WebSocket is not copied', async t => {
  const node = await startWebSocketNode(t)
  const copies = await startNode(t, whole)
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port, 'shadow/s1': copies.port },
    routes: { r: { path: '/*', service: 'chat', auth: 'none', mirror: { service: 'shadow' } } },
  })
  const client = await openWebSocket(t, port, { path: '/chat' })
  client.socket.close()
  await client.closed
  await send(port, { path: '/plain' })
  await until('the plain request was copied', () => copies.requests.length > 0)
  assert.deepEqual(
    copies.requests.map(({ target }) => target),
    ['/plain'],
  )
})

test('mirror: the connections of copies end with their node', async t => {
  const { ask, copies, registry, untilOutcomes } = await setUp(t)
  await ask()
  await untilOutcomes({ answered: 1 })
  assert.equal(copies.open.size, 1)
  await registry.unregister('shadow', 's1')
  await copies.idle()
  await ask()
  await untilOutcomes({ answered: 1, failed: 1 })
})

test('mirror: a kept connection that the node closes is no failure of a copy', async t => {
  const used = new Set<Socket>()
  const { ask, copies, untilOutcomes } = await setUp(t, {
    shadow: socket => {
      if (used.has(socket)) socket.destroy()
      else socket.write(answer())
      used.add(socket)
    },
  })
  await ask()
  await untilOutcomes({ answered: 1 })
  await ask()
  await untilOutcomes({ answered: 2 })
  assert.deepEqual([copies.requests.length, copies.connections], [3, 2])
})

test('mirror: copies go to nodes of HTTP/2 as well', async t => {
  const main = await startNode(t, whole)
  const copies = await startHttp2Node(t, ({ stream }) =>
    stream.respond({ ':status': 200 }, { endStream: true }),
  )
  const { port, registry, gateway } = await startTestGateway(t, {
    nodes: { 'user/u1': main.port },
    routes: {
      r: { path: '/*', service: 'user', auth: 'none', mirror: { service: 'shadow', methods: ['PUT'] } },
    },
  })
  await registry.register({
    ...{ service: 'shadow', id: 's1', host: '127.0.0.1', port: copies.port, weight: 1, protocol: 'h2c' },
  })
  await until('the node is known', () => gateway.nodeCount() === 2)
  await send(port, { method: 'PUT', path: '/x?y', body: 'text' })
  const [copy] = await until('it has the copy', () => copies.requests.length > 0 && copies.requests)
  const {
    ':method': method,
    ':path': path,
    ':authority': authority,
    'content-length': length,
  } = copy!.headers
  assert.deepEqual([method, path, authority, length], ['PUT', '/x?y', `127.0.0.1:${main.port}`, '4'])
})

test('mirror: nodes select which nodes of the service get copies', async t => {
  const { ask, copies, registry, gateway, untilOutcomes } = await setUp(t, {
    mirror: { service: 'user', nodes: { version: '2' } },
  })
  await ask()
  await untilOutcomes({ failed: 1 })
  const node = { service: 'user', id: 'u2', host: '127.0.0.1', port: copies.port, weight: 1 }
  await registry.register({ ...node, metadata: { version: '2', traffic: 'selected' } })
  await until('the node is known', () => gateway.nodeCount() === 3)
  for (let i = 0; i < 5; i++) await ask(`/${i}`)
  await untilOutcomes({ failed: 1, answered: 5 })
  assert.deepEqual(
    copies.requests.map(({ target }) => target),
    ['/0', '/1', '/2', '/3', '/4'],
  )
})
