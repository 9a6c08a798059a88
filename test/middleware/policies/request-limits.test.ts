import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Exchange } from '../../../internal/policy.ts'
import { createRequestLimits } from '../../../middleware/policies/request-limits.ts'
import { startTestGateway, token } from '../../support/gateway.ts'
import { type ClientRequest, openRaw, send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { policyContract } from './policy-contract.ts'
import { reasonOf } from './rule-problems.ts'

policyContract('requestLimits', {
  rule: { headerLines: 4 },
  bad: { rule: { headerLines: 1_000 }, path: '$.requestLimits.headerLines' },
  headers: { a: '1', b: '2', c: '3', d: '4' },
  shows: ({ answer }) => answer.status === 431,
  onRefusals: true,
  handshake: 431,
})

async function setUp(t: TestContext, requestLimits: object, document: object = {}) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer())
  })
  const gateway = await startTestGateway(t, {
    withKey: true,
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', requestLimits, ...document } },
  })
  const ask = async (request: ClientRequest) => {
    const got = await send(gateway.port, request)
    return got.status === 200 ? 200 : `${got.status} ${got.json().code}`
  }
  return { ...gateway, node, ask }
}

test('requestLimits: the target is as long as the client has spelled it', async t => {
  const { ask } = await setUp(t, { targetBytes: 12 })
  assert.equal(await ask({ path: '/%61/?a=1234' }), 200)
  assert.equal(await ask({ path: '/%61/?a=12345' }), '414 WG_URI_TOO_LONG')
})

test('requestLimits: header bytes are names, values, colons, spaces and line ends, as received', async t => {
  const lines = ['Host: h', 'X-A: 1', 'Connection: close']
  const bytes = lines.reduce((sum, line) => sum + line.length + 2, 0)
  const request = `GET /a/long/path HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
  for (const [headerBytes, status] of [
    [bytes, 200],
    [bytes - 1, 431],
  ]) {
    const { port } = await setUp(t, { headerBytes })
    const client = await openRaw(port, request)
    assert.match(await client.closed, new RegExp(`^HTTP/1\\.1 ${status} `))
  }
})

test('requestLimits: query parameters are counted', async t => {
  const { ask } = await setUp(t, { queryParameters: 2 })
  assert.equal(await ask({ path: '/?a&b=1' }), 200)
  assert.equal(await ask({ path: '/?a=1&&b=1&' }), 200)
  assert.equal(await ask({ path: '/?a&a&a' }), '400 WG_REQUEST_INVALID')
})

test('requestLimits: a body has one of the content types, whatever its parameters', async t => {
  const { ask, port, node } = await setUp(t, {
    contentTypes: ['application/json', 'application/*+json', 'IMAGE/*', '+cbor'],
  })
  const post = (type: string | undefined, body = 'x') =>
    ask({ method: 'POST', body, headers: { ...(type !== undefined && { 'content-type': type }) } })
  for (const type of [
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json;x="a,b"',
    'application/problem+json',
    'image/png',
    'application/x+cbor',
  ]) {
    assert.equal(await post(type), 200, type)
  }
  const wrong = '415 WG_UNSUPPORTED_TYPE'
  for (const type of [
    undefined,
    '',
    'text/plain',
    'application/jsonx',
    'application/+json',
    'image/',
    'application/json, text/html',
    'image/png, text/html',
    'application/json; a=1, text/html',
    'application/json; a="b, text/html',
    'application/json; a="b\\", text/html',
  ]) {
    assert.equal(await post(type), wrong, String(type))
  }
  assert.equal(await post('text/plain', ''), 200)
  assert.equal(await ask({ headers: { 'content-type': 'text/plain' } }), 200)
  const refused = await send(port, { method: 'POST', body: 'x' })
  assert.equal(refused.headers.accept, 'application/json, application/*+json, IMAGE/*, */*+cbor')
  const chunked = await openRaw(
    port,
    'POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
  )
  assert.match(await chunked.closed, /^HTTP\/1\.1 415 /)
  assert.equal(node.requests.length, 8)
})

test('requestLimits: a content type of escaped quotes takes time that grows with its length alone', () => {
  const { onRequest } = createRequestLimits({ contentTypes: ['application/json'] }, { wouldRefuse: () => {} })
  const msFor = (quotes: number) => {
    const contentType = `application/json; a="${'\\"'.repeat(quotes)}`
    const exchange = {
      call: { target: '/' },
      head: { chunked: true, contentType },
      request: { url: '/', rawHeaders: [] },
    } as unknown as Exchange
    const times = Array.from({ length: 5 }, () => {
      const before = performance.now()
      onRequest!(exchange)
      return performance.now() - before
    })
    return Math.min(...times)
  }
  const short = msFor(2_000)
  const long = msFor(32_000)
  assert.ok(long < 64 * Math.max(short, 0.1), `${short} ms and ${long} ms`)
})

test('requestLimits: a body without length is 411 where the length is required', async t => {
  const { ask, port } = await setUp(t, { lengthRequired: true })
  assert.equal(await ask({ method: 'POST', body: 'x' }), 200)
  assert.equal(await ask({}), 200)
  const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'x' }
  assert.equal(await ask(chunked), '411 WG_LENGTH_REQUIRED')
  const session = openHttp2(t, port)
  const open = await askHttp2(session, { ':method': 'POST', ':path': '/' }, 'x')
  assert.equal(open.json().code, 'WG_LENGTH_REQUIRED')
  const declared = await askHttp2(session, { ':method': 'POST', ':path': '/', 'content-length': '1' }, 'x')
  assert.equal(declared.status, 200)
})

test('requestLimits: come before credentials, and after clients and preflights', async t => {
  const { ask, port } = await setUp(
    t,
    { queryParameters: 0 },
    { auth: 'jwt', cors: { origins: ['https://app.example'] }, clients: { deny: ['::1'] } },
  )
  assert.equal(await ask({ path: '/?a' }), '400 WG_REQUEST_INVALID')
  assert.equal(await ask({ path: '/' }), '401 WG_TOKEN_MISSING')
  assert.equal(await ask({ path: '/', headers: { authorization: `Bearer ${token()}` } }), 200)
  const preflight = await send(port, {
    ...{ method: 'OPTIONS', path: '/?a' },
    headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
  })
  assert.equal(preflight.status, 204)
})

test('requestLimits: enforce: false lets pass, counts and logs', async t => {
  const { port, adminPort, logged } = await setUp(t, { queryParameters: 0, enforce: false })
  const got = await send(port, { path: '/?a' })
  assert.equal(got.status, 200)
  const line = await logged(String(got.headers['x-request-id']))
  assert.deepEqual([line.observed, line.code], [['requestLimits'], undefined])
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /^waygate_policy_would_refuse_total\{route="r",policy="requestLimits",rule=""\} 1$/m)
})

const clientLimits = { targetBytes: 8_192, headerBytes: 16_384 }
const refused: [requestLimits: object, reason: string][] = [
  [{}, '$.requestLimits: must not have fewer than 1 properties'],
  [
    { targetBytes: 8_193 },
    '$.requestLimits.targetBytes: must be <= clientLimits.targetBytes, which is 8192, not 8193',
  ],
  [
    { headerBytes: 16_385 },
    '$.requestLimits.headerBytes: must be <= clientLimits.headerBytes, which is 16384',
  ],
  [{ headerLines: 257 }, '$.requestLimits.headerLines: must be <= 256, not 257'],
  [
    { contentTypes: ['json'] },
    '$.requestLimits.contentTypes[0]: must be a media type such as application/json',
  ],
  [
    { contentTypes: ['application/json; charset=utf-8'] },
    '$.requestLimits.contentTypes[0]: must be a media type',
  ],
  [{ contentTypes: ['a/b', 'c/d, e/f'] }, '$.requestLimits.contentTypes[1]: must be a media type'],
]
for (const [requestLimits, reason] of refused) {
  test(`refused: ${JSON.stringify({ requestLimits })}`, () => {
    const found = reasonOf({ requestLimits }, { clientLimits }) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}

test('requestLimits: up to the limits of all requests is accepted', () => {
  assert.equal(
    reasonOf({ requestLimits: { ...clientLimits, headerLines: 256 } }, { clientLimits }),
    undefined,
  )
})
