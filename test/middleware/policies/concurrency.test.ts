import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { SharedCounters } from '../../../internal/limits/counters.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { openWebSocket, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'

policyContract('concurrency', {
  rule: { limit: 1 },
  bad: { rule: { limit: 0 }, path: '$.concurrency.limit' },
  shows: ({ answer }) => answer.status === 429 && answer.json().code === 'WG_CONCURRENCY_LIMITED',
  onRefusals: false,
  whenBusy: true,
  handshake: 101,
})

interface SetUp extends Omit<GatewaySetUp, 'nodes' | 'routes'> {
  readonly concurrency: unknown
  readonly route?: object
}

/** Starts a gateway with a node that answers a request for `/held` when the test says so, and any other at once. */
async function setUp(t: TestContext, { concurrency, route, ...rest }: SetUp) {
  const held: Socket[] = []
  const node = await startNode(t, (socket, { target }) => {
    if (target.startsWith('/held')) held.push(socket)
    else if (target === '/broken') socket.destroy()
    else if (target === '/half') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    else socket.write(answer('ok'))
  })
  const webSockets = await startWebSocketNode(t)
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port, 'chat/c1': webSockets.port },
    routes: {
      r: { path: '/*', service: 'user', auth: 'none', retries: 0, concurrency, ...route },
      chat: { path: '/chat', service: 'chat', auth: 'none', concurrency },
    },
  })
  const ask = (path = '/', headers: Readonly<Record<string, string>> = {}) =>
    send(gateway.port, { path, headers })
  return {
    ...gateway,
    node,
    held,
    webSockets,
    ask,
    /** Takes a place, and resolves when the node has the request. */
    async hold(lines = ''): Promise<Awaited<ReturnType<typeof openRaw>>> {
      const before = held.length
      const client = await openRaw(gateway.port, `GET /held HTTP/1.1\r\nHost: h\r\n${lines}\r\n`)
      t.after(() => client.socket.destroy())
      await until('the node has the request', () => held.length > before)
      return client
    },
    /** Resolves once a place is free. */
    free: (path = '/') => until('a place is free', async () => (await ask(path)).status !== 429),
  }
}

test('concurrency: a request beyond the limit gets 429 at once, and no node hears of it', async t => {
  const { hold, held, ask, free, node, logged } = await setUp(t, { concurrency: { limit: 2 } })
  const clients = [await hold(), await hold()]
  const got = await ask()
  assert.deepEqual(
    [got.status, got.json().code, got.headers['retry-after']],
    [429, 'WG_CONCURRENCY_LIMITED', '1'],
  )
  const line = await logged(String(got.headers['x-request-id']))
  assert.deepEqual([line.policy, line.code], ['concurrency', 'WG_CONCURRENCY_LIMITED'])
  assert.equal(node.requests.length, 2)
  held[0]!.write(answer('first'))
  await clients[0]!.until('first')
  await free()
  await hold()
  assert.equal((await ask()).status, 429)
})

test('concurrency: abort, timeout, 502, WebSocket close each give back one place', async t => {
  const { hold, ask, free, held, port, webSockets } = await setUp(t, {
    concurrency: { limit: 1, key: 'address', webSockets: true },
    route: { timeoutMs: 300 },
  })
  /** Fails unless exactly one place is free. */
  const oneIsFree = async () => {
    await free()
    const client = await hold()
    assert.equal((await ask()).status, 429)
    client.socket.destroy()
    await free()
  }
  // The client leaves before the answer, and in the middle of it.
  ;(await hold()).socket.destroy()
  await oneIsFree()
  const half = await openRaw(port, 'GET /half HTTP/1.1\r\nHost: h\r\n\r\n')
  await half.until('half')
  assert.equal((await ask()).status, 429)
  half.socket.destroy()
  await oneIsFree()
  assert.equal((await ask('/held')).status, 504)
  await oneIsFree()
  assert.equal((await ask('/broken')).status, 502)
  await oneIsFree()
  // A node that breaks off in the middle of its answer.
  const client = await hold()
  held.at(-1)!.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
  await client.until('half')
  held.at(-1)!.destroy()
  await client.closed
  await oneIsFree()
  // The route of WebSockets has places of its own.
  for (const end of ['client', 'node'] as const) {
    const atNode = webSockets.next()
    const socket = await openWebSocket(t, port, { path: '/chat' })
    const node = await atNode
    await assert.rejects(openWebSocket(t, port, { path: '/chat' }), end)
    if (end === 'client') socket.socket.close()
    else node.socket.destroy()
    await until('the place is free', async () => {
      const next = await openWebSocket(t, port, { path: '/chat' })
      await webSockets.next()
      next.socket.close()
      await next.closed
      return true
    })
  }
})

test('concurrency: a stream of HTTP/2 gives its place back, reset or not, while its connection stays', async t => {
  const { port, held, ask, free } = await setUp(t, { concurrency: { limit: 1 } })
  const session = openHttp2(t, port)
  for (let round = 0; round < 3; round++) {
    const before = held.length
    const stream = session.request({ ':path': '/held' }).on('error', () => {})
    await until('the node has the request', () => held.length > before)
    assert.equal((await askHttp2(session, { ':path': '/' })).status, 429)
    assert.equal((await ask()).status, 429)
    stream.close(8)
    await free()
    assert.equal((await askHttp2(session, { ':path': '/' })).status, 200)
  }
})

test('concurrency: WebSockets take no place unless the rule says so', async t => {
  const { port, ask } = await setUp(t, { concurrency: { limit: 1 } })
  const sockets = await Promise.all([1, 2, 3].map(() => openWebSocket(t, port, { path: '/chat' })))
  assert.equal((await ask('/chat')).status, 200)
  sockets[0]!.socket.send('still open')
  assert.equal(await sockets[0]!.next(), 'still open')
})

test('concurrency: places are taken by key', async t => {
  const { hold, ask } = await setUp(t, { concurrency: { limit: 1, key: { header: 'x-key' } } })
  await hold('X-Key: a\r\n')
  assert.equal((await ask('/', { 'x-key': 'a' })).status, 429)
  assert.equal((await ask('/', { 'x-key': 'b' })).status, 200)
  // Without a key, the address stands for it.
  await hold()
  assert.equal((await ask()).status, 429)
  assert.equal((await ask('/', { 'x-key': 'b' })).status, 200)
})

test('concurrency: the variants of a split have places of their own', async t => {
  const variants = [{ name: 'beta', service: 'chat', match: { headers: { 'x-beta': '1' } } }]
  const { hold, ask } = await setUp(t, {
    concurrency: { limit: 1, key: 'variant' },
    route: { split: { variants } },
  })
  await hold()
  assert.equal((await ask()).status, 429)
  assert.equal((await ask('/', { 'x-beta': '1' })).status, 200)
})

test('concurrency: two levels give back their own places, and one that refuses keeps none of the other', async t => {
  const { hold, ask, free } = await setUp(t, {
    concurrency: { limit: 2 },
    document: { routes: { defaults: { concurrency: { limit: 1, key: { header: 'x-key' } } } } },
  })
  for (let round = 0; round < 3; round++) {
    const first = await hold('x-key: a\r\n')
    for (let i = 0; i < 5; i++) assert.equal((await ask('/', { 'x-key': 'a' })).status, 429)
    const second = await hold('x-key: b\r\n')
    assert.equal((await ask('/', { 'x-key': 'c' })).status, 429)
    first.socket.destroy()
    second.socket.destroy()
    await free()
    await until('all places are free', async () => (await ask('/', { 'x-key': 'a' })).status === 200)
  }
})

test('concurrency: a request that authentication refuses takes no place', async t => {
  const { ask, hold } = await setUp(t, { withKey: true, route: { auth: 'jwt' }, concurrency: { limit: 1 } })
  for (let i = 0; i < 3; i++) assert.equal((await ask()).status, 401)
  const authorization = `Bearer ${token()}`
  await hold(`Authorization: ${authorization}\r\n`)
  assert.equal((await ask('/', { authorization })).status, 429)
})

test('concurrency: a client that left before its turn takes no place, which nothing would give back', async t => {
  const waiting: (() => void)[] = []
  let isSlow = true
  const allowed = { allowed: true, remaining: 1, nextMs: 0, retryMs: 0 }
  const sharedCounters: SharedCounters = {
    take: charges => {
      const verdicts = charges.map(() => allowed)
      return isSlow ? new Promise(resolve => waiting.push(() => resolve(verdicts))) : verdicts
    },
    add: () => {},
  }
  const { port, log, hold } = await setUp(t, {
    concurrency: { limit: 1 },
    route: { rateLimit: { limit: 9, store: 'shared' } },
    document: { rateLimits: { store: { url: 'redis://127.0.0.1:6379' } } },
    sharedCounters,
  })
  const client = await openRaw(port, 'GET /held HTTP/1.1\r\nHost: h\r\n\r\n')
  await until('the store is asked', () => waiting.length === 1)
  client.socket.destroy()
  await until('the client is gone', () => log.some(line => line.status === 499))
  isSlow = false
  waiting[0]!()
  await hold()
})

test('concurrency: a rule that is not enforced lets pass, counts and logs', async t => {
  const { hold, ask, logged, adminPort } = await setUp(t, { concurrency: { limit: 1, enforce: false } })
  await hold()
  const got = await ask()
  assert.equal(got.status, 200)
  assert.deepEqual((await logged(String(got.headers['x-request-id']))).observed, ['concurrency'])
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /waygate_policy_would_refuse_total\{route="r",policy="concurrency",rule=""\} 1/)
})

test('concurrency: bursts of requests, many of which end early, leave no place taken', async t => {
  // The node fails on purpose, and must stay in use.
  const breaker = { minimumRequests: 100_000 }
  const { port, free, hold, ask } = await setUp(t, {
    concurrency: { limit: 8 },
    route: { timeoutMs: 200, breaker },
  })
  const paths = ['/', '/broken', '/half', '/held', '/']
  for (let round = 0; round < 4; round++) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const client = await openRaw(
          port,
          `GET ${paths[i % 5]} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
        )
        if (i % 3 === 0) setImmediate(() => client.socket.destroy())
        else if (paths[i % 5] === '/half')
          void client.until(/half|429/).then(
            () => client.socket.destroy(),
            () => {},
          )
        if (!client.socket.destroyed) await once(client.socket, 'close')
      }),
    )
  }
  await free()
  const clients = await Promise.all(
    Array.from({ length: 8 }, () => openRaw(port, 'GET /half HTTP/1.1\r\nHost: h\r\n\r\n')),
  )
  for (const client of clients) await client.until('half')
  assert.equal((await ask()).status, 429)
  for (const client of clients) client.socket.destroy()
  await free()
  await hold()
})
