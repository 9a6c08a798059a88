import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { answer, deadPort, type Script, startNode } from '../../../support/node-server.ts'
import { until } from '../../../support/until.ts'
import { openWebSocket, startWebSocketNode } from '../../../support/websocket.ts'

const OPEN = { service: 'user', auth: 'none', path: '/user/*' }
const ALL = { filter: '', problems: false, limit: 100 }

const answerWell: Script = async (socket, request) => {
  await request.whole.catch(() => {})
  socket.write(answer('ok'))
}

/** A node that answers when it is told to. */
function holding(held: (() => void)[]): Script {
  return socket => void held.push(() => socket.write(answer('late')))
}

async function setUp(t: TestContext, options: GatewaySetUp = {}, script = answerWell) {
  const node = await startNode(t, script)
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { users: OPEN },
    ...options,
  })
  const { api } = gateway.gateway
  const get = (path: string, headers: Record<string, string> = {}) => send(gateway.port, { path, headers })
  /** Resolves with the entry of a request, which is made when its connection has ended. */
  const entryOf = (id: string) =>
    until(`request ${id} is remembered`, async () => (await api.request(id)) ?? false)
  return { ...gateway, api, node, get, entryOf }
}

test('a request is remembered with what became of it, and without query, headers and body', async t => {
  const { entryOf, port, node } = await setUp(t)
  const id = 'request-1'
  await send(port, {
    method: 'POST',
    path: '/user/7?card=secret-query&a=1',
    headers: { 'x-request-id': id, 'x-card': 'secret-header', host: 'api.example.com' },
    body: 'secret-body',
  })
  const page = await entryOf(id)
  const { at, totalMs, upstreamMs, revision, ...entry } = page.request
  assert.deepEqual(entry, {
    requestId: id,
    method: 'POST',
    host: 'api.example.com',
    path: '/user/7',
    http: '1.1',
    status: 200,
    attempts: 1,
    route: 'users',
    service: 'user',
    node: 'u1',
    address: `127.0.0.1:${node.port}`,
    client: '127.0.0.1',
  })
  assert.ok(Math.abs(Date.now() - at) < 60_000)
  assert.ok(upstreamMs! > 0 && totalMs >= upstreamMs!)
  assert.match(revision!, /^\d+$/)
  assert.equal(page.tries.length, 1)
  const { startMs, ms, ...one } = page.tries[0]!
  assert.deepEqual(one, { service: 'user', node: 'u1', outcome: '200' })
  assert.ok(startMs >= 0 && ms === upstreamMs)
  assert.equal(page.explain?.route?.id, 'users')
  assert.doesNotMatch(JSON.stringify(page), /secret/)
})

test('a request that was refused is remembered with its code, and among the problems', async t => {
  const { api, entryOf, get } = await setUp(t)
  await get('/user/1', { 'x-request-id': 'good' })
  await get('/nowhere?x=secret', { 'x-request-id': 'lost' })
  const { request, tries, explain } = await entryOf('lost')
  assert.deepEqual([request.status, request.code, request.attempts], [404, 'WG_NO_ROUTE', 0])
  assert.deepEqual(tries, [])
  assert.equal(explain?.wouldAnswer?.code, 'WG_NO_ROUTE')
  await entryOf('good')
  const idsOf = async (query: Partial<typeof ALL>) =>
    (await api.requests({ ...ALL, ...query })).map(({ requestId }) => requestId)
  assert.deepEqual((await idsOf({})).sort(), ['good', 'lost'])
  assert.deepEqual(await idsOf({ problems: true }), ['lost'])
  assert.deepEqual(await idsOf({ filter: 'service:user status:2xx' }), ['good'])
  assert.deepEqual(await idsOf({ filter: '-service:user' }), ['lost'])
  assert.deepEqual((await idsOf({ limit: 1 })).length, 1)
  await assert.rejects(idsOf({ filter: 'bad:word' }), /"bad:word": there is no field "bad"/)
  assert.equal(await api.request('unknown'), undefined)
})

test('every try of a request that was retried is told, with its node, its time and its outcome', async t => {
  const dead = await deadPort()
  const node = await startNode(t, answerWell)
  const { entryOf, get, api } = await setUp(t, {
    nodes: { 'user/gone': { port: dead, weight: 65_535 }, 'user/u2': { port: node.port, weight: 1 } },
  })
  await get('/user/1', { 'x-request-id': 'retried' })
  const { request, tries } = await entryOf('retried')
  assert.deepEqual([request.status, request.attempts, request.node], [200, 2, 'u2'])
  assert.deepEqual(request.tries, tries)
  assert.deepEqual(
    tries.map(each => [each.service, each.node, each.outcome]),
    [
      ['user', 'gone', `connect: connect ECONNREFUSED 127.0.0.1:${dead}`],
      ['user', 'u2', '200'],
    ],
  )
  const [first, second] = tries
  assert.ok(first!.startMs >= 0 && first!.ms > 0)
  assert.ok(second!.startMs >= first!.startMs + first!.ms - 0.01)
  assert.ok(second!.startMs + second!.ms <= request.totalMs)
  const [problem] = await api.requests({ ...ALL, problems: true })
  assert.equal(problem?.requestId, 'retried', 'more than one try is a problem although the answer is good')
  const detail = await api.node('user', 'u2')
  assert.ok(detail!.p50! > 0 && detail!.p99! >= detail!.p50!)
})

test('a status on which the route retries is the outcome of its try', async t => {
  const good = await startNode(t, answerWell)
  const bad = await startNode(t, socket => void socket.write(answer('no', [], '503 Service Unavailable')))
  const { entryOf, get } = await setUp(t, {
    routes: { users: { ...OPEN, retries: 1, retryOn: [503] } },
    nodes: { 'user/bad': { port: bad.port, weight: 65_535 }, 'user/good': { port: good.port, weight: 1 } },
  })
  await get('/user/1', { 'x-request-id': 'repeated' })
  const { request, tries } = await entryOf('repeated')
  assert.equal(request.status, 200)
  assert.deepEqual(
    tries.map(each => [each.node, each.outcome]),
    [
      ['bad', '503'],
      ['good', '200'],
    ],
  )
})

test('both tries of a hedged request are told, and the one that lost was given up', async t => {
  const silent: Script = () => {}
  const slow = await startNode(t, silent)
  const fast = await startNode(t, answerWell)
  const { entryOf, get } = await setUp(t, {
    routes: { users: { ...OPEN, hedge: { afterMs: 20 } } },
    nodes: { 'user/slow': { port: slow.port, weight: 65_535 }, 'user/fast': { port: fast.port, weight: 1 } },
  })
  await get('/user/1', { 'x-request-id': 'hedged' })
  const { request, tries } = await entryOf('hedged')
  assert.deepEqual([request.status, request.attempts, request.node], [200, 2, 'fast'])
  assert.deepEqual(
    tries.map(each => [each.node, each.outcome]),
    [
      ['slow', 'given up'],
      ['fast', '200'],
    ],
  )
  assert.ok(tries[1]!.startMs - tries[0]!.startMs >= 19)
})

test('an open call counts the tries that are in flight at once, before one of them has won', async t => {
  const held: (() => void)[] = []
  const { api, get } = await setUp(t, {
    routes: { users: { ...OPEN, hedge: { afterMs: 200 } } },
    nodes: {
      'user/a': (await startNode(t, holding(held))).port,
      'user/b': (await startNode(t, holding(held))).port,
    },
  })
  const whole = get('/user/1')
  await until('the first node has it', () => held.length === 1)
  const [first] = await api.inFlight(0)
  assert.ok(first!.attempts >= 1)
  await until('both nodes have it', () => held.length === 2)
  const [both] = await api.inFlight(0)
  assert.equal(both!.attempts, 2)
  for (const answerNow of held) answerNow()
  await whole
})

test('a hedged request whose first node answered in time has no list of tries', async t => {
  const { entryOf, get } = await setUp(t, { routes: { users: { ...OPEN, hedge: { afterMs: 10_000 } } } })
  await get('/user/1', { 'x-request-id': 'calm' })
  const { request, tries } = await entryOf('calm')
  assert.equal(request.tries, undefined)
  assert.deepEqual(
    tries.map(each => each.outcome),
    ['200'],
  )
})

test('a fallback and the reason for it are told', async t => {
  const { entryOf, get } = await setUp(t, {
    nodes: { 'user/gone': await deadPort() },
    routes: { users: { ...OPEN, fallback: { status: 200, body: 'later' } } },
  })
  await get('/user/1', { 'x-request-id': 'fallen' })
  const { request } = await entryOf('fallen')
  assert.deepEqual([request.status, request.fallback], [200, true])
  assert.match(request.reason!, /ECONNREFUSED/)
})

test('long texts of clients are cut', async t => {
  const { entryOf, get } = await setUp(t)
  await get(`/user/${'x'.repeat(3_000)}?secret`, { 'x-request-id': 'long' })
  const { request, explain } = await entryOf('long')
  assert.equal(request.path.length, 513)
  assert.match(request.path, /^\/user\/x+…$/)
  assert.equal(explain, null, 'what would happen to a part of a path says nothing')
})

test('open calls are listed while they last, longest first', async t => {
  const held: (() => void)[] = []
  const { api, get } = await setUp(t, {}, socket => void held.push(() => socket.write(answer('late'))))
  const first = get('/user/1?secret', { 'x-request-id': 'first' })
  await until('the node has the first', () => held.length === 1)
  const second = get('/user/2', { 'x-request-id': 'second' })
  await until('the node has the second', () => held.length === 2)
  const [one, two] = await api.inFlight(0)
  const { ms, ...shown } = one!
  assert.deepEqual(shown, {
    ...{ requestId: 'first', method: 'GET', path: '/user/1', attempts: 1 },
    ...{ route: 'users', service: 'user', node: 'u1' },
  })
  assert.ok(ms >= two!.ms)
  assert.equal(two!.requestId, 'second')
  assert.deepEqual(await api.inFlight(3_600_000), [])
  for (const answerNow of held) answerNow()
  await Promise.all([first, second])
  await until('nothing is open', async () => (await api.inFlight(0)).length === 0)
})

test('a WebSocket is an open call until it is over', async t => {
  const chat = await startWebSocketNode(t)
  const { api, port } = await setUp(t, {
    nodes: { 'chat/c1': chat.port },
    routes: { chat: { path: '/chat', service: 'chat', auth: 'none' } },
  })
  const client = await openWebSocket(t, port, { path: '/chat' })
  const [call] = await until('it is open', async () => {
    const open = await api.inFlight(0)
    return open[0]?.upgraded && open
  })
  assert.deepEqual([call!.path, call!.node, call!.upgraded], ['/chat', 'c1', true])
  client.socket.close()
  await client.closed
  await until('it is over', async () => (await api.inFlight(0)).length === 0)
  const [entry] = await until('it is remembered', async () => {
    const all = await api.requests(ALL)
    return all.length > 0 && all
  })
  assert.equal(entry!.status, 101)
})

test('with admin.tail off, requests are neither remembered nor listed, and still counted', async t => {
  const held: (() => void)[] = []
  const { api, get, gateway } = await setUp(
    t,
    { document: { admin: { tail: false } } },
    socket => void held.push(() => socket.write(answer('late'))),
  )
  const asked = get('/user/1', { 'x-request-id': 'unseen' })
  await until('the node has it', () => held.length === 1)
  assert.deepEqual(await api.inFlight(0), [])
  held[0]!()
  await asked
  await until('it is counted', async () => (await api.node('user', 'u1'))?.p50 !== null)
  assert.deepEqual(await api.requests(ALL), [])
  assert.equal(await api.request('unseen'), undefined)
  assert.equal((await api.status()).ready, true)
  assert.ok(gateway.hasServed())
})

test('a request whose client left is remembered as such', async t => {
  const { api, port } = await setUp(t, {}, () => {})
  const leaving = new AbortController()
  const headers = { 'x-request-id': 'left' }
  const asked = fetch(`http://127.0.0.1:${port}/user/1`, { signal: leaving.signal, headers }).catch(() => {})
  await until('it is open', async () => (await api.inFlight(0)).length === 1)
  leaving.abort()
  await asked
  const page = await until('it is remembered', async () => (await api.request('left')) ?? false)
  assert.equal(page.request.status, 499)
})
