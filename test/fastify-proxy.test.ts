import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import { loadConfig } from '../config/load/load.ts'
import { type WaygateProxyOptions, waygateProxy } from '../fastify.ts'
import { etcdAvailable, requireEtcd, startEtcd, type TestEtcd } from './support/etcd.ts'
import { putKey } from './support/etcd-json.ts'
import { freePort } from './support/free-port.ts'
import { sendRaw } from './support/http.ts'
import { startNode } from './support/node-server.ts'
import { type Handler, type Service, startService } from './support/service.ts'
import { until } from './support/until.ts'
import { OPCODE, openWebSocket, startWebSocketNode } from './support/websocket.ts'

let etcd: TestEtcd
before(async () => {
  if (etcdAvailable) etcd = await startEtcd()
})
after(() => etcd?.stop())

interface Scene {
  readonly app: FastifyInstance
  readonly url: string
  get(path: string, init?: RequestInit): Promise<{ status: number; body: string; headers: Headers }>
}

/** Starts an application that forwards `/user` to the service of this name. */
async function forward(
  t: TestContext,
  service: string,
  options: Partial<WaygateProxyOptions> = {},
  prepare: (app: FastifyInstance) => void = () => {},
): Promise<Scene> {
  const app = Fastify({ forceCloseConnections: true })
  prepare(app)
  app.get('/own', async () => 'own')
  app.register(waygateProxy, { service, prefix: '/user', etcd: etcd.url, ...options })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  return {
    app,
    url,
    async get(path, init) {
      const answer = await fetch(`${url}${path}`, init)
      return { status: answer.status, body: await answer.text(), headers: answer.headers }
    },
  }
}

async function node(t: TestContext, name: string, handler?: Handler): Promise<Service> {
  const service = await startService(name, handler)
  t.after(() => service.close())
  return service
}

const put = (service: string, id: string, port: number, weight = 1) =>
  putKey(etcd.url, `/services/${service}/${id}`, JSON.stringify({ ip: '127.0.0.1', port, weight }))

const answers = async ({ get }: Scene, status: number) =>
  until(`it answers ${status}`, async () => (await get('/user/')).status === status)

test('requests below the prefix go to the nodes in etcd by weight, and the prefix is removed', async t => {
  if (!requireEtcd(t)) return
  const seen: string[] = []
  const tell =
    (name: string): Handler =>
    (request, response) => {
      const { host, connection, 'x-forwarded-for': client, 'x-forwarded-host': wanted } = request.headers
      seen.push([request.method, request.url, host, client, wanted, connection].join(' '))
      response.setHeader('x-from', name).end(name)
    }
  const [one, two] = [await node(t, 'one', tell('one')), await node(t, 'two', tell('two'))]
  await put('spread', '1', one.port, 3)
  await put('spread', '2', two.port)
  const scene = await forward(t, 'spread')
  await answers(scene, 200)
  seen.length = 0
  const counts: Record<string, number> = {}
  for (let i = 0; i < 8; i++) {
    const { body } = await scene.get('/user/list?q=a%20b')
    counts[body] = (counts[body] ?? 0) + 1
  }
  assert.deepEqual(counts, { one: 6, two: 2 })
  const { host } = new URL(scene.url)
  assert.equal(seen[0], `GET /list?q=a%20b 127.0.0.1:${one.port} 127.0.0.1 ${host} keep-alive`)
  assert.equal((await scene.get('/own')).body, 'own')
  assert.equal((await scene.get('/user')).status, 200)
  assert.equal(seen.at(-1)?.split(' ')[1], '/')
})

test('a node that waits to be selected gets nothing', async t => {
  if (!requireEtcd(t)) return
  const [one, two] = [await node(t, 'one'), await node(t, 'two')]
  await put('waiting', '1', one.port)
  const scene = await forward(t, 'waiting')
  await answers(scene, 200)
  const value = { ip: '127.0.0.1', port: two.port, metadata: { traffic: 'selected' } }
  await putKey(etcd.url, '/services/waiting/1', JSON.stringify(value))
  await answers(scene, 503)
})

test('a body is streamed to the node, and its answer comes back as it is', async t => {
  if (!requireEtcd(t)) return
  const echo: Handler = (request, response) => {
    const { 'content-type': type = 'text/plain' } = request.headers
    response.writeHead(201, { 'content-type': type, 'set-cookie': ['a=1', 'b=2'] })
    request.pipe(response)
  }
  await put('echo', '1', (await node(t, 'echo', echo)).port)
  const scene = await forward(t, 'echo', { rewritePrefix: '/api' })
  await answers(scene, 201)
  const body = JSON.stringify({ text: 'x'.repeat(200_000) })
  const got = await scene.get('/user/items', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(got.status, 201)
  assert.equal(got.body, body)
  assert.deepEqual(got.headers.getSetCookie(), ['a=1', 'b=2'])
})

test('a node that refuses connections costs no request without a body, and its breaker then leaves it out', async t => {
  if (!requireEtcd(t)) return
  const good = await node(t, 'good')
  await put('half', '1', good.port)
  await put('half', '2', await freePort())
  const scene = await forward(t, 'half')
  await answers(scene, 200)
  for (let i = 0; i < 30; i++) assert.equal((await scene.get('/user/')).status, 200)
  // The breaker is open by now. A body cannot be sent twice, and need not be.
  for (let i = 0; i < 10; i++) {
    const { status } = await scene.get('/user/', { method: 'POST', body: 'once' })
    assert.equal(status, 200)
  }
})

test('with more retries than nodes, a request is answered when each node has failed once', async t => {
  if (!requireEtcd(t)) return
  let asked = 0
  const broken: Handler = request => {
    asked++
    request.socket.destroy()
  }
  await put('broken', '1', (await node(t, 'one', broken)).port)
  const scene = await forward(t, 'broken', { retries: 5 })
  await answers(scene, 502)
  await put('broken', '2', (await node(t, 'two', broken)).port)
  await until('both nodes are asked', async () => {
    asked = 0
    const { status, body } = await scene.get('/user/')
    assert.deepEqual([status, JSON.parse(body).code], [502, 'WG_UPSTREAM_UNREACHABLE'])
    return asked === 2
  })
})

test('a node that answers with a status that does not exist has failed, and nothing of its answer is passed on', async t => {
  if (!requireEtcd(t)) return
  const odd: Handler = (_, response) => {
    response.socket?.end('HTTP/1.1 700 Odd\r\ncontent-length: 3\r\nx-odd: 1\r\n\r\nodd')
  }
  await put('odd', '1', (await node(t, 'odd', odd)).port)
  await put('odd', '2', (await node(t, 'good')).port)
  const scene = await forward(t, 'odd')
  await answers(scene, 200)
  const statuses = new Set<number>()
  for (let i = 0; i < 6; i++) {
    const { status, body, headers } = await scene.get('/user/')
    statuses.add(status)
    assert.deepEqual([body === 'odd', headers.get('x-odd')], [false, null])
    if (status !== 200) assert.equal(JSON.parse(body).code, 'WG_UPSTREAM_UNREACHABLE')
  }
  assert.deepEqual(statuses, new Set([200, 502]))
})

test('a long body is streamed whatever its type, also text, which Fastify would read whole', async t => {
  if (!requireEtcd(t)) return
  const counting = await node(t, 'counting', async (request, response) => {
    let bytes = 0
    for await (const chunk of request) bytes += (chunk as Buffer).length
    response.end(String(bytes))
  })
  await put('counting', '1', counting.port)
  const scene = await forward(t, 'counting')
  await answers(scene, 200)
  for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded', 'image/png']) {
    const init = { method: 'POST', headers: { 'content-type': type }, body: Buffer.alloc(3_000_000, 0x78) }
    assert.equal((await scene.get('/user/', init)).body, '3000000', type)
  }
})

test('one request that fails on every node does not take nodes away from others', async t => {
  if (!requireEtcd(t)) return
  const bad: Handler = (request, response) => {
    response.writeHead(request.url === '/bad' ? 500 : 200).end()
  }
  const [one, two] = [await node(t, 'one', bad), await node(t, 'two', bad)]
  await put('fragile', '1', one.port)
  await put('fragile', '2', two.port)
  const scene = await forward(t, 'fragile')
  await answers(scene, 200)
  for (let i = 0; i < 60; i++) await scene.get('/user/bad')
  const before = [one.count, two.count]
  for (let i = 0; i < 10; i++) await scene.get('/user/')
  assert.deepEqual([one.count - before[0]!, two.count - before[1]!], [5, 5])
})

test('without a node the answer is a problem document, and the last node that answers is never left out', async t => {
  if (!requireEtcd(t)) return
  const scene = await forward(t, 'none')
  const none = await scene.get('/user/', { headers: { 'x-request-id': 'mine' } })
  assert.equal(none.status, 503)
  assert.equal(none.headers.get('content-type'), 'application/problem+json')
  assert.equal(JSON.parse(none.body).code, 'WG_NO_NODE')
  assert.equal(typeof JSON.parse(none.body).requestId, 'string')

  const broken = await node(t, 'broken', (_request, response) => response.writeHead(500).end('mine'))
  await put('none', '1', broken.port)
  await answers(scene, 500)
  for (let i = 0; i < 30; i++) assert.equal((await scene.get('/user/')).body, 'mine')

  await broken.close()
  await until('its breaker is open', async () => (await scene.get('/user/')).status === 503)
  const open = await scene.get('/user/')
  assert.equal(JSON.parse(open.body).code, 'WG_CIRCUIT_OPEN')
  assert.match(open.headers.get('retry-after') ?? '', /^\d+$/)
})

test('a request that fails on every node takes no node away, however often it is repeated', async t => {
  if (!requireEtcd(t)) return
  const handler: Handler = (request, response) => {
    response.writeHead(request.url?.startsWith('/bad') ? 500 : 200).end()
  }
  const nodes = [await node(t, 'one', handler), await node(t, 'two', handler)] as const
  await put('alike', '1', nodes[0].port)
  await put('alike', '2', nodes[1].port)
  const scene = await forward(t, 'alike')
  await until('both are known', async () => {
    await scene.get('/user/')
    return nodes.every(({ count }) => count > 0)
  })
  for (let i = 0; i < 60; i++) assert.equal((await scene.get(`/user/bad?${i}`)).status, 500)
  const before = nodes.map(({ count }) => count)
  for (let i = 0; i < 8; i++) assert.equal((await scene.get('/user/')).status, 200)
  assert.deepEqual(
    nodes.map(({ count }, i) => count - before[i]!),
    [4, 4],
  )
})

const OPEN_MS = 200

/** Starts a service of one node that has failed so often that its breaker is open, and is well again. */
async function recovering(t: TestContext, service: string, options: Partial<WaygateProxyOptions> = {}) {
  let isWell = false
  const handler: Handler = (_request, response) => response.writeHead(isWell ? 200 : 500).end()
  await put(service, '1', (await node(t, service, handler)).port)
  const breaker = { ejectLastNode: true, openMs: OPEN_MS, maxOpenMs: OPEN_MS }
  const scene = await forward(t, service, { breaker, ...options })
  await answers(scene, 500)
  await answers(scene, 503)
  isWell = true
  return scene
}

test('a node that is well again gets requests again, once its breaker has let one through', async t => {
  if (!requireEtcd(t)) return
  const scene = await recovering(t, 'recovering')
  await answers(scene, 200)
  for (let i = 0; i < 3; i++) assert.equal((await scene.get('/user/')).status, 200)
})

test('a request that is refused before it is sent keeps no breaker half-open', async t => {
  if (!requireEtcd(t)) return
  // Of a probe that never ends, a breaker hears nothing for twice this time.
  const scene = await recovering(t, 'traversed', { timeoutMs: 60_000 })
  await until('its breaker is half-open', async () => (await scene.get('/user/a%2f..%2fb')).status === 400)
  await answers(scene, 200)
})

test('a client that leaves before its request is sent keeps no breaker half-open', async t => {
  if (!requireEtcd(t)) return
  const gone = Promise.withResolvers<void>()
  const scene = await recovering(t, 'left', {
    timeoutMs: 60_000,
    preHandler: async ({ url }, { raw }) => {
      if (url !== '/user/held') return
      raw.once('close', gone.resolve)
      leaving.abort()
      await gone.promise
      // The breaker is half-open from then on.
      await delay(2 * OPEN_MS)
    },
  })
  const leaving = new AbortController()
  await assert.rejects(fetch(`${scene.url}/user/held`, { signal: leaving.signal }), /abort/)
  await gone.promise
  await delay(3 * OPEN_MS)
  await answers(scene, 200)
})

test('a request whose client has left is not sent to another node', async t => {
  if (!requireEtcd(t)) return
  const leaving = new AbortController()
  const gone = Promise.withResolvers<void>()
  const seen: string[] = []
  const handler: Handler = async (request, response) => {
    seen.push(request.url!)
    if (request.url === '/held') {
      leaving.abort()
      await gone.promise
      request.socket.destroy()
    } else response.end()
  }
  const nodes = [await node(t, 'one', handler), await node(t, 'two', handler)]
  await put('abandoned', '1', nodes[0]!.port)
  await put('abandoned', '2', nodes[1]!.port)
  const scene = await forward(t, 'abandoned', {}, app => {
    app.addHook('onRequestAbort', async _request => gone.resolve())
  })
  await until('both are known', async () => {
    await scene.get('/user/')
    return nodes.every(({ count }) => count > 0)
  })
  await assert.rejects(fetch(`${scene.url}/user/held`, { signal: leaving.signal }), /abort/)
  for (let i = 0; i < 4; i++) await scene.get('/user/after')
  assert.deepEqual(
    seen.filter(url => url === '/held'),
    ['/held'],
  )
})

test('with ejectLastNode, the only node is left out for its answers', async t => {
  if (!requireEtcd(t)) return
  const broken = await node(t, 'broken', (_request, response) => response.writeHead(500).end())
  await put('lone', '1', broken.port)
  const scene = await forward(t, 'lone', { breaker: { ejectLastNode: true } })
  await answers(scene, 500)
  await until('its breaker is open', async () => (await scene.get('/user/')).status === 503)
  assert.equal(JSON.parse((await scene.get('/user/')).body).code, 'WG_CIRCUIT_OPEN')
})

test('a node that does not answer in time is 504, and a request that changes something is not sent again', async t => {
  if (!requireEtcd(t)) return
  const silent = await node(t, 'silent', () => {})
  await put('silent', '1', silent.port)
  const scene = await forward(t, 'silent', { timeoutMs: 300 })
  await answers(scene, 504)
  const cut = await node(t, 'cut', request => request.socket.destroy())
  const spare = await node(t, 'spare', request => request.socket.destroy())
  await put('silent', '1', cut.port)
  await put('silent', '2', spare.port)
  await answers(scene, 502)
  const before = cut.count + spare.count
  assert.equal((await scene.get('/user/', { method: 'POST' })).status, 502)
  assert.equal(cut.count + spare.count, before + 1)
  assert.equal((await scene.get('/user/')).status, 502)
  assert.equal(cut.count + spare.count, before + 3)
})

test('the hooks of the application run first, and its errors stay its own', async t => {
  if (!requireEtcd(t)) return
  const behind = await node(t, 'behind')
  await put('guarded', '1', behind.port)
  const scene = await forward(t, 'guarded', {
    preHandler: async (request, reply) => {
      if (request.headers.authorization !== 'Bearer good') return reply.code(401).send('who?')
    },
  })
  const headers = { authorization: 'Bearer good' }
  await until('it answers', async () => (await scene.get('/user/', { headers })).status === 200)
  const before = behind.count
  assert.deepEqual([(await scene.get('/user/')).status, (await scene.get('/user/')).body], [401, 'who?'])
  assert.equal(behind.count, before)
})

test('WebSockets are forwarded with the path and the headers of the client', async t => {
  if (!requireEtcd(t)) return
  const scene = await forward(t, 'chat')
  const port = Number(new URL(scene.url).port)
  await assert.rejects(openWebSocket(t, port, { path: '/user/room' }), /refused/)
  const echo = await startWebSocketNode(t)
  await put('chat', '1', echo.port)
  await answers(scene, 200)
  const end = echo.next()
  const client = await openWebSocket(t, port, { path: '/user/room?x=1', headers: { 'x-tenant': 'a' } })
  client.socket.send('hello')
  assert.equal(await client.next(), 'hello')
  const { request, received } = await end
  assert.equal(request.url, '/room?x=1')
  assert.equal(request.headers['x-tenant'], 'a')
  assert.equal(request.headers['x-forwarded-for'], '127.0.0.1')
  client.socket.close(4001)
  assert.equal((await received(OPCODE.close)).payload.readUInt16BE(), 4001)
})

test('a node that refuses a WebSocket is left alone, and has not failed', async t => {
  if (!requireEtcd(t)) return
  const refusing = await startWebSocketNode(t, {
    refuse: socket => socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n'),
  })
  await put('refusing', '1', refusing.port)
  const breaker = { ejectLastNode: true, minimumRequests: 1, failureRatio: 0.01 }
  const scene = await forward(t, 'refusing', { breaker, timeoutMs: 500 })
  await answers(scene, 200)
  const client = await openWebSocket(t, Number(new URL(scene.url).port), { path: '/user/room' })
  assert.equal((await client.closed).code, 1011)
  await until('only the connection of requests is open', () => refusing.connections.size <= 1)
  assert.equal((await scene.get('/user/')).status, 200)
})

test('a client that leaves before its WebSocket is open leaves no connection to the node', async t => {
  if (!requireEtcd(t)) return
  const asked = Promise.withResolvers<void>()
  const agreed = Promise.withResolvers<void>()
  const slow = await startWebSocketNode(t, {
    beforeAgreeing: () => {
      asked.resolve()
      return agreed.promise
    },
  })
  await put('slow', '1', slow.port)
  const clients: Socket[] = []
  const scene = await forward(t, 'slow', { timeoutMs: 60_000 }, app => {
    app.server.on('connection', socket => clients.push(socket))
  })
  await answers(scene, 200)
  const client = await openWebSocket(t, Number(new URL(scene.url).port), { path: '/user/room' })
  await asked.promise
  const handshake = [...slow.connections].at(-1)!
  client.socket.close()
  await until('the client has left', () => clients.at(-1)!.destroyed)
  agreed.resolve()
  await until('the node sees its end', () => handshake.readableEnded || handshake.destroyed)
})

test('the application starts without etcd, answers 503, and has its nodes when etcd is there', async t => {
  if (!requireEtcd(t)) return
  const late = await startEtcd()
  t.after(() => late.stop())
  await putKey(late.url, '/services/late/1', `127.0.0.1:${(await node(t, 'late')).port}`)
  await late.kill('SIGKILL')
  const scene = await forward(t, 'late', { etcd: late.url })
  assert.equal((await scene.get('/user/')).status, 503)
  assert.equal((await scene.get('/own')).status, 200)
  await late.restart()
  await answers(scene, 200)
})

test('the breaker of a node has the defaults of the gateway', () => {
  const source = readFileSync(new URL('../fastify.ts', import.meta.url), 'utf8')
  const [, fields = ''] = /^const BREAKER\b[^{]*\{\n(.*?)^\}/ms.exec(source) ?? []
  const defaults = [...fields.matchAll(/^ {2}(\w+): ([\d_.]+),$/gm)].map(
    ([, name, value]) => [name!, Number(value!.replaceAll('_', ''))] as const,
  )
  assert.ok(defaults.length > 3, 'the defaults were found')
  const { breaker } = loadConfig({ env: {}, cwd: import.meta.dirname }).config
  for (const [name, value] of defaults) assert.equal(value, breaker[name as keyof typeof breaker], name)
})

test('a file name that is not ASCII reaches the client in the bytes of its node', async t => {
  if (!requireEtcd(t)) return
  const line = 'content-disposition: attachment; filename="\xe4\xb8\xad.txt"'
  const { port } = await startNode(t, socket =>
    socket.write(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${line}\r\n\r\nok`, 'latin1')),
  )
  await put('named', 'a', port)
  const scene = await forward(t, 'named')
  await answers(scene, 200)
  const request = 'GET /user/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const text = await sendRaw(Number(new URL(scene.url).port), request)
  assert.ok(text.includes(`\r\n${line}\r\n`), text)
  assert.ok(text.includes('\r\ncontent-length: 2\r\n'), text)
})
