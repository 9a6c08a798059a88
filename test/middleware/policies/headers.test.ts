import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { handshake, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'
import { reasonOf } from './rule-problems.ts'

policyContract('requestHeaders', {
  rule: { set: { 'X-Tenant': 'acme' } },
  bad: { rule: { set: { 'X-Request-Id': 'x' } }, path: '$.requestHeaders.set["X-Request-Id"]' },
  shows: ({ atNode }) => atNode?.header('x-tenant') === 'acme',
  onRefusals: false,
  handshake: 101,
})

policyContract('responseHeaders', {
  rule: { set: { 'X-Frame-Options': 'DENY' } },
  bad: { rule: { remove: ['content-length'] }, path: '$.responseHeaders.remove[0]' },
  shows: ({ answer }) => answer.headers['x-frame-options'] === 'DENY',
  onRefusals: false,
  handshake: 101,
})

async function setUp(
  t: TestContext,
  document: object,
  nodeLines: readonly string[] = [],
  more: Partial<GatewaySetUp> = {},
) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok', nodeLines))
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/r/:id/*', service: 'user', auth: 'none', ...document } },
    ...more,
  })
  return { ...gateway, node, last: () => node.requests.at(-1)! }
}

/** The values of every line of a name, in whatever case. */
function valuesOf(lines: readonly string[], name: string): string[] {
  return lines.filter((_, i) => i % 2 === 1 && lines[i - 1]!.toLowerCase() === name)
}

test('headers of requests are removed, set, completed and added in this order', async t => {
  const { port, last } = await setUp(t, {
    requestHeaders: {
      remove: ['x-debug', 'X-Int-*'],
      set: { 'X-Debug': 'set after removal', 'x-path': '{path.id} {path.*} {query.q|none}' },
      setIfAbsent: { 'x-there': 'default', 'x-missing': 'default' },
      add: { 'X-There': 'added' },
    },
  })
  const headers = {
    'X-DEBUG': ['1', '2'],
    'x-int-a': '1',
    x_int_b: '2',
    'x-interval': 'stays',
    'x-there': 'client',
    'x-path': 'client',
  }
  await send(port, { path: '/r/1/a/b', headers })
  const { lines } = last()
  const shown = (name: string) => valuesOf(lines, name)
  assert.deepEqual(shown('x-debug'), ['set after removal'])
  assert.deepEqual([...shown('x-int-a'), ...shown('x_int_b')], [])
  assert.deepEqual(shown('x-interval'), ['stays'])
  assert.deepEqual(shown('x-there'), ['client', 'added'])
  assert.deepEqual(shown('x-missing'), ['default'])
  assert.deepEqual(shown('x-path'), ['1 a/b none'])
})

const spellings = { 'x-tenant': 'client', x_tenant: 'client', X_Tenant: 'client' }

test('headers: Connection: x-tenant does not drop our x-tenant', async t => {
  const { port, last } = await setUp(t, { requestHeaders: { set: { 'x-tenant': 'ours' } } })
  await send(port, { path: '/r/1/', headers: { Connection: 'x-tenant', ...spellings } })
  assert.equal(last().header('x-tenant'), 'ours')
})

test('headers: x_tenant of the client is gone after set x-tenant', async t => {
  const { port, last } = await setUp(t, { requestHeaders: { set: { 'x-tenant': 'ours' } } })
  await send(port, { path: '/r/1/', headers: spellings })
  const names = last().lines.filter((_, i) => i % 2 === 0)
  assert.deepEqual(
    names.filter(name => name.toLowerCase().replaceAll('_', '-') === 'x-tenant'),
    ['x-tenant'],
  )
  assert.equal(last().header('x-tenant'), 'ours')
})

test('identity, request id and forwarded headers come after every policy', async t => {
  const { port, last } = await setUp(
    t,
    { auth: 'jwt', requestHeaders: { set: { 'x-who': '{identity.subject}', 'x-org': '{claim.org|none}' } } },
    [],
    { withKey: true },
  )
  await send(port, {
    path: '/r/1/',
    headers: {
      authorization: `Bearer ${token({ sub: 'alice' })}`,
      'x-user-id': 'mallory',
      'x-who': 'mallory',
    },
  })
  assert.equal(last().header('x-user-id'), 'alice')
  assert.equal(last().header('x-who'), 'alice')
  assert.equal(last().header('x-org'), 'none')
})

test("set without a value sets nothing, and the other side's own lines do not stay in its place", async t => {
  const set = { 'x-a': '{query.a}', 'x-tenant': '{claim.tenant}', 'x-long': '{header.x-in|none}' }
  const { port, last } = await setUp(
    t,
    { requestHeaders: { set }, responseHeaders: { set: { 'x-b': '{query.b}' } } },
    ['X-B: node'],
  )
  const got = await send(port, {
    path: '/r/1/?a=1',
    headers: { 'x-tenant': 'forged', x_tenant: 'forged', 'x-long': 'forged', 'x-in': '%'.repeat(8_193) },
  })
  const { lines } = last()
  assert.deepEqual(valuesOf(lines, 'x-a'), ['1'])
  for (const name of ['x-tenant', 'x_tenant', 'x-long']) assert.deepEqual(valuesOf(lines, name), [], name)
  assert.equal(got.headers['x-b'], undefined)
})

test('setIfAbsent finds a header in every spelling that a node may read', async t => {
  const { port, last } = await setUp(t, { requestHeaders: { setIfAbsent: { 'x-tenant': 'default' } } })
  await send(port, { path: '/r/1/', headers: { X_Tenant: 'client' } })
  assert.deepEqual(valuesOf(last().lines, 'x-tenant'), [])
  assert.deepEqual(valuesOf(last().lines, 'x_tenant'), ['client'])
})

test('no value of a request ends its header line', async t => {
  const { port, last } = await setUp(t, { requestHeaders: { set: { 'x-a': '{query.a}' } } })
  await send(port, { path: '/r/1/?a=1%0d%0aX-Forged:%20yes' })
  assert.equal(last().header('x-forged'), undefined)
  assert.equal(last().header('x-a'), '1%0D%0AX-Forged: yes')
})

test('headers of answers are changed in the same way, and the answer keeps its frame', async t => {
  const { port } = await setUp(
    t,
    {
      responseHeaders: {
        remove: ['server', 'x-powered-*'],
        set: { 'Cache-Control': 'no-store', 'x-served-by': '{node.id}' },
        setIfAbsent: { 'x-frame-options': 'DENY' },
        add: { 'Set-Cookie': 'a=1' },
      },
    },
    [
      'Server: secret',
      'X-Powered-By: secret',
      'Cache-Control: public',
      'Set-Cookie: b=2',
      'X-Frame-Options: SAMEORIGIN',
    ],
  )
  const got = await send(port, { path: '/r/1/' })
  assert.equal(got.text, 'ok')
  assert.equal(got.headers.server, undefined)
  assert.equal(got.headers['x-powered-by'], undefined)
  assert.equal(got.headers['cache-control'], 'no-store')
  assert.equal(got.headers['x-served-by'], 'u1')
  assert.equal(got.headers['x-frame-options'], 'SAMEORIGIN')
  assert.deepEqual(got.headers['set-cookie'], ['b=2', 'a=1'])
})

test('onErrors extends the changes to the answers of the gateway', async t => {
  const { port } = await setUp(t, {
    maxBodyBytes: 1,
    responseHeaders: { onErrors: true, set: { 'x-frame-options': 'DENY' } },
  })
  const got = await send(port, { method: 'POST', path: '/r/1/', body: 'long' })
  assert.equal(got.status, 413)
  assert.equal(got.headers['x-frame-options'], 'DENY')
})

test('a handshake for a WebSocket has the changed headers at the node', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await setUp(t, {}, [], {
    nodes: { 'chat/c1': node.port },
    routes: {
      chat: { path: '/chat', service: 'chat', auth: 'none', requestHeaders: { set: { 'x-tenant': 'acme' } } },
    },
  })
  const client = await openRaw(port, handshake('/chat', ['x-tenant: client']))
  const { request } = await node.next()
  assert.equal(request.headers['x-tenant'], 'acme')
  client.socket.destroy()
})

const OURS = 'must not be set: the gateway sets it itself'
const refused: [policies: object, reason: string][] = [
  [{ requestHeaders: {} }, '$.requestHeaders: '],
  [{ requestHeaders: { set: { Host: 'a' } } }, `$.requestHeaders.set.Host: ${OURS}; see preserveHost`],
  [
    { requestHeaders: { add: { 'X-Forwarded-For': 'a' } } },
    `$.requestHeaders.add["X-Forwarded-For"]: ${OURS}`,
  ],
  [
    { requestHeaders: { add: { x_user_id: 'a' } } },
    `$.requestHeaders.add.x_user_id: ${OURS}, and nodes trust it`,
  ],
  [{ requestHeaders: { setIfAbsent: { 'X-Org': 'a' } } }, `$.requestHeaders.setIfAbsent["X-Org"]: ${OURS}`],
  [
    { requestHeaders: { set: { 'Transfer-Encoding': 'a' } } },
    `$.requestHeaders.set["Transfer-Encoding"]: ${OURS}`,
  ],
  [{ requestHeaders: { remove: ['x-request-id'] } }, `$.requestHeaders.remove[0]: ${OURS}`],
  ...(['for', 'host', 'port', 'prefix', 'proto'].map(name => [
    { requestHeaders: { remove: [`X-Forwarded-${name}`] } },
    `$.requestHeaders.remove[0]: ${OURS}, and nodes trust it`,
  ]) satisfies [object, string][]),
  [{ requestHeaders: { remove: ['x_forwarded_user'] } }, `$.requestHeaders.remove[0]: ${OURS}`],
  [
    { requestHeaders: { set: { 'X-Forwarded-User': 'a' } } },
    `$.requestHeaders.set["X-Forwarded-User"]: ${OURS}`,
  ],
  [{ requestHeaders: { remove: ['a b'] } }, '$.requestHeaders.remove[0]: is not a valid header name'],
  [{ requestHeaders: { remove: ['*'] } }, '$.requestHeaders.remove[0]: is not a valid header name'],
  [{ requestHeaders: { remove: ['a*b'] } }, '$.requestHeaders.remove[0]: is not a valid header name'],
  [{ requestHeaders: { set: { 'a:': 'b' } } }, '$.requestHeaders.set["a:"]: is not a valid header name'],
  [{ requestHeaders: { set: { a: 'b\r\nc: d' } } }, '$.requestHeaders.set.a: must be printable ASCII'],
  [
    { requestHeaders: { set: { a: 'x-{node.id}' } } },
    '$.requestHeaders.set.a: has {node.id}, which is known only in answers',
  ],
  [{ requestHeaders: { set: { a: 'é' } } }, '$.requestHeaders.set.a: must be printable ASCII'],
  [
    { requestHeaders: { set: { a: '1', A: '2' } } },
    '$.requestHeaders.set.A: is there twice, in another case',
  ],
  [
    { requestHeaders: { set: { a: '{path.id}' } } },
    '$.requestHeaders.set.a: has {path.id}, which the path does not have',
  ],
  [
    { responseHeaders: { add: { a: '{path.*}' } } },
    '$.responseHeaders.add.a: has {path.*}, which the path does not have',
  ],
  [
    { requestHeaders: { set: { a: '{header.X-Org}' } } },
    '$.requestHeaders.set.a: has {header.X-Org}, a header that is never taken from a client',
  ],
  [{ requestHeaders: { set: { 'proxy-foo': 'a' } } }, `$.requestHeaders.set["proxy-foo"]: ${OURS}`],
  [
    { responseHeaders: { set: { 'Sec-WebSocket-Accept': 'a' } } },
    `$.responseHeaders.set["Sec-WebSocket-Accept"]: ${OURS}`,
  ],
  [{ requestHeaders: { set: { a: 'b'.repeat(8_193) } } }, '$.requestHeaders.set.a: '],
  [
    { requestHeaders: { set: { a: '{clam.org}' } } },
    '$.requestHeaders.set.a: has an unknown variable {clam.org} (did you mean "claim.NAME"?)',
  ],
  [
    { requestHeaders: { set: { a: '{clientt.address}' } } },
    '$.requestHeaders.set.a: has an unknown variable {clientt.address} (did you mean "client.address"?)',
  ],
  [
    { responseHeaders: { set: { 'Set-Cookie': 'a=b' } } },
    '$.responseHeaders.set["Set-Cookie"]: would replace',
  ],
  [
    { responseHeaders: { set: { 'Content-Encoding': 'br' } } },
    `$.responseHeaders.set["Content-Encoding"]: ${OURS}`,
  ],
  [{ responseHeaders: { remove: ['con*'] } }, '$.responseHeaders.remove[0]: would remove connection'],
  [{ responseHeaders: { add: { 'x-waygate-a': 'b' } } }, `$.responseHeaders.add["x-waygate-a"]: ${OURS}`],
]
for (const [policies, reason] of refused) {
  test(`refused: ${JSON.stringify(policies)}`, () => {
    const found = reasonOf(policies) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}

test('accepted: names and values that are nothing but unusual', () => {
  for (const rule of [
    { set: { Authorization: 'Basic {claim.upstream}', Cookie: 'a={cookie.a}', Te_st: '' } },
    { remove: ['cookie', 'x-*'], add: { 'x-time': '{time.iso}{{}' } },
  ]) {
    assert.equal(reasonOf({ requestHeaders: rule }), undefined)
    assert.equal(reasonOf({ responseHeaders: rule }), undefined)
  }
})
