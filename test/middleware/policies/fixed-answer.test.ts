import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Exchange } from '../../../internal/policy.ts'
import { createMock, Delays, type MockRule } from '../../../middleware/policies/fixed-answer.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { policyContract } from './policy-contract.ts'
import { reasonOf } from './rule-problems.ts'

policyContract('mock', {
  rule: { status: 418, body: { tea: true } },
  bad: { rule: { status: 204, body: 'x' }, path: '$.mock.body' },
  shows: ({ answer: { status, headers } }) => status === 418 && headers['x-waygate-mock'] === '1',
  onRefusals: false,
  withoutNode: true,
  handshake: 101,
})

policyContract('respond', {
  rule: { status: 418, body: { tea: true } },
  bad: { rule: { headers: { connection: 'close' } }, path: '$.respond.headers.connection' },
  shows: ({ answer: { status, headers } }) => status === 418 && headers['x-waygate-mock'] === '1',
  onRefusals: false,
  withoutNode: true,
  handshake: 418,
})

async function setUp(t: TestContext, mock: object, document: object = {}, more: Partial<GatewaySetUp> = {}) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('from the node'))
  })
  const gateway = await startTestGateway(t, {
    withKey: true,
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/items/:id', service: 'user', auth: 'none', mock, ...document } },
    ...more,
  })
  const ask = (path = '/items/1', headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    send(gateway.port, { path, headers, method })
  return { ...gateway, node, ask }
}

test('mock: needs the same token', async t => {
  const { ask, node } = await setUp(t, { body: 'hi' }, { auth: 'jwt' })
  const refused = await ask()
  assert.deepEqual([refused.status, refused.headers['x-waygate-mock']], [401, undefined])
  const got = await ask('/items/1', { authorization: `Bearer ${token()}` })
  assert.deepEqual([got.status, got.text, got.headers['x-waygate-mock']], [200, 'hi', '1'])
  assert.equal(node.requests.length, 0)
})

test('mock: a text is plain, and any other value is JSON, unless the headers say more', async t => {
  for (const [mock, type, text] of [
    [{ body: 'é' }, 'text/plain; charset=utf-8', 'é'],
    [{ body: [1, null, { a: 'b' }] }, 'application/json', '[1,null,{"a":"b"}]'],
    [{ body: 0 }, 'application/json', '0'],
    [{ body: null }, 'application/json', 'null'],
    [{ body: '<p>', headers: { 'Content-Type': 'text/html' } }, 'text/html', '<p>'],
    [{ body: '{query.q}' }, 'text/plain; charset=utf-8', '{query.q}'],
    [{}, undefined, ''],
  ] as const) {
    const { ask } = await setUp(t, mock)
    const got = await ask()
    assert.deepEqual([got.status, got.headers['content-type'], got.text], [200, type, text])
    assert.equal(got.headers['content-length'], String(Buffer.byteLength(text)))
    const head = await ask('/items/1', {}, 'HEAD')
    assert.deepEqual([head.headers['content-length'], head.text], [String(Buffer.byteLength(text)), ''])
  }
})

test('mock: a body that nobody reads leaves the connection usable', async t => {
  const { port } = await setUp(t, { status: 503 })
  const post = 'POST /items/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody'
  const client = await openRaw(port, post + post.replace('Host: h', 'Host: h\r\nConnection: close'))
  assert.equal((await client.closed).match(/HTTP\/1\.1 503 /g)?.length, 2)
})

const HOSTILE = '"},"admin":true,{"x":"\\\r\n{path.id}é'

test('mock: a quote in a query value stays inside the string', async t => {
  const path = `/items/7?q=${encodeURIComponent(HOSTILE)}`
  const asJson = await setUp(t, {
    template: true,
    body: { q: 'got {query.q|none}', '{path.id}': ['{path.id}', 1] },
  })
  assert.deepEqual((await asJson.ask(path)).json(), { q: `got ${HOSTILE}`, '{path.id}': ['7', 1] })
  assert.deepEqual((await asJson.ask()).json().q, 'got none')
  const asText = await setUp(t, {
    template: true,
    headers: { 'content-type': 'application/problem+json' },
    body: '{{"q":"{query.q|none}","id":"{path.id}"}',
  })
  assert.deepEqual((await asText.ask(path)).json(), { q: HOSTILE, id: '7' })
})

test('mock: headers are templates too, and one without a value is not sent', async t => {
  const { ask } = await setUp(t, {
    template: true,
    headers: { 'x-id': '{path.id}', 'x-none': '{query.none}', 'x-q': '{query.q}' },
  })
  const { headers } = await ask('/items/7?q=%0d%0ax-forged:%20yes')
  assert.deepEqual(
    [headers['x-id'], headers['x-none'], headers['x-q'], headers['x-forged']],
    ['7', undefined, '%0D%0Ax-forged: yes', undefined],
  )
})

test('mock: an answer does not grow beyond bounds', async t => {
  const { ask } = await setUp(t, { template: true, body: Array.from({ length: 20 }, () => '{query.q|}') })
  assert.equal((await ask(`/items/1?q=${'a'.repeat(3_000)}`)).json().length, 20)
  const refused = await ask(`/items/1?q=${'a'.repeat(4_000)}`)
  assert.deepEqual([refused.status, refused.json().code], [400, 'WG_BAD_REQUEST'])
  const one = await setUp(t, { template: true, body: '{query.q|}{query.q|}' })
  assert.equal((await one.ask(`/items/1?q=${'a'.repeat(5_000)}`)).status, 400)
})

test('mock: answers its share of requests', async t => {
  const { ask, node } = await setUp(t, { percent: 30 })
  let mocked = 0
  for (let wave = 0; wave < 30; wave++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()))
    mocked += answers.filter(({ headers }) => headers['x-waygate-mock'] === '1').length
  }
  // Outside of these bounds once in a million runs.
  assert.ok(mocked > 120 && mocked < 240, String(mocked))
  assert.equal(node.requests.length, 600 - mocked)
  const never = await setUp(t, { percent: 0 })
  assert.equal((await never.ask()).text, 'from the node')
})

test('mock: an answer waits, and a client that leaves is not waited for', async t => {
  const { ask } = await setUp(t, { delayMs: 150, body: 'late' })
  const started = performance.now()
  assert.equal((await ask()).text, 'late')
  assert.ok(performance.now() - started >= 149)
  const { port, log } = await setUp(t, { delayMs: 10_000 })
  const client = await openRaw(port, 'GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n')
  client.socket.destroy()
  const line = await until('the log line', () => log.find(({ msg }) => msg === 'request'))
  assert.equal(line.status, 499)
})

test('mock: a request that is only asked about does not wait, and is not left to chance', () => {
  const dry = { isDry: true, isWebSocket: false } as Exchange
  const answerOf = (rule: MockRule) => createMock(rule, { delays: new Delays() }).onAuthorized!(dry)
  const answered = answerOf({ status: 503, delayMs: 10_000 })
  assert.ok(answered !== undefined && !(answered instanceof Promise))
  assert.equal(answered.status, 503)
  for (let i = 0; i < 100; i++) assert.equal(answerOf({ percent: 99 }), undefined)
})

test('mock: delays are bounded', async () => {
  const listeners: (() => void)[] = []
  const exchange = { response: { once: (_: string, listener: () => void) => listeners.push(listener) } }
  const delays = new Delays(2)
  const wait = () => delays.wait(5_000, exchange as unknown as Exchange)
  const waiting = [wait(), wait()]
  assert.ok(waiting.every(each => each instanceof Promise))
  assert.equal(wait(), undefined)
  // The first client leaves. What closes twice frees one place.
  listeners[0]!()
  listeners[0]!()
  await waiting[0]
  assert.ok(wait() instanceof Promise)
  assert.equal(wait(), undefined)
  for (const leave of listeners) leave()
  await Promise.all(waiting)
})

test('mock: a client that has left before its delay takes no place', () => {
  const response = { destroyed: true, once: () => assert.fail('it closes no more') }
  assert.equal(new Delays(1).wait(5_000, { response } as unknown as Exchange), undefined)
})

test('respond: is a whole route, as protected as any', async t => {
  const { ask, logged, registry } = await setUp(
    t,
    {},
    {},
    {
      routes: {
        r: { path: '/items/:id', respond: { status: 410, body: { gone: '{path.id}' }, template: true } },
      },
    },
  )
  assert.equal((await ask()).status, 401)
  const got = await ask('/items/7', { authorization: `Bearer ${token()}` })
  assert.deepEqual([got.status, got.json(), got.headers['x-waygate-mock']], [410, { gone: '7' }, '1'])
  const line = await logged(String(got.headers['x-request-id']))
  assert.deepEqual([line.route, line.service, line.attempts], ['r', undefined, 0])
  registry.putRoute('r', { path: '/items/:id', respond: { body: 'open' }, auth: 'none' })
  await until('the new answer', async () => (await ask()).text === 'open')
})

test('respond: a HEAD, a POST with a body and a call of gRPC are answered each in its way', async t => {
  const { port } = await setUp(
    t,
    {},
    {},
    {
      routes: { r: { path: '/*', auth: 'none', respond: { status: 503, body: 'closed' } } },
    },
  )
  const client = await openRaw(
    port,
    'HEAD / HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab',
  )
  const text = await client.closed
  assert.equal(text.match(/HTTP\/1\.1 503 /g)?.length, 2)
  assert.equal(text.match(/closed/g)?.length, 1)
  const session = openHttp2(t, port)
  const call = await askHttp2(
    session,
    { ':method': 'POST', ':path': '/a.v1.B/C', 'content-type': 'application/grpc', te: 'trailers' },
    Buffer.alloc(5),
  )
  assert.deepEqual([call.status, call.headers['grpc-status']], [200, '14'])
})

const refused: [mock: object, reason: string][] = [
  [{ status: 101 }, '$.mock.status: must be >= 200'],
  [{ percent: 101 }, '$.mock.percent: must be <= 100'],
  [{ delayMs: 10_001 }, '$.mock.delayMs: must be <= 10000'],
  [{ headers: { 'Content-Length': '1' } }, '$.mock.headers["Content-Length"]: must not be set'],
  [{ headers: { 'x-waygate-mock': '0' } }, '$.mock.headers["x-waygate-mock"]: must not be set'],
  [{ headers: { 'x-a': 'a\r\nb' } }, '$.mock.headers["x-a"]: must be printable ASCII'],
  [{ headers: { 'x a': 'a' } }, '$.mock.headers["x a"]: is not a valid header name'],
  [{ status: 304, body: '' }, '$.mock.body: must be absent with status 304'],
  [{ body: 'x'.repeat(65_537) }, '$.mock.body: must not have more than 65536 bytes'],
  [
    { template: true, body: 'x'.repeat(8_193) },
    '$.mock.body: must not have more than 8192 characters as a template',
  ],
  [
    { template: true, body: { a: ['{query.q}'] } },
    '$.mock.body.a[0]: has {query.q}, which a request may lack',
  ],
  [{ template: true, body: '{nothing}' }, '$.mock.body: has an unknown variable {nothing}'],
  [
    { template: true, body: '<b>{path.id}</b>', headers: { 'content-type': 'text/html' } },
    '$.mock.body: must be JSON or text/plain to be a template, not "text/html"',
  ],
  [
    { template: true, body: { name: '{path.id}' }, headers: { 'Content-Type': 'text/html' } },
    '$.mock.body: must be JSON or text/plain to be a template, not "text/html"',
  ],
  [
    { template: true, body: ['{path.id}'], headers: { 'content-type': '{header.accept|application/json}' } },
    '$.mock.body: must be JSON or text/plain to be a template, not "{header.accept|application/json}"',
  ],
  [
    { template: true, body: '{{"id":{path.id}}', headers: { 'content-type': 'application/json' } },
    '$.mock.body: must be JSON that has its variables within strings',
  ],
  [
    { template: true, body: '{{"id":{path.id}}', headers: { 'content-type': 'application/vnd.a+JSON' } },
    '$.mock.body: must be JSON that has its variables within strings',
  ],
]
for (const [mock, reason] of refused) {
  test(`refused: ${JSON.stringify({ mock }).slice(0, 120)}`, () => {
    const found = reasonOf({ path: '/items/:id', mock }) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}
