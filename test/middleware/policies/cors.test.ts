import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send, sendRaw } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { handshake, openWebSocket, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'

policyContract('cors', {
  rule: { origins: ['https://app.example'] },
  bad: { rule: { origins: ['app.example'] }, path: '$.cors.origins[0]' },
  headers: { origin: 'https://app.example' },
  shows: ({ answer }) => answer.headers['access-control-allow-origin'] === 'https://app.example',
  onRefusals: true,
  handshake: 101,
})

const APP = 'https://app.example.com'
const EVIL = 'https://evil.example'

interface SetUp extends Omit<GatewaySetUp, 'nodes'> {
  /** The field `cors` of the route `r`, which takes every path. */
  readonly cors?: unknown
  /** Further fields of that route. */
  readonly route?: object
  /** Header lines of the node's answers. */
  readonly lines?: readonly string[]
}

async function setUp(t: TestContext, { cors, route, routes, lines, ...rest }: SetUp) {
  const node = await startNode(t, (socket, request) =>
    socket.write(request.target === '/late' ? answer('late', lines, '404 Not Found') : answer('ok', lines)),
  )
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port, 'auto/a1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', cors, ...route }, ...routes },
  })
  const { port, adminPort } = gateway
  const ask = (origin: string | undefined, path = '/', method = 'GET') =>
    send(port, { path, method, headers: origin === undefined ? {} : { Origin: origin } })
  return {
    ...gateway,
    node,
    ask,
    /** Sends a preflight. */
    preflight: (
      method: string,
      { origin = APP, path = '/', ...headers }: Readonly<Record<string, string>> = {},
    ) =>
      send(port, {
        method: 'OPTIONS',
        path,
        headers: { Origin: origin, 'Access-Control-Request-Method': method, ...headers },
      }),
    /** Returns the samples of a metric. */
    async samples(name: string): Promise<string[]> {
      const { text } = await send(adminPort, { path: '/metrics' })
      return text.split('\n').filter(line => line.startsWith(`${name}{`))
    },
  }
}

/** The header lines about CORS, in lower case, without `access-control-`. Fails when one is there twice. */
function corsOf({ rawHeaders }: ClientAnswer): Record<string, string> {
  const found: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!name.startsWith('access-control-')) continue
    const short = name.slice('access-control-'.length)
    assert.equal(found[short], undefined, `${name} is there twice`)
    found[short] = rawHeaders[i + 1]!
  }
  return found
}

/** Fails unless a script of that origin may read the answer. */
function assertReadable(got: ClientAnswer, origin: string): void {
  const cors = corsOf(got)
  assert.ok(cors['allow-origin'] === origin || cors['allow-origin'] === '*', JSON.stringify(cors))
  assert.ok(cors['expose-headers']!.split(', ').includes('x-request-id'))
}

const EXPOSED = 'Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, x-request-id'
const DEFAULT_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'

test('cors: a preflight is answered here, before authentication, and no node hears of it', async t => {
  const { preflight, ask, node, logged, samples } = await setUp(t, {
    withKey: true,
    cors: { origins: [APP] },
    route: { auth: 'jwt' },
  })
  const got = await preflight('PUT', { 'Access-Control-Request-Headers': 'authorization,x-tenant' })
  assert.deepEqual([got.status, got.text, got.headers['content-length']], [204, '', undefined])
  assert.deepEqual(corsOf(got), {
    'allow-origin': APP,
    'allow-methods': DEFAULT_METHODS,
    'max-age': '600',
    'allow-headers': 'authorization,x-tenant',
  })
  assert.equal(got.headers.vary, 'Origin')
  const { policy, status, route, code } = await logged(String(got.headers['x-request-id']))
  assert.deepEqual(
    { policy, status, route, code },
    { policy: undefined, status: 204, route: 'r', code: undefined },
  )
  assert.equal(node.requests.length, 0)
  assert.equal((await ask(APP)).status, 401)
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [
    'waygate_cors_preflights_total{route="r",result="allowed"} 1',
  ])
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [])
})

test('cors: preflight of a route with a header condition', async t => {
  const { preflight, ask, port, node } = await setUp(t, {
    cors: { origins: [APP] },
    route: { path: '/x', match: { headers: { 'x-api-version': '2' } } },
    routes: { rest: { path: '/*', service: 'user', auth: 'none' } },
  })
  const got = await preflight('GET', { path: '/x', 'Access-Control-Request-Headers': 'x-api-version' })
  assert.equal(got.status, 204)
  assert.equal(corsOf(got)['allow-headers'], 'x-api-version')
  assert.equal(node.requests.length, 0)
  const headers = { Origin: APP, 'X-Api-Version': '2' }
  assertReadable(await send(port, { path: '/x', headers }), APP)
  assert.deepEqual(corsOf(await ask(APP, '/x')), {}, 'without the header, another route answers')
})

test('cors: a preflight from a foreign origin is 403, and no node hears of it', async t => {
  const { preflight, node, logged, samples } = await setUp(t, { cors: { origins: [APP] } })
  for (const origin of [EVIL, 'null', '', 'http://app.example.com', `${APP}:8443`]) {
    const got = await preflight('GET', { origin })
    assert.deepEqual([got.status, got.json().code], [403, 'WG_ORIGIN_REFUSED'], origin)
    assert.deepEqual(corsOf(got), {})
    assert.equal(got.headers.vary, 'Origin')
    const line = await logged(String(got.headers['x-request-id']))
    assert.deepEqual([line.policy, line.code], ['cors', 'WG_ORIGIN_REFUSED'])
  }
  assert.equal(node.requests.length, 0)
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [
    'waygate_cors_preflights_total{route="r",result="refused"} 5',
  ])
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="r",policy="cors",rule=""} 5',
  ])
})

test('cors: an answer can be read by listed origins only', async t => {
  const { ask, node, samples } = await setUp(t, {
    cors: { origins: [APP, 'http://localhost:*'], exposeHeaders: ['Link', 'ETag'] },
  })
  for (const origin of [APP, 'http://localhost:3000', 'http://localhost', `${APP}:443`]) {
    const got = await ask(origin)
    assert.equal(got.status, 200)
    // As the browser wrote it, because that is what it compares with.
    assert.deepEqual(corsOf(got), { 'allow-origin': origin, 'expose-headers': `${EXPOSED}, Link, ETag` })
    assert.equal(got.headers.vary, 'Origin')
  }
  for (const origin of [EVIL, 'null', '', 'https://localhost:3000', undefined]) {
    const got = await ask(origin)
    assert.equal(got.status, 200, `${origin}`)
    assert.deepEqual(corsOf(got), {}, `${origin}`)
    assert.equal(got.headers.vary, 'Origin')
  }
  assert.equal(node.requests.length, 9)
  assert.equal(node.requests[0]!.header('origin'), APP)
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [])
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [])
})

test('cors: the status of a call by gRPC-web can be read without being listed', async t => {
  const { port } = await setUp(t, { cors: { origins: [APP] } })
  const headers = { Origin: APP, 'content-type': 'application/grpc-web+proto' }
  const got = await send(port, { method: 'POST', path: '/a.B/C', headers, body: 'x' })
  assert.deepEqual(corsOf(got), {
    'allow-origin': APP,
    'expose-headers': `${EXPOSED}, grpc-status, grpc-message, grpc-status-details-bin`,
  })
})

test('cors: evil-example.com and example.com.evil do not match *.example.com', async t => {
  const { ask, preflight } = await setUp(t, { cors: { origins: ['https://*.example.com'] } })
  for (const origin of [
    'https://evil-example.com',
    'https://evilexample.com',
    'https://example.com.evil',
    'https://a.example.com.evil',
    'https://example.com',
    'http://a.example.com',
    'https://a.example.com:8443',
  ]) {
    assert.deepEqual(corsOf(await ask(origin)), {}, origin)
    assert.equal((await preflight('GET', { origin })).status, 403, origin)
  }
  for (const origin of ['https://a.example.com', 'https://a.b.example.com']) {
    assert.equal(corsOf(await ask(origin))['allow-origin'], origin)
    assert.equal((await preflight('GET', { origin })).status, 204, origin)
  }
})

test('cors: null only when literal', async t => {
  const listed = await setUp(t, { cors: { origins: [APP, 'null'] } })
  assert.equal(corsOf(await listed.ask('null'))['allow-origin'], 'null')
  assert.equal((await listed.preflight('GET', { origin: 'null' })).status, 204)
  const unlisted = await setUp(t, { cors: { origins: [APP, 'http://localhost:*', '*.example.com'] } })
  assert.deepEqual(corsOf(await unlisted.ask('null')), {})
  assert.equal((await unlisted.preflight('GET', { origin: 'null' })).status, 403)
})

test('cors: * is every origin, without Vary', async t => {
  const { ask, preflight } = await setUp(t, {
    cors: { origins: ['*'] },
    lines: ['Vary: Accept-Encoding'],
  })
  for (const origin of [APP, EVIL, 'null', 'file://']) {
    const got = await ask(origin)
    assert.deepEqual(corsOf(got), { 'allow-origin': '*', 'expose-headers': EXPOSED })
    assert.equal(got.headers.vary, 'Accept-Encoding')
    const asked = await preflight('GET', { origin })
    assert.equal(asked.status, 204)
    assert.equal(corsOf(asked)['allow-origin'], '*')
    assert.equal(asked.headers.vary, undefined)
  }
})

test('cors: credentials are allowed to listed origins only', async t => {
  const { ask, preflight } = await setUp(t, { cors: { origins: [APP], credentials: true } })
  assert.deepEqual(corsOf(await ask(APP)), {
    'allow-origin': APP,
    'allow-credentials': 'true',
    'expose-headers': EXPOSED,
  })
  assert.equal(corsOf(await preflight('GET'))['allow-credentials'], 'true')
  assert.deepEqual(corsOf(await ask(EVIL)), {})
  assert.deepEqual(corsOf(await preflight('GET', { origin: EVIL })), {})
})

test('cors: a 401, 429 and 503 can be read by script', async t => {
  const cors = { origins: [APP] }
  const { ask, port } = await setUp(t, {
    withKey: true,
    cors,
    routes: {
      locked: { path: '/locked', service: 'user', auth: 'jwt', cors },
      gone: { path: '/gone', service: 'nobody', auth: 'none', cors },
      fallen: {
        path: '/fallen',
        service: 'nobody',
        auth: 'none',
        cors,
        fallback: { status: 429, headers: { 'access-control-allow-origin': '*' }, body: 'later' },
      },
      small: { path: '/small', service: 'user', auth: 'none', maxBodyBytes: 1, cors },
    },
  })
  for (const [path, status] of [
    ['/locked', 401],
    ['/late', 404],
    ['/fallen', 429],
    ['/gone', 503],
  ] as const) {
    const got = await ask(APP, path)
    assert.equal(got.status, status)
    assertReadable(got, APP)
    assert.equal(got.headers.vary, 'Origin')
    const foreign = await ask(EVIL, path)
    assert.equal(foreign.status, status)
    assert.deepEqual(corsOf(foreign), {})
    assert.equal(foreign.headers.vary, 'Origin')
  }
  assert.match(corsOf(await ask(APP, '/locked'))['expose-headers']!, /WWW-Authenticate/)
  for (const headers of [{ 'Content-Length': '4' }, { 'Transfer-Encoding': 'chunked' }]) {
    const got = await send(port, {
      method: 'POST',
      path: '/small',
      body: 'body',
      headers: { Origin: APP, ...headers },
    })
    assert.equal(got.status, 413)
    assertReadable(got, APP)
  }
})

test("cors: node's headers are not doubled", async t => {
  const lines = [
    'Access-Control-Allow-Origin: *',
    'access-control-allow-origin: https://evil.example',
    'ACCESS-CONTROL-ALLOW-CREDENTIALS: true',
    'Access-Control-Expose-Headers: X-Secret',
    'Access-Control-Allow-Methods: *',
    'Access-Control-Max-Age: 86400',
    'Access-Control: kept',
    'Vary: accept, ORIGIN',
  ]
  const { ask } = await setUp(t, { cors: { origins: [APP] }, lines })
  const got = await ask(APP)
  assert.deepEqual(corsOf(got), { 'allow-origin': APP, 'expose-headers': EXPOSED })
  assert.equal(got.headers['access-control'], 'kept')
  assert.equal(got.headers.vary, 'accept, ORIGIN')
  // Neither does a node open what the route does not.
  assert.deepEqual(corsOf(await ask(EVIL)), {})
  assert.deepEqual(corsOf(await ask(undefined)), {})
})

test('cors: Vary without Origin', async t => {
  const { ask } = await setUp(t, {
    cors: { origins: [APP] },
    lines: ['Vary: Accept-Encoding', 'Vary: Accept'],
  })
  for (const origin of [undefined, APP, EVIL]) {
    const { rawHeaders } = await ask(origin)
    const vary = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1] === 'Vary')
    assert.deepEqual(vary, ['Accept-Encoding, Origin', 'Accept'])
  }
})

test('cors: a route for GET alone answers a preflight, and no other OPTIONS', async t => {
  const { preflight, port, node } = await setUp(t, {
    cors: { origins: [APP] },
    route: { methods: ['GET'] },
  })
  const got = await preflight('GET')
  assert.equal(got.status, 204)
  assert.equal(corsOf(got)['allow-methods'], 'GET')
  assert.equal((await preflight('HEAD')).status, 204)
  for (const headers of [{}, { Origin: APP }, { 'Access-Control-Request-Method': 'GET' }]) {
    const plain = await send(port, { method: 'OPTIONS', headers: headers as Record<string, string> })
    assert.equal(plain.status, 405, JSON.stringify(headers))
    assert.equal(plain.headers.allow, 'GET, HEAD')
  }
  assert.equal(node.requests.length, 0)
})

test('cors: OPTIONS that is no preflight is passed on as any OPTIONS', async t => {
  const { ask, port, node, samples } = await setUp(t, { cors: { origins: [APP] } })
  const plain = await ask(undefined, '/', 'OPTIONS')
  assert.deepEqual([plain.status, plain.text], [200, 'ok'])
  assert.deepEqual(corsOf(plain), {})
  const withOrigin = await ask(APP, '/', 'OPTIONS')
  assert.deepEqual([withOrigin.status, withOrigin.text], [200, 'ok'])
  assert.deepEqual(corsOf(withOrigin), { 'allow-origin': APP, 'expose-headers': EXPOSED })
  const withoutOrigin = await send(port, {
    method: 'OPTIONS',
    headers: { 'Access-Control-Request-Method': 'GET' },
  })
  assert.deepEqual([withoutOrigin.status, withoutOrigin.text], [200, 'ok'])
  const get = await send(port, { headers: { Origin: APP, 'Access-Control-Request-Method': 'GET' } })
  assert.deepEqual([get.status, get.text], [200, 'ok'])
  assert.equal(node.requests.length, 4)
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [])
})

test('cors: a preflight of a route without cors goes to the node', async t => {
  const { preflight, node } = await setUp(t, {
    lines: ['Access-Control-Allow-Origin: https://node.example', 'Access-Control-Allow-Methods: PUT'],
  })
  const got = await preflight('PUT')
  assert.deepEqual([got.status, got.text], [200, 'ok'])
  assert.deepEqual(corsOf(got), { 'allow-origin': 'https://node.example', 'allow-methods': 'PUT' })
  assert.equal(got.headers.vary, undefined)
  assert.equal(node.requests[0]!.method, 'OPTIONS')
  assert.equal(node.requests[0]!.header('access-control-request-method'), 'PUT')
})

test('cors: of two routes, a preflight is for the one that takes the requested method', async t => {
  const other = 'https://other.example'
  const { preflight } = await setUp(t, {
    routes: {
      get: { path: '/x', methods: ['GET'], service: 'user', cors: { origins: [APP] } },
      post: { path: '/x', methods: ['POST', 'PUT'], service: 'user', cors: { origins: [other] } },
    },
  })
  const get = await preflight('GET', { path: '/x' })
  assert.deepEqual([get.status, corsOf(get)['allow-methods']], [204, 'GET'])
  assert.equal((await preflight('POST', { path: '/x' })).status, 403)
  const put = await preflight('PUT', { path: '/x', origin: other })
  assert.deepEqual([put.status, corsOf(put)['allow-methods']], [204, 'POST, PUT'])
  assert.equal((await preflight('GET', { path: '/x', origin: other })).status, 403)
})

test('cors: a preflight is for the host and the path that are asked for', async t => {
  const { preflight } = await setUp(t, {
    routes: {
      a: { path: '/x', hosts: ['a.example'], service: 'user', cors: { origins: [APP], maxAgeSeconds: 1 } },
      b: { path: '/x', hosts: ['b.example'], service: 'user', cors: { origins: [APP], maxAgeSeconds: 2 } },
      slash: {
        path: '/files/:name',
        service: 'user',
        allowEncodedSlash: true,
        cors: { origins: [APP], maxAgeSeconds: 3 },
      },
    },
  })
  const maxAge = async (headers: Readonly<Record<string, string>>) =>
    corsOf(await preflight('GET', headers))['max-age']
  assert.equal(await maxAge({ path: '/x', Host: 'a.example' }), '1')
  assert.equal(await maxAge({ path: '/x?a=b', Host: 'b.example' }), '2')
  assert.equal(await maxAge({ path: '/files/a%2Fb' }), '3')
  const passedOn = await preflight('GET', { path: '/x', Host: 'c.example' })
  assert.deepEqual([passedOn.status, passedOn.text], [200, 'ok'])
  assert.equal((await preflight('GET', { path: '/x%2Fb' })).status, 400)
})

test('cors: no route answers a preflight for another that has no cors', async t => {
  const { preflight, node, samples } = await setUp(t, {
    cors: { origins: [APP], credentials: true },
    routes: { admin: { path: '/admin/*', methods: ['DELETE'], service: 'user', auth: 'none' } },
    lines: ['Access-Control-Allow-Methods: DELETE', 'Access-Control-Allow-Headers: x-tenant'],
  })
  const got = await preflight('DELETE', { path: '/admin/x', 'Access-Control-Request-Headers': 'x-tenant' })
  // OPTIONS of this path belongs to the other route, whose node answers, but not for DELETE.
  assert.deepEqual([got.status, got.text], [200, 'ok'])
  const { 'allow-methods': methods, 'allow-headers': headers } = corsOf(got)
  assert.deepEqual([methods, headers], [undefined, undefined])
  assert.equal(node.requests.length, 1)
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [])
  // Of the same path, everything but DELETE is the other route's.
  assert.equal((await preflight('PUT', { path: '/admin/x' })).status, 204)
})

test('cors: a method outside the list is 204, listing what is allowed', async t => {
  const { preflight } = await setUp(t, {
    cors: { origins: [APP], methods: ['GET', 'PURGE'] },
    routes: {
      get: { path: '/x', methods: ['GET'], service: 'user' },
      post: { path: '/x', methods: ['POST'], service: 'user', cors: { origins: [APP] } },
      hidden: { path: '/y', methods: ['GET'], service: 'user' },
    },
    route: { path: '/listed' },
  })
  const cases: [path: string, method: string, methods: string][] = [
    ['/listed', 'GET', 'GET, PURGE'],
    ['/listed', 'DELETE', 'GET, PURGE'],
    ['/listed', 'get', 'GET, PURGE'],
    ['/listed', '', 'GET, PURGE'],
    ['/listed', 'a b\u00e9', 'GET, PURGE'],
    // No route takes it; one for another method says what it allows.
    ['/x', 'DELETE', 'POST'],
  ]
  for (const [path, method, methods] of cases) {
    const got = await preflight(method, { path })
    assert.equal(got.status, 204, `${path} ${method}`)
    assert.equal(corsOf(got)['allow-methods'], methods, `${path} ${method}`)
  }
  const unlisted = await preflight('DELETE', { path: '/y' })
  assert.deepEqual([unlisted.status, unlisted.headers.allow], [405, 'GET, HEAD'])
  assert.equal((await preflight('GET', { path: '/nowhere' })).status, 404)
})

test('cors: the headers of a preflight are echoed, up to 64 of them', async t => {
  const { preflight } = await setUp(t, { cors: { origins: [APP] } })
  const allowed = async (asked: string) =>
    corsOf(await preflight('GET', { 'Access-Control-Request-Headers': asked }))['allow-headers']
  const names = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}`).join(',')
  for (const asked of ['x-a', 'x-a,x-b', 'x-a, X-B ,\tx-c', 'authorization,content-type', names(64)]) {
    assert.equal(await allowed(asked), asked)
  }
  for (const asked of ['', ' ', ',', 'x-a,', 'x-a,,x-b', 'x a', 'x-a;x-b', 'x-\u00e9', '"x"', names(65)]) {
    assert.equal(await allowed(asked), undefined, asked)
  }
  assert.equal(corsOf(await preflight('GET'))['allow-headers'], undefined)
})

test('cors: a list of headers is what a preflight allows', async t => {
  const { preflight } = await setUp(t, {
    cors: { origins: [APP], headers: ['content-type', 'X-Tenant'], maxAgeSeconds: 0 },
    routes: { none: { path: '/none', service: 'user', cors: { origins: [APP], headers: [] } } },
  })
  for (const asked of ['x-tenant', 'x-other', '']) {
    const got = corsOf(await preflight('GET', { 'Access-Control-Request-Headers': asked }))
    assert.deepEqual([got['allow-headers'], got['max-age']], ['content-type, X-Tenant', '0'])
  }
  const none = corsOf(await preflight('GET', { path: '/none', 'Access-Control-Request-Headers': 'x-a' }))
  assert.equal(none['allow-headers'], undefined)
})

test('cors: strict refuses requests from a foreign origin', async t => {
  const { ask, node, logged, samples } = await setUp(t, { cors: { origins: [APP], strict: true } })
  for (const origin of [EVIL, 'null', '']) {
    const got = await ask(origin, '/', 'POST')
    assert.deepEqual([got.status, got.json().code], [403, 'WG_ORIGIN_REFUSED'], origin)
    assert.deepEqual(corsOf(got), {})
    assert.equal(got.headers.vary, 'Origin')
    const line = await logged(String(got.headers['x-request-id']))
    assert.deepEqual([line.policy, line.code], ['cors', 'WG_ORIGIN_REFUSED'])
  }
  assert.equal(node.requests.length, 0)
  assert.equal((await ask(EVIL, '/', 'OPTIONS')).status, 403)
  // Most clients that are no browsers send none.
  for (const origin of [APP, undefined]) assert.equal((await ask(origin)).status, 200)
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="r",policy="cors",rule=""} 4',
  ])
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [])
})

test('cors: no spelling of a path evades strict', async t => {
  const node = await startNode(t, async socket => {
    socket.write(answer())
  })
  const { port } = await startTestGateway(t, {
    nodes: { 'site/s1': node.port },
    routes: {
      admin: { path: '/admin/*', service: 'site', cors: { origins: [APP], strict: true } },
      rest: { path: '/*', service: 'site' },
    },
  })
  const ask = async (path: string) => {
    const { status } = await send(port, { path, method: 'POST', headers: { Origin: EVIL } })
    return status
  }
  assert.equal(await ask('/admin/users'), 403)
  for (const path of ['/Admin/users', '/admin;a/users', '/admin%20/users', '/x/..;/admin/users']) {
    assert.equal(await ask(path), 400, path)
  }
  assert.equal(node.requests.length, 0)
  assert.equal(await ask('/Docs/users'), 200)
})

test('cors: WebSocket from a foreign origin is 403', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: {
      listed: { path: '/listed', service: 'chat', cors: { origins: [APP] } },
      all: { path: '/all', service: 'chat', cors: { origins: ['*'] } },
      without: { path: '/without', service: 'chat' },
      upper: { path: '/Upper', service: 'chat', cors: { origins: [APP] } },
      rest: { path: '/*', service: 'chat' },
    },
  })
  for (const origin of [EVIL, 'null', '']) {
    const client = await openRaw(port, handshake('/listed', [`Origin: ${origin}`]))
    const text = await client.closed
    assert.match(text, /^HTTP\/1\.1 403 /, origin)
    assert.match(text, /"code":"WG_ORIGIN_REFUSED"/)
    assert.match(text, /^vary: Origin\r$/im)
    assert.doesNotMatch(text, /access-control-/i)
  }
  // A node may read these as the listed path.
  for (const path of ['/Listed', '/listed;a', '/upper']) {
    const client = await openRaw(port, handshake(path, [`Origin: ${EVIL}`]))
    assert.match(await client.closed, /^HTTP\/1\.1 400 /, path)
  }
  assert.equal(node.connections.size, 0)
  for (const [path, origin] of [
    ['/Other', EVIL],
    ['/All', EVIL],
    ['/listed', APP],
    ['/listed', undefined],
    ['/all', EVIL],
    ['/without', EVIL],
  ] as const) {
    const client = await openWebSocket(t, port, { path, headers: origin ? { Origin: origin } : {} })
    client.socket.send('hello')
    assert.equal(await client.next(), 'hello', `${path} ${origin}`)
  }
})

test('order: a 401 carries CORS headers, and the token is checked of listed origins too', async t => {
  const { port } = await setUp(t, {
    withKey: true,
    cors: { origins: [APP], strict: true },
    route: { auth: 'jwt' },
  })
  const ask = (origin: string, authorization: string) =>
    send(port, { headers: { Origin: origin, Authorization: authorization } })
  const refused = await ask(APP, 'Bearer x')
  assert.equal(refused.status, 401)
  assertReadable(refused, APP)
  assert.equal((await ask(APP, `Bearer ${token()}`)).status, 200)
  // The origin comes first.
  assert.equal((await ask(EVIL, 'Bearer x')).status, 403)
})

test('cors: routes.defaults hold for automatic routes, a document replaces them, and false opts out', async t => {
  const { ask, preflight } = await setUp(t, {
    document: { routes: { defaults: { cors: { origins: [APP], maxAgeSeconds: 5 } } } },
    cors: { origins: [EVIL] },
    route: { path: '/own' },
    routes: {
      out: { path: '/out', service: 'user', cors: false },
      inherits: { path: '/inherits', service: 'user' },
    },
  })
  for (const path of ['/auto/x', '/inherits']) {
    assert.equal(corsOf(await ask(APP, path))['allow-origin'], APP)
    assert.equal(corsOf(await preflight('PUT', { path }))['max-age'], '5')
    assert.equal((await preflight('PUT', { path, origin: EVIL })).status, 403)
  }
  assert.deepEqual(corsOf(await ask(APP, '/own')), {})
  assert.equal(corsOf(await preflight('PUT', { path: '/own', origin: EVIL }))['max-age'], '600')
  assert.deepEqual(corsOf(await ask(APP, '/out')), {})
  assert.equal((await ask(APP, '/out')).headers.vary, undefined)
  assert.equal((await preflight('PUT', { path: '/out' })).text, 'ok')
})

test('cors: a preflight with a body leaves its connection to be used again', async t => {
  const { port } = await setUp(t, { cors: { origins: [APP] } })
  const head = `Host: h\r\nOrigin: ${APP}\r\n`
  const client = await openRaw(
    port,
    `OPTIONS / HTTP/1.1\r\n${head}Access-Control-Request-Method: PUT\r\nContent-Length: 4\r\n\r\nbody` +
      `GET / HTTP/1.1\r\n${head}\r\n`,
  )
  const text = await client.until('\r\n\r\nok')
  client.socket.destroy()
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 204', 'HTTP/1.1 200'])
})

test('cors: of several Origin lines none counts', async t => {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      r: {
        path: '/r',
        service: 'user',
        auth: 'none',
        cors: { origins: ['https://a.example'], strict: true },
      },
    },
  })
  const lines = ['Origin: https://a.example', 'Origin: https://evil.example']
  for (const two of [lines, lines.toReversed()]) {
    const got = await sendRaw(
      port,
      `GET /r HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${two.join('\r\n')}\r\n\r\n`,
    )
    assert.match(got, /^HTTP\/1\.1 403 /)
    assert.doesNotMatch(got, /access-control-allow-origin/i)
  }
})
