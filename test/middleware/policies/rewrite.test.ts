import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { handshake, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'
import { defaultsProblem, reasonOf } from './rule-problems.ts'

policyContract('rewrite', {
  rule: { query: { set: { version: '2' } } },
  bad: { rule: { path: 'no-slash' }, path: '$.rewrite.path' },
  shows: ({ atNode }) => atNode?.target.endsWith('?version=2') === true,
  onRefusals: false,
  handshake: 101,
})

async function setUp(
  t: TestContext,
  rewrite: object,
  document: object = {},
  more: Partial<GatewaySetUp> = {},
) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok'))
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port, 'auto/a1': node.port },
    routes: { r: { path: '/items/:id/*', service: 'user', auth: 'none', rewrite, ...document } },
    ...more,
  })
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    send(gateway.port, { path, headers })
  return {
    ...gateway,
    node,
    ask,
    /** Sends a request, and resolves with the target that the node got, or with the status of a refusal. */
    async sentFor(path: string, headers: Readonly<Record<string, string>> = {}) {
      const before = node.requests.length
      const { status } = await ask(path, headers)
      return node.requests[before]?.target ?? status
    },
  }
}

test('rewrite: the query survives a path template', async t => {
  const { sentFor } = await setUp(t, { path: '/v2/{path.id}/{path.*}' })
  const query = '?a=%41&&b=(1)&q=a+b&p=%2F%3f&x=%zz'
  assert.equal(await sentFor(`/items/7/rest/of%20it${query}`), `/v2/7/rest/of%20it${query}`)
  assert.equal(await sentFor('/items/7/?'), '/v2/7/?')
})

test('rewrite: pieces of the path keep their spelling, and nothing is encoded twice', async t => {
  const { sentFor } = await setUp(t, { path: '/v2/{path.id}/(x) y/{path.*}/{query.q|a b}' })
  assert.equal(await sentFor('/items/%C3%A9(1)%20/a%3Fb;c'), '/v2/%C3%A9(1)%20/(x)%20y/a%3Fb;c/a%20b')
  assert.equal(
    await sentFor('/items/1/a?q=50%25%20(%C3%A9)?'),
    '/v2/1/(x)%20y/a/50%25%20(%C3%A9)%3F?q=50%25%20(%C3%A9)?',
  )
})

test('rewrite: %2e%2e from a header variable is 400', async t => {
  const { ask, sentFor, logged, node } = await setUp(t, { path: '/files/{header.x-name|none}/{path.*}' })
  for (const name of ['%2e%2e', '..', '.', '%252E%252e', '..%2fsecret', '..;a=b']) {
    assert.equal(await sentFor('/items/1/a', { 'x-name': name }), 400, name)
  }
  const refused = await ask('/items/1/a', { 'x-name': '%2e%2e' })
  assert.equal(refused.json().code, 'WG_BAD_REQUEST')
  const line = await logged(String(refused.headers['x-request-id']))
  assert.deepEqual([line.reason, line.policy], ['rewritten target', 'rewrite'])
  assert.equal(node.requests.length, 0)
  assert.equal(await sentFor('/items/1/a', { 'x-name': 'a.b..c' }), '/files/a.b..c/a')
})

test('rewrite: what a path may not have is 400, from whatever variable', async t => {
  const { sentFor } = await setUp(t, { path: '/{query.a|}{query.b|}/x' })
  const refused = ['..', 'a%2Fb', 'a%5Cb', '%00', '', '.&b=.', '+'.repeat(3_000)]
  for (const value of refused) assert.equal(await sentFor(`/items/1/?a=${value}`), 400, value.slice(0, 20))
  assert.equal(await sentFor('/items/1/?a=%0d%0aX:%20y'), '/%0D%0AX%3A%20y/x?a=%0d%0aX:%20y')
})

test('rewrite: a pattern takes the whole path apart, and leaves one alone that it does not match', async t => {
  const path = { regex: '(/v\\d+)?/items/([^/]+)/(?:x/)?(.*)', to: '/new{re.1}/{re.3}/{re.2}/{query.q|none}' }
  const { sentFor, ask, logged } = await setUp(t, { path }, { path: '/*' })
  assert.equal(await sentFor('/v1/items/a%2Cb(1)/x/rest?q=a/b'), 400)
  assert.equal(await sentFor('/v1/items/a%2Cb(1)/x/re%20st?q=a'), '/new/v1/re%20st/a%2Cb(1)/a?q=a')
  assert.equal(await sentFor('/items/a/b'), '/new/b/a/none')
  assert.equal(await sentFor('/other/items/a/b?q=1'), '/other/items/a/b?q=1')
  const line = await logged(String((await ask('/other')).headers['x-request-id']))
  assert.equal(line.sentPath, undefined)
})

test('rewrite: a pattern that backtracks elsewhere takes no time', async t => {
  const { sentFor } = await setUp(t, { path: { regex: '/(a+)+b(.*)', to: '/{re.2}' } }, { path: '/*' })
  const path = `/${'a'.repeat(4_000)}`
  const started = performance.now()
  assert.equal(await sentFor(path), path)
  assert.equal(await sentFor(`${path}b.c`), '/.c')
  assert.ok(performance.now() - started < 5_000)
})

test('template: dot segments from a variable are 400', async t => {
  const path = '/a/{query.q|}/{cookie.c|x}/{claim.dir|x}/{path.id}'
  const { sentFor } = await setUp(t, { path }, { auth: 'jwt' }, { withKey: true })
  const authorization = (claims: object) => ({ authorization: `Bearer ${token(claims)}` })
  assert.equal(await sentFor('/items/1/?q=y', authorization({})), '/a/y/x/x/1?q=y')
  for (const value of ['.', '..', '%2e%2e', '..;x', '..%20']) {
    assert.equal(await sentFor(`/items/1/?q=${value}`, authorization({})), 400, `query ${value}`)
    assert.equal(await sentFor('/items/1/?q=y', { ...authorization({}), cookie: `c=${value}` }), 400)
    assert.equal(await sentFor('/items/1/?q=y', authorization({ dir: value })), 400, `claim ${value}`)
  }
})

test("prefix: a stranger's X-Forwarded-Prefix is dropped", async t => {
  const prefixFor = async (document: object, trustedProxies: string[]) => {
    const { ask, node } = await setUp(
      t,
      {},
      { rewrite: undefined, ...document },
      { config: { trustedProxies } },
    )
    await ask('/items/1/', { 'x-forwarded-prefix': '/evil', x_forwarded_prefix: '/evil' })
    const { lines } = node.requests[0]!
    return lines.filter((_, i) => /^x[-_]forwarded[-_]prefix$/i.test(lines[i - 1] ?? ''))
  }
  assert.deepEqual(await prefixFor({}, []), [])
  assert.deepEqual(await prefixFor({ stripPrefix: '/items' }, []), ['/items'])
  assert.deepEqual(await prefixFor({ rewrite: { path: '/x' } }, []), [])
  assert.deepEqual(await prefixFor({ stripPrefix: '/items' }, ['127.0.0.0/8']), ['/evil/items'])
})

test('rewrite: auth judged the original path', async t => {
  const { sentFor, ask } = await setUp(
    t,
    {},
    {},
    {
      withKey: true,
      routes: {
        closed: { path: '/closed/*', service: 'user', auth: 'jwt', rewrite: { path: '/open/{path.*}' } },
        open: { path: '/open/*', service: 'user', auth: 'none', rewrite: { path: '/closed/{path.*}' } },
      },
    },
  )
  assert.equal((await ask('/closed/a')).status, 401)
  assert.equal(await sentFor('/closed/a', { authorization: `Bearer ${token()}` }), '/open/a')
  assert.equal(await sentFor('/open/a'), '/closed/a')
})

test('rewrite: the log has the path of the client, and sentPath where it differs', async t => {
  const { ask, logged } = await setUp(t, { path: '/items/1/{path.*}', query: { set: { secret: 'x' } } })
  const changed = await logged(String((await ask('/items/2/a?q=1')).headers['x-request-id']))
  assert.deepEqual([changed.path, changed.sentPath], ['/items/2/a', '/items/1/a'])
  const same = await logged(String((await ask('/items/1/a')).headers['x-request-id']))
  assert.deepEqual([same.path, same.sentPath], ['/items/1/a', undefined])
})

test('rewrite: the query is kept, removed from, set and added to in this order', async t => {
  const query = {
    keep: ['a', 'b', 'x y'],
    remove: ['b'],
    set: { a: '1', 'n&': '{path.id}' },
    add: { a: '2=' },
  }
  const { sentFor } = await setUp(t, { query })
  assert.equal(
    await sentFor('/items/7%26/?c=1&a=0&b=2&x+y=%41&%61=3&d'),
    '/items/7%26/?x+y=%41&a=1&n%26=7%26&a=2%3D',
  )
  const removing = await setUp(t, { query: { remove: ['debug'] } })
  assert.equal(await removing.sentFor('/items/7/?deb%75g=1&debug&debug=2'), '/items/7/')
  assert.equal(await removing.sentFor('/items/7/?b=1&&%zz=1&debug=2&a=+'), '/items/7/?b=1&&%zz=1&a=+')
})

test('rewrite: the Host is the one of the node, of the client, or a name', async t => {
  for (const [host, expected] of [
    ['client', /^api\.example$/],
    ['internal.example:8080', /^internal\.example:8080$/],
    ['node', /^127\.0\.0\.1:\d+$/],
  ] as const) {
    const { ask, node } = await setUp(t, { host })
    await ask('/items/1/', { host: 'api.example' })
    const hosts = node.requests[0]!.lines.filter((_, i, lines) => lines[i - 1]?.toLowerCase() === 'host')
    assert.equal(hosts.length, 1)
    assert.match(hosts[0]!, expected)
    assert.equal(node.requests[0]!.header('x-forwarded-host'), 'api.example')
  }
})

test('rewrite: %2F in a result needs allowEncodedSlash', async t => {
  const rule = { path: '/{query.key|}' }
  const plain = await setUp(t, rule)
  assert.equal(await plain.sentFor('/items/1/?key=a/b'), 400)
  const allowed = await setUp(t, rule, { allowEncodedSlash: true })
  assert.equal(await allowed.sentFor('/items/1/?key=a/b'), '/a%2Fb?key=a/b')
})

test('rewrite: a target is not longer than any client may send', async t => {
  const { sentFor } = await setUp(
    t,
    { query: { add: { a: 'b'.repeat(100) } } },
    {},
    { config: { clientLimits: { targetBytes: 300 } } },
  )
  assert.equal(
    await sentFor(`/items/1/${'x'.repeat(188)}`),
    `/items/1/${'x'.repeat(188)}?a=${'b'.repeat(100)}`,
  )
  assert.equal(await sentFor(`/items/1/${'x'.repeat(189)}`), 400)
})

test('rewrite: a route that strips its prefix takes a default for the query alone', async t => {
  const { sentFor } = await setUp(
    t,
    {},
    {},
    {
      routes: {
        stripped: { path: '/a/*', service: 'user', auth: 'none', stripPrefix: '/a' },
        plain: { path: '/b/*', service: 'user', auth: 'none' },
        merged: { path: '/c/*', service: 'user', auth: 'none', mergeSlashes: false },
      },
      document: {
        routes: { defaults: { rewrite: { path: '/new{request.path}', query: { set: { v: '1' } } } } },
      },
    },
  )
  assert.equal(await sentFor('/a/x'), '/x?v=1')
  assert.equal(await sentFor('/auto/x'), '/x?v=1')
  assert.equal(await sentFor('/b/x'), '/new/b/x?v=1')
  assert.equal(await sentFor('/c//x'), '/c//x?v=1')
})

test('rewrite: WebSockets are rewritten too', async t => {
  const node = await startWebSocketNode(t)
  const rewrite = { path: '/v2/{path.*}', query: { set: { a: '{query.room|none}' } }, host: 'chat.internal' }
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: { chat: { path: '/chat/*', service: 'chat', auth: 'none', rewrite } },
  })
  const client = await openRaw(port, handshake('/chat/a?room=1'))
  t.after(() => client.socket.destroy())
  const { request } = await node.next()
  assert.deepEqual([request.url, request.headers.host], ['/v2/a?room=1&a=1', 'chat.internal'])
})

test('rewrite: a call of gRPC is not sent to another method than the one that was judged', async t => {
  const regex = '/old\\.v1\\.Tasks/(.*)'
  const { port, node } = await setUp(t, { path: { regex, to: '/new.v1.Tasks/{re.1}' } }, { path: '/*' })
  const session = openHttp2(t, port)
  const call = async (path: string, type: string) => {
    const headers = { ':method': 'POST', ':path': path, 'content-type': type, te: 'trailers' }
    return (await askHttp2(session, headers, Buffer.alloc(5))).headers['grpc-status']
  }
  assert.equal(await call('/old.v1.Tasks/List', 'application/grpc'), '12')
  // No node of the service speaks gRPC.
  assert.equal(await call('/other.v1.Tasks/List', 'application/grpc'), '14')
  assert.equal(node.requests.length, 0)
  // Nodes of HTTP get gRPC-web as it came, which is a plain request.
  await call('/old.v1.Tasks/List', 'application/grpc-web')
  assert.deepEqual(
    node.requests.map(({ target }) => target),
    ['/new.v1.Tasks/List'],
  )
})

test('rewrite: every try of a request is sent the same target', async t => {
  const node = await startNode(t, (socket, _request, index) =>
    socket.write(index === 0 ? answer('', [], '503 Odd') : answer()),
  )
  const rewrite = { path: '/x{request.path}', query: { add: { a: '1' } } }
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port, 'user/u2': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', retryOn: [503], rewrite } },
  })
  assert.equal((await send(port, { path: '/a' })).status, 200)
  assert.deepEqual(
    node.requests.map(({ target }) => target),
    ['/x/a?a=1', '/x/a?a=1'],
  )
})

const refused: [document: object, reason: string][] = [
  [{ rewrite: {} }, '$.rewrite: must not have fewer than 1 properties'],
  [{ rewrite: { path: '/b' }, stripPrefix: '/a' }, '$.rewrite.path: must not be beside stripPrefix'],
  [
    { rewrite: { path: '/b' }, mergeSlashes: false },
    '$.rewrite.path: must not be beside mergeSlashes: false',
  ],
  [{ rewrite: { host: 'client' }, preserveHost: true }, '$.rewrite.host: must not be beside preserveHost'],
  [{ rewrite: { host: 'a b' } }, '$.rewrite.host: must be "node", "client" or a host such as'],
  [{ rewrite: { host: 'http://a' } }, '$.rewrite.host: must be '],
  [{ rewrite: { path: 'a' } }, '$.rewrite.path: must begin with "/"'],
  [{ rewrite: { path: '{path.id}/x' } }, '$.rewrite.path: must begin with "/"'],
  [{ rewrite: { path: '/a?b=1' } }, '$.rewrite.path: must not contain "?" or "#"'],
  [{ rewrite: { path: '/a#b' } }, '$.rewrite.path: must not contain "?" or "#"'],
  [{ rewrite: { path: '/a/../{path.id}' } }, '$.rewrite.path: must not contain dot segments'],
  [{ rewrite: { path: '/a/%zz' } }, '$.rewrite.path: must not contain dot segments'],
  [{ rewrite: { path: '/a\\b' } }, '$.rewrite.path: must not contain dot segments'],
  [{ rewrite: { path: '//{path.id}' } }, '$.rewrite.path: must not contain dot segments'],
  [{ rewrite: { path: '/a//{path.id}' } }, '$.rewrite.path: must not contain an empty segment'],
  [{ rewrite: { path: '/é' } }, '$.rewrite.path: must be printable ASCII'],
  [{ rewrite: { path: '/{path.name}' } }, '$.rewrite.path: has {path.name}, which the path does not have'],
  [{ rewrite: { path: '/{node.id}' } }, '$.rewrite.path: has {node.id}, which is known only in answers'],
  [{ rewrite: { path: '/{re.1}' } }, '$.rewrite.path: has {re.1}, which only the "to" of a pattern has'],
  [
    { rewrite: { path: '/{claim.tenant}' } },
    '$.rewrite.path: has {claim.tenant}, which a request may lack: give it a default, such as {claim.tenant|none}',
  ],
  [
    { rewrite: { path: '/{variant}' } },
    '$.rewrite.path: has {variant}, which a request may lack: give it a default, such as {variant|none}',
  ],
  [
    { rewrite: { query: { set: { a: '{query.b}' } } } },
    '$.rewrite.query.set.a: has {query.b}, which a request',
  ],
  [
    { rewrite: { query: { add: { a: '{pth.id}' } } } },
    '$.rewrite.query.add.a: has an unknown variable {pth.id} (did',
  ],
  [
    { rewrite: { path: { regex: '(?=a)', to: '/' } } },
    '$.rewrite.path.regex: is not a regular expression of RE2',
  ],
  [
    { rewrite: { path: { regex: '()'.repeat(10), to: '/' } } },
    '$.rewrite.path.regex: must not have more than 9',
  ],
  [
    { rewrite: { path: { regex: '/(.*)', to: '/{re.2}' } } },
    '$.rewrite.path.to: has {re.2}, of a pattern with 1 group',
  ],
  [
    { rewrite: { path: { regex: '/(.*)', to: '/{re.x}' } } },
    '$.rewrite.path.to: {re.x} must be {re. and the number',
  ],
  [{ rewrite: { path: { regex: '/(.*)', to: '/?{re.1}' } } }, '$.rewrite.path.to: must not contain "?"'],
  [{ rewrite: { path: { regex: '/(.*)' } } }, '$.rewrite.path.to: is missing'],
  [
    { requestHeaders: { set: { a: '{re.1}' } } },
    '$.requestHeaders.set.a: has {re.1}, which only the "to" of',
  ],
  [{ rewrite: { query: {} } }, '$.rewrite.query: must not have fewer than 1 properties'],
]
for (const [document, reason] of refused) {
  test(`refused: ${JSON.stringify(document)}`, () => {
    const found = reasonOf({ path: '/a/:id', ...document }) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}

test('rewrite: in routes.defaults, a piece of the path needs a default too', () => {
  assert.equal(reasonOf({ path: '/a/:id', rewrite: { path: '/{path.id}' } }), undefined)
  assert.match(
    defaultsProblem({ rewrite: { path: '/{path.id}' } })!,
    /^\$\.routes\.defaults\.rewrite\.path: has \{path\.id\}, which a request/,
  )
  assert.equal(defaultsProblem({ rewrite: { path: '/{path.id|x}' } }), undefined)
})
