import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { send, sendRaw } from '../../support/http.ts'
import { answer, startNode, type WireRequest } from '../../support/node-server.ts'

/** Header lines that a node answers with, as it makes them from the request. */
type Lines = (request: WireRequest) => readonly string[]

/** What frameworks do with Host: the node names itself by it. */
const toItself: Lines = request => [
  `Location: http://${request.header('host')}/login?next=%2F`,
  'Set-Cookie: app=1; Path=/app',
  'Set-Cookie: all=1; Path=/',
]
const toPath: Lines = () => ['Location: /login']
/** A node that puts in what it is told of the prefix. */
const knowsPrefix: Lines = request => [`Location: ${request.header('x-forwarded-prefix') ?? ''}/login`]

async function setUp(
  t: TestContext,
  lines: Lines,
  { status = '302 Found', ...options }: Omit<GatewaySetUp, 'nodes'> & { readonly status?: string } = {},
) {
  const node = await startNode(t, (socket, request) => socket.write(answer('', lines(request), status)))
  const gateway = await startTestGateway(t, { ...options, nodes: { 'user/u1': node.port } })
  const locationOf = async (path: string, headers: Readonly<Record<string, string>> = {}) =>
    (await send(gateway.port, { path, headers })).headers.location
  return { ...gateway, node, locationOf, last: () => node.requests.at(-1)! }
}

test('on an automatic route, references to the node and its paths work for clients', async t => {
  const { port, last } = await setUp(t, toItself)
  const { status, headers } = await send(port, { path: '/user/account' })
  assert.deepEqual([status, headers.location], [302, '/user/login?next=%2F'])
  assert.deepEqual(headers['set-cookie'], ['app=1; Path=/user/app', 'all=1; Path=/'])
  assert.equal(last().header('x-forwarded-prefix'), '/user')
})

test('a node that puts the prefix in by itself is left alone', async t => {
  const { locationOf } = await setUp(t, knowsPrefix)
  assert.equal(await locationOf('/user/account'), '/user/login')
})

test('the prefix is what the route strips, however the client spells it', async t => {
  const { locationOf, last } = await setUp(t, toPath, {
    routes: { r: { path: '/api/v1/*', service: 'user', stripPrefix: '/api' } },
  })
  for (const path of ['/api/v1', '/api/v1/x', '/%61pi/v1/x?y']) {
    assert.equal(await locationOf(path), '/api/login', path)
    assert.equal(last().header('x-forwarded-prefix'), '/api', path)
  }
})

test('without a stripped prefix, paths stay and the node is told none', async t => {
  const { locationOf, last } = await setUp(t, toPath, { routes: { r: { path: '/*', service: 'user' } } })
  assert.equal(await locationOf('/x'), '/login')
  assert.equal(last().header('x-forwarded-prefix'), undefined)
})

test("without a stripped prefix, the node's own address is replaced all the same", async t => {
  const { locationOf } = await setUp(t, toItself, { routes: { r: { path: '/*', service: 'user' } } })
  assert.equal(await locationOf('/x'), '/login?next=%2F')
})

test('the Location of a created resource is rewritten, and that of any other status', async t => {
  for (const status of ['201 Created', '200 OK', '202 Accepted', '308 Permanent Redirect', '503 Busy']) {
    const { locationOf } = await setUp(t, toPath, { status })
    assert.equal(await locationOf('/user/x'), '/user/login', status)
  }
})

test('a reference in an interim answer is rewritten as well, such as the place of an upload that can be resumed', async t => {
  const node = await startNode(t, (socket, request) =>
    socket.write(
      `HTTP/1.1 104 Upload Resumption Supported\r\nLocation: http://${request.header('host')}/uploads/1\r\n\r\n${answer('ok')}`,
    ),
  )
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const text = await sendRaw(port, 'GET /user/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  assert.match(text, /^HTTP\/1\.1 104 [^\r]*\r\nLocation: \/user\/uploads\/1\r\n\r\nHTTP\/1\.1 200 /)
})

test('with preserveHost, the Host that the node was given counts as its own', async t => {
  const r = { path: '/api/*', service: 'user', stripPrefix: '/api', preserveHost: true }
  const { locationOf } = await setUp(t, toItself, { routes: { r } })
  assert.equal(await locationOf('/api/x', { Host: 'shop.example' }), '/api/login?next=%2F')
})

test('rewriteLocation: false leaves every answer as it is, and always adds the prefix again', async t => {
  const documents = {
    off: { path: '/off/*', service: 'user', stripPrefix: '/off', rewriteLocation: false },
    on: { path: '/on/*', service: 'user', stripPrefix: '/on', rewriteLocation: true },
    login: { path: '/login/*', service: 'user', stripPrefix: '/login', rewriteLocation: 'always' },
  }
  const { port, locationOf, node, last } = await setUp(
    t,
    request => (request.target === '/own' ? toItself(request) : toPath(request)),
    { routes: documents },
  )
  assert.equal(await locationOf('/off/x'), '/login')
  assert.equal(await locationOf('/off/own'), `http://127.0.0.1:${node.port}/login?next=%2F`)
  const { headers } = await send(port, { path: '/off/own' })
  assert.deepEqual(headers['set-cookie'], ['app=1; Path=/app', 'all=1; Path=/'])
  assert.equal(last().header('x-forwarded-prefix'), '/off', 'the node is told all the same')
  assert.equal(await locationOf('/on/x'), '/on/login')
  // Of a node whose own paths begin like the prefix.
  assert.equal(await locationOf('/login/x'), '/login/login')
})

test('routes.defaults.rewriteLocation applies to automatic routes and to documents without their own', async t => {
  const { locationOf } = await setUp(t, toPath, {
    document: { routes: { defaults: { rewriteLocation: false } } },
    routes: { own: { path: '/own/*', service: 'user', stripPrefix: '/own', rewriteLocation: true } },
  })
  assert.equal(await locationOf('/own/x'), '/own/login')
  const automatic = await setUp(t, toPath, { document: { routes: { defaults: { rewriteLocation: false } } } })
  assert.equal(await automatic.locationOf('/user/x'), '/login')
})

test('the prefix that a trusted proxy stripped comes first, in the header and in the way back', async t => {
  const trusted = await setUp(t, toPath, { config: { trustedProxies: ['127.0.0.1'] } })
  const prefix = { 'X-Forwarded-Prefix': '/shop/' }
  assert.equal(await trusted.locationOf('/user/x', prefix), '/shop/user/login')
  assert.equal(trusted.last().header('x-forwarded-prefix'), '/shop/user')
  const aware = await setUp(t, knowsPrefix, { config: { trustedProxies: ['127.0.0.1'] } })
  assert.equal(await aware.locationOf('/user/x', prefix), '/shop/user/login')
  const stranger = await setUp(t, toPath)
  assert.equal(await stranger.locationOf('/user/x', prefix), '/user/login')
  assert.equal(stranger.last().header('x-forwarded-prefix'), '/user')
})

test('a node that asks for https leads the client of a plain connection to https', async t => {
  const { locationOf } = await setUp(t, request => [`Location: https://${request.header('host')}/secure`])
  assert.equal(await locationOf('/user/x', { Host: 'shop.example:8080' }), 'https://shop.example/user/secure')
})

test('the address of another node is left, whatever was tried before', async t => {
  const { locationOf, registry } = await setUp(t, () => ['Location: http://10.9.9.9:3001/login'])
  await registry.register({ service: 'user', id: 'u2', host: '127.0.0.1', port: 9, weight: 1 })
  for (let i = 0; i < 4; i++) {
    assert.equal(await locationOf('/user/x'), 'http://10.9.9.9:3001/login')
  }
})

test('after a retry, it is the address of the node that answered that is replaced', async t => {
  const { locationOf, registry } = await setUp(t, toItself)
  const other = await startNode(t, socket => socket.write(answer('', [], '503 Busy')))
  await registry.register({ service: 'user', id: 'u2', host: '127.0.0.1', port: other.port, weight: 1 })
  for (let i = 0; other.requests.length === 0; i++) {
    assert.ok(i < 1_000, 'the other node was asked')
    assert.equal(await locationOf('/user/x'), '/user/login?next=%2F')
  }
  assert.equal(await locationOf('/user/x'), '/user/login?next=%2F')
})

test('a policy edits references as clients get them, and what it sets is not rewritten', async t => {
  const responseHeaders = { set: { 'Content-Location': '/set' }, add: { 'Set-Cookie': 'own=1; Path=/own' } }
  const { port } = await setUp(t, toItself, {
    routes: { r: { path: '/api/*', service: 'user', stripPrefix: '/api', responseHeaders } },
  })
  const { headers } = await send(port, { path: '/api/x' })
  assert.deepEqual([headers.location, headers['content-location']], ['/api/login?next=%2F', '/set'])
  assert.deepEqual(headers['set-cookie'], ['app=1; Path=/api/app', 'all=1; Path=/', 'own=1; Path=/own'])
})

test('the last good answer has its references as the client that got it first', async t => {
  let works = true
  const node = await startNode(t, (socket, request) => {
    if (works) socket.write(answer('good', [`Content-Location: http://${request.header('host')}/1`]))
    else socket.resetAndDestroy()
  })
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/api/*', service: 'user', stripPrefix: '/api', fallback: { stale: true } } },
  })
  for (const stale of [undefined, '1']) {
    const { headers, text } = await send(port, { path: '/api/x' })
    assert.deepEqual([text, headers['content-location']], ['good', '/api/1'])
    assert.equal(headers['x-waygate-fallback'], stale)
    works = false
  }
})

test('answers of the gateway itself, and fixed fallbacks, are not rewritten', async t => {
  const { port } = await startTestGateway(t, {
    routes: {
      r: {
        path: '/api/*',
        service: 'nobody',
        stripPrefix: '/api',
        fallback: { status: 302, headers: { location: '/down' } },
      },
    },
  })
  const { headers } = await send(port, { path: '/api/x' })
  assert.equal(headers.location, '/down')
})
