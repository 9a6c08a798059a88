import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { policyContract } from './policy-contract.ts'
import { reasonOf } from './rule-problems.ts'

policyContract('securityHeaders', {
  rule: { preset: 'api' },
  bad: { rule: { remove: ['content-length'] }, path: '$.securityHeaders.remove[0]' },
  shows: ({ answer }) => answer.headers['x-content-type-options'] === 'nosniff',
  onRefusals: true,
  handshake: 101,
})

interface SetUp extends Partial<GatewaySetUp> {
  readonly lines?: readonly string[]
  readonly status?: string
}

async function setUp(t: TestContext, securityHeaders: unknown, { lines = [], status, ...more }: SetUp = {}) {
  const node = await startNode(t, socket => socket.write(answer('', lines, status)))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', securityHeaders } },
    ...more,
  })
  const ask = (headers: Readonly<Record<string, string>> = {}) => send(gateway.port, { headers })
  return { ...gateway, ask }
}

const SHOWN = [
  'content-security-policy',
  'cross-origin-opener-policy',
  'permissions-policy',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
]

function shownOf({ headers }: ClientAnswer) {
  return Object.fromEntries(SHOWN.flatMap(name => (name in headers ? [[name, headers[name]]] : [])))
}

const NOSNIFF = { 'x-content-type-options': 'nosniff' }
const API = {
  ...NOSNIFF,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}
const WEB = {
  ...NOSNIFF,
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'cross-origin-opener-policy': 'same-origin-allow-popups',
}

test('security: a preset is a few headers, and an object changes some of them', async t => {
  for (const [rule, expected] of [
    ['api', API],
    ['web', WEB],
    [
      { preset: 'web', csp: "default-src 'self'" },
      { ...WEB, 'content-security-policy': "default-src 'self'" },
    ],
    [
      { preset: 'api', frame: 'SAMEORIGIN' },
      { ...API, 'x-frame-options': 'SAMEORIGIN' },
    ],
    [{ permissions: 'camera=()' }, { ...NOSNIFF, 'permissions-policy': 'camera=()' }],
  ] as const) {
    const { ask } = await setUp(t, rule)
    assert.deepEqual(shownOf(await ask()), expected, JSON.stringify(rule))
  }
})

test('security: no HSTS on plain', async t => {
  const { ask } = await setUp(
    t,
    { hstsSeconds: 600, hstsSubdomains: true },
    { config: { trustedProxies: ['127.0.0.0/8'] } },
  )
  assert.deepEqual(shownOf(await ask()), NOSNIFF)
  const secure = await ask({ 'x-forwarded-proto': 'https' })
  assert.equal(secure.headers['strict-transport-security'], 'max-age=600; includeSubDomains')
})

test("security: a node's CSP stays", async t => {
  const lines = ["Content-Security-Policy: default-src 'self'", 'STRICT-TRANSPORT-SECURITY: max-age=1']
  const { ask } = await setUp(
    t,
    { preset: 'api', csp: "default-src 'none'", hstsSeconds: 9 },
    { lines, config: { trustedProxies: ['127.0.0.0/8'] } },
  )
  const got = await ask({ 'x-forwarded-proto': 'https' })
  assert.equal(got.headers['content-security-policy'], "default-src 'self'")
  assert.equal(got.headers['strict-transport-security'], 'max-age=1')
  assert.equal(got.headers['x-frame-options'], 'DENY')
})

test('security: on 404 of the gateway nothing of a route', async t => {
  const routes = { r: { path: '/a/*', service: 'user', auth: 'none', securityHeaders: 'api' } }
  const { ask } = await setUp(t, 'api', { routes })
  const got = await ask()
  assert.equal(got.json().code, 'WG_NO_ROUTE')
  assert.deepEqual(shownOf(got), {})
})

test("security: on the route's 401, yes", async t => {
  const routes = { r: { path: '/*', service: 'user', auth: 'jwt', securityHeaders: 'web' } }
  const { ask } = await setUp(t, 'web', { routes, withKey: true })
  const got = await ask()
  assert.equal(got.status, 401)
  assert.deepEqual(shownOf(got), WEB)
})

test('order: a 401 carries CORS and security headers', async t => {
  const cors = { origins: ['https://app.example'] }
  const routes = { r: { path: '/*', service: 'user', auth: 'jwt', securityHeaders: 'api', cors } }
  const { ask } = await setUp(t, 'api', { routes, withKey: true })
  const got = await ask({ origin: 'https://app.example' })
  assert.equal(got.status, 401)
  assert.equal(got.headers['access-control-allow-origin'], 'https://app.example')
  assert.deepEqual(shownOf(got), API)
})

test('security: a 304 says nothing of the stored answer, whose headers may be others', async t => {
  const { ask } = await setUp(t, 'api', {
    lines: ['Server: secret', 'ETag: "1"'],
    status: '304 Not Modified',
  })
  const got = await ask()
  assert.deepEqual(shownOf(got), {})
  assert.deepEqual([got.status, got.headers.etag, got.headers.server], [304, '"1"', undefined])
})

test('security: what tells of the software is removed, on every level', async t => {
  const lines = ['Server: a', 'X-Powered-By: b', 'X-Version: c', 'X-Other: d']
  const removedBy = async (rule: unknown, defaults?: unknown) => {
    const document =
      defaults === undefined ? undefined : { routes: { defaults: { securityHeaders: defaults } } }
    const { ask } = await setUp(t, rule, { lines, ...(document && { document }) })
    const { headers } = await ask()
    return ['server', 'x-powered-by', 'x-version', 'x-other'].filter(name => headers[name] === undefined)
  }
  assert.deepEqual(await removedBy('web'), ['server', 'x-powered-by'])
  assert.deepEqual(await removedBy({ preset: 'web', remove: [] }), [])
  assert.deepEqual(await removedBy({ remove: ['X-Other'] }), ['x-other'])
  assert.deepEqual(await removedBy({ remove: ['x-other'] }, { remove: ['x-version'] }), [
    'x-version',
    'x-other',
  ])
  assert.deepEqual(await removedBy({ remove: [] }, 'api'), ['server', 'x-powered-by'])
  assert.deepEqual(await removedBy(false, 'api'), [])
  assert.deepEqual(await removedBy(undefined, { remove: ['x-other'] }), ['x-other'])
})

test('security: besides what is removed, the rule of the document replaces the default', async t => {
  const document = { routes: { defaults: { securityHeaders: { preset: 'api', hstsSeconds: 9 } } } }
  const { ask } = await setUp(t, 'web', { document })
  assert.deepEqual(shownOf(await ask()), WEB)
})

test('security: what is removed from heads does not come in a trailer', async t => {
  const node = await startNode(t, socket =>
    socket.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Server, X-Sum\r\n\r\n1\r\na\r\n0\r\nServer: secret\r\nX-Sum: 1\r\n\r\n',
    ),
  )
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', securityHeaders: 'api' } },
  })
  const client = await openRaw(
    port,
    'GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n',
  )
  const text = await client.closed
  assert.match(text, /X-Sum: 1/i)
  assert.doesNotMatch(text, /secret/)
})

const refused: [securityHeaders: unknown, reason: string][] = [
  [
    'strict',
    '$.securityHeaders: must be "api", "web", an object such as {"preset": ...} or false, not "strict"',
  ],
  [{ preset: 'strict' }, '$.securityHeaders.preset: must be "api" or "web", not "strict"'],
  [{}, '$.securityHeaders: must not have fewer than 1 properties'],
  [{ csp: 'a\nb' }, '$.securityHeaders.csp: must be printable ASCII'],
  [{ frame: 'ALLOW' }, '$.securityHeaders.frame: must be "DENY" or "SAMEORIGIN"'],
  [{ remove: ['a b'] }, '$.securityHeaders.remove[0]: is not a valid header name'],
  [{ remove: ['x-request-id'] }, '$.securityHeaders.remove[0]: must not be set'],
  [{ hstsSubdomains: true }, '$.securityHeaders.hstsSubdomains: means nothing without hstsSeconds'],
]
for (const [securityHeaders, reason] of refused) {
  test(`refused: ${JSON.stringify({ securityHeaders })}`, () => {
    const found = reasonOf({ securityHeaders }) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}
