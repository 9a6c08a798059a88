import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../support/http.ts'
import { answer, startNode, type WireRequest } from '../../support/node-server.ts'
import { handshake, startWebSocketNode } from '../../support/websocket.ts'

async function setUp(
  t: TestContext,
  options: Omit<GatewaySetUp, 'nodes'> = {},
  lines: readonly string[] = [],
) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok', lines))
  })
  const gateway = await startTestGateway(t, {
    ...options,
    nodes: { 'user/u1': node.port, 'auto/a1': node.port },
  })
  return { node, ...gateway, last: () => node.requests.at(-1)! }
}

const namesOf = (request: WireRequest) =>
  request.lines.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase())

test('the node receives the origin of a request and its id', async t => {
  const { port, node, last } = await setUp(t)
  const got = await send(port, { path: '/user/1?q=%2F', headers: { 'X-Request-Id': 'abc.DEF-1_2' } })
  assert.equal(got.status, 200)
  assert.equal(got.headers['x-request-id'], 'abc.DEF-1_2')
  const request = last()
  assert.equal(request.target, '/1?q=%2F')
  assert.equal(request.header('x-request-id'), 'abc.DEF-1_2')
  assert.equal(request.header('x-forwarded-for'), '127.0.0.1')
  assert.equal(request.header('x-forwarded-proto'), 'http')
  assert.equal(request.header('x-forwarded-host'), `127.0.0.1:${port}`)
  assert.equal(request.header('x-forwarded-port'), String(port))
  assert.equal(request.header('x-forwarded-prefix'), '/user')
  assert.equal(request.header('x-real-ip'), '127.0.0.1')
  assert.equal(request.header('host'), `127.0.0.1:${node.port}`)
})

test('an invalid request id is replaced by a new one', async t => {
  const { port, last } = await setUp(t)
  for (const id of ['', ' ', 'a b', 'x'.repeat(129), 'a,b', 'é', '<script>', ['a', 'b']]) {
    const got = await send(port, { path: '/user', headers: { 'X-Request-Id': id } })
    const given = got.headers['x-request-id']
    assert.match(String(given), /^[0-9a-f]{16}-[0-9a-z]+$/, JSON.stringify(id))
    assert.equal(last().header('x-request-id'), given)
  }
})

/** What a proxy in front may say. */
const SAID = {
  'X-Forwarded-For': '9.9.9.9',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'a.example',
  'X-Forwarded-Port': '8443',
  'X-Forwarded-Prefix': '/shop',
  'X-Real-IP': '9.9.9.9',
  'X-Forwarded-User': 'alice',
  'X-Forwarded-Groups': 'admins',
  'X-Forwarded-Client-Cert': 'Hash=abc',
  'X-Forwarded-Tls-Client-Cert': 'MII',
  'X-Forwarded-Uri': '/admin',
  'X-Forwarded-Anything': '1',
  'Client-Cert': ':MII:',
  'Client-Cert-Chain': ':MII:',
  Forwarded: 'for=8.8.8.8;proto=http;host=b',
}

/** Every header line about proxies that a node received, in order, except an address of its own. */
const proxyLinesOf = ({ lines }: WireRequest) =>
  Object.fromEntries(
    lines.flatMap((name, i) =>
      i % 2 === 0 && /forwarded|real.ip|client.cert/i.test(name) ? [[name, lines[i + 1]]] : [],
    ),
  )

test('a stranger is believed nothing about proxies, in any spelling', async t => {
  const { port, last } = await setUp(t)
  const spellings = [
    (name: string) => name,
    (name: string) => name.toUpperCase(),
    (name: string) => name.replaceAll('-', '_'),
    (name: string) => name.toLowerCase().replace('-', '_'),
  ]
  for (const spell of spellings) {
    const headers = Object.fromEntries(Object.entries(SAID).map(([name, value]) => [spell(name), value]))
    await send(port, { path: '/user', headers })
    assert.deepEqual(proxyLinesOf(last()), {
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(port),
      'x-real-ip': '127.0.0.1',
      'x-forwarded-host': `127.0.0.1:${port}`,
      'x-forwarded-prefix': '/user',
    })
  }
})

test('what a trusted proxy says reaches the node, each field once', async t => {
  const { port, last } = await setUp(t, { config: { trustedProxies: ['127.0.0.0/8'] } })
  await send(port, { path: '/user', headers: SAID })
  assert.deepEqual(proxyLinesOf(last()), {
    'X-Forwarded-User': 'alice',
    'X-Forwarded-Groups': 'admins',
    'X-Forwarded-Client-Cert': 'Hash=abc',
    'X-Forwarded-Tls-Client-Cert': 'MII',
    'X-Forwarded-Uri': '/admin',
    'X-Forwarded-Anything': '1',
    'Client-Cert': ':MII:',
    'Client-Cert-Chain': ':MII:',
    'x-forwarded-for': '9.9.9.9, 127.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '8443',
    'x-real-ip': '9.9.9.9',
    'x-forwarded-host': 'a.example',
    'x-forwarded-prefix': '/shop/user',
  })
  const names = namesOf(last())
  assert.equal(new Set(names).size, names.length)
})

test('a spelling with underscores passes from nobody, because a node could take it for the real one', async t => {
  const { port, last } = await setUp(t, { config: { trustedProxies: ['127.0.0.0/8'] } })
  const headers = Object.fromEntries(
    Object.entries(SAID).flatMap(([name, value]) =>
      name.includes('-') ? [[name.replace('-', '_'), value]] : [],
    ),
  )
  await send(port, { path: '/user', headers })
  assert.ok(!namesOf(last()).some(name => name.includes('_')), String(namesOf(last())))
})

test('an identity header passes from no proxy, however trusted, whether the route asks for a token or not', async t => {
  const { config } = loadConfig({ env: {}, cwd: tmpdir() })
  const { port, last } = await setUp(t, {
    withKey: true,
    config: {
      trustedProxies: ['127.0.0.0/8'],
      jwt: { ...config.jwt, claimHeaders: { sub: 'x-forwarded-user' } },
    },
    routes: {
      open: { path: '/open/*', service: 'user', auth: 'none' },
      closed: { path: '/closed/*', service: 'user', auth: 'jwt' },
    },
  })
  const headers = { 'X-Forwarded-User': 'root', 'X-User-Id': 'root', 'X-Forwarded-Email': 'a@b.example' }
  await send(port, { path: '/open/x', headers })
  assert.deepEqual([last().header('x-forwarded-user'), last().header('x-user-id')], [undefined, undefined])
  await send(port, {
    path: '/closed/x',
    headers: { ...headers, Authorization: `Bearer ${token({ sub: 'ann' })}` },
  })
  assert.deepEqual(
    last().lines.filter((_, i, all) => i % 2 === 1 && /user/i.test(all[i - 1]!)),
    ['ann'],
  )
  assert.equal(last().header('x-forwarded-email'), 'a@b.example')
})

test('requestHeaders can take away what a trusted proxy says about users', async t => {
  const { port, last } = await setUp(t, {
    config: { trustedProxies: ['127.0.0.0/8'] },
    routes: {
      one: {
        path: '/one/*',
        service: 'user',
        requestHeaders: { remove: ['x-forwarded-user', 'x-forwarded-c*'] },
      },
      all: { path: '/all/*', service: 'user', requestHeaders: { remove: ['x-forwarded-*', 'client-*'] } },
    },
  })
  await send(port, { path: '/one/x', headers: SAID })
  assert.equal(last().header('x-forwarded-user'), undefined)
  assert.equal(last().header('x-forwarded-client-cert'), undefined)
  assert.equal(last().header('x-forwarded-groups'), 'admins')
  await send(port, { path: '/all/x', headers: SAID })
  assert.deepEqual(proxyLinesOf(last()), {
    'x-forwarded-for': '9.9.9.9, 127.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '8443',
    'x-real-ip': '9.9.9.9',
    'x-forwarded-host': 'a.example',
    'x-forwarded-prefix': '/shop',
  })
})

test('malformed values of a trusted proxy count as absent', async t => {
  const { port, last } = await setUp(t, { config: { trustedProxies: ['127.0.0.0/8'] } })
  const headers = {
    'X-Forwarded-For': ' , ',
    'X-Forwarded-Proto': 'javascript',
    'X-Forwarded-Host': 'a b',
    'X-Forwarded-Port': '99999',
    'X-Forwarded-Prefix': '//evil.example',
    'X-Real-IP': 'nobody',
    Forwarded: 'for=',
  }
  await send(port, { path: '/user', headers })
  assert.deepEqual(proxyLinesOf(last()), {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-port': String(port),
    'x-real-ip': '127.0.0.1',
    'x-forwarded-host': `127.0.0.1:${port}`,
    'x-forwarded-prefix': '/user',
  })
})

test('Forwarded counts from a trusted proxy only, and only without X-Forwarded-For', async t => {
  const Forwarded = 'for=6.6.6.6;proto=http, for=9.9.9.9;proto=https;host=a.example'
  const seen = async (trustedProxies: readonly string[], headers: Readonly<Record<string, string>>) => {
    const { port, last } = await setUp(t, { config: { trustedProxies } })
    await send(port, { path: '/user', headers })
    const names = ['x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'forwarded']
    return names.map(name => last().header(name))
  }
  const trusted = ['127.0.0.0/8']
  assert.deepEqual(await seen(trusted, { Forwarded }), [
    '6.6.6.6, 9.9.9.9, 127.0.0.1',
    'https',
    '9.9.9.9',
    undefined,
  ])
  const both = { Forwarded, 'X-Forwarded-For': '8.8.8.8' }
  assert.deepEqual(await seen(trusted, both), ['8.8.8.8, 127.0.0.1', 'http', '8.8.8.8', undefined])
  assert.deepEqual(await seen([], { Forwarded }), ['127.0.0.1', 'http', '127.0.0.1', undefined])
})

test('X-Forwarded-Port is the port that the client used', async t => {
  const { port, last } = await setUp(t, { config: { trustedProxies: ['127.0.0.0/8'] } })
  const cases: readonly (readonly [headers: Readonly<Record<string, string>>, port: string])[] = [
    [{ Host: 'a.example' }, '80'],
    [{ Host: 'a.example:8080' }, '8080'],
    [{ Host: 'a.example:' }, '80'],
    [{ Host: '[::1]' }, '80'],
    [{ Host: '[::1]:81' }, '81'],
    [{ Host: 'a', 'X-Forwarded-Proto': 'https' }, '443'],
    [{ Host: 'a:8080', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'b' }, '443'],
    [{ Host: 'a', 'X-Forwarded-Host': 'b:8443' }, '8443'],
    [{ Host: 'a:8080', 'X-Forwarded-Port': '8443' }, '8443'],
  ]
  for (const [headers, expected] of cases) {
    await send(port, { path: '/user', headers })
    assert.equal(last().header('x-forwarded-port'), expected, JSON.stringify(headers))
  }
})

test('with forwardedHeader, nodes get Forwarded as well, and a client none of its own', async t => {
  const config = { forwardedHeader: true }
  const stranger = await setUp(t, { config })
  const headers = { Host: 'shop.example:8080', Forwarded: 'for=6.6.6.6' }
  await send(stranger.port, { path: '/user', headers })
  assert.equal(stranger.last().header('forwarded'), 'for=127.0.0.1;host="shop.example:8080";proto=http')
  assert.equal(namesOf(stranger.last()).filter(name => name === 'forwarded').length, 1)
  const trusted = await setUp(t, { config: { ...config, trustedProxies: ['127.0.0.1'] } })
  const xff = { ...headers, 'X-Forwarded-For': '9.9.9.9', 'X-Forwarded-Proto': 'https' }
  await send(trusted.port, { path: '/user', headers: xff })
  const peer = 'for=127.0.0.1;host="shop.example:8080";proto=http'
  assert.equal(trusted.last().header('forwarded'), `for=9.9.9.9;proto=https, ${peer}`)
  await send(trusted.port, { path: '/user', headers })
  assert.equal(trusted.last().header('forwarded'), `for=6.6.6.6, ${peer}`)
  const closed = await setUp(t)
  await send(closed.port, { path: '/user', headers })
  assert.equal(closed.last().header('forwarded'), undefined)
})

test('the node of a WebSocket is told the same', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    config: { trustedProxies: ['127.0.0.1'], forwardedHeader: true },
  })
  const client = await openRaw(
    port,
    handshake('/chat/room', ['X-Forwarded-Proto: wss', 'X-Forwarded-User: ann']),
  )
  const { headers } = (await node.next()).request
  assert.equal(headers['x-forwarded-proto'], 'https')
  assert.equal(headers['x-forwarded-port'], '443')
  assert.equal(headers['x-forwarded-prefix'], '/chat')
  assert.equal(headers['x-real-ip'], '127.0.0.1')
  assert.equal(headers['x-forwarded-user'], 'ann')
  assert.equal(headers.forwarded, 'for=127.0.0.1;host=h;proto=https')
  client.socket.destroy()
})

test('only the gateway sets the identity of a token', async t => {
  const { port, last } = await setUp(t, { withKey: true })
  const spoofed = {
    'X-User-Id': 'root',
    x_user_id: 'root',
    'X-User_Id': 'root',
    Connection: 'x-user-id, x-request-id',
  }
  const got = await send(port, {
    path: '/user',
    headers: { ...spoofed, Authorization: `Bearer ${token({ sub: 'Zoë' })}` },
  })
  assert.equal(got.status, 200)
  const names = namesOf(last()).filter(name => name.replaceAll('_', '-') === 'x-user-id')
  assert.deepEqual(names, ['x-user-id'])
  assert.equal(last().header('x-user-id'), 'Zo%C3%AB')
  assert.ok(last().header('x-request-id'))
})

test('on an open route, the node receives no identity, neither from the client nor from the gateway', async t => {
  const { port, last } = await setUp(t, {
    withKey: true,
    routes: { r: { path: '/*', service: 'user', auth: 'none' } },
  })
  await send(port, { headers: { 'X-User-Id': 'root', Authorization: `Bearer ${token()}` } })
  assert.equal(last().header('x-user-id'), undefined)
  assert.ok(last().header('authorization'))
})

test('requests with hop-by-hop fields are answered, and the fields are not forwarded', async t => {
  const { port, last } = await setUp(t)
  const lines = [
    'Keep-Alive: timeout=5',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'TE: trailers',
    'Proxy-Authorization: Basic x',
    'Proxy-Connection: keep-alive',
    'Connection: Upgrade, HTTP2-Settings, X-Hop',
    'X-Hop: 1',
    'X-Kept: 1',
  ]
  for (const upgrade of [
    lines,
    lines.map(line => line.replace('h2c', 'websocket')),
    lines.map(line => line.replace('h2c', 'foo')),
  ]) {
    const client = await openRaw(port, `GET /user HTTP/1.1\r\nHost: h\r\n${upgrade.join('\r\n')}\r\n\r\n`)
    assert.match(await client.until('\r\n\r\nok'), /^HTTP\/1.1 200 /)
    client.socket.destroy()
    const names = namesOf(last())
    for (const name of [
      'keep-alive',
      'upgrade',
      'http2-settings',
      'proxy-authorization',
      'proxy-connection',
      'x-hop',
    ]) {
      assert.ok(!names.includes(name), name)
    }
    // Not passed on, but said by the gateway, too.
    assert.equal(last().header('te'), 'trailers')
    assert.equal(last().header('connection'), 'keep-alive, te')
    assert.equal(last().header('x-kept'), '1')
  }
})

test('a client that waits for 100 Continue gets it from the gateway when the node says nothing', async t => {
  const { port, last } = await setUp(t)
  const client = await openRaw(
    port,
    'POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n',
  )
  await client.until('100 Continue')
  client.socket.write('body')
  assert.match(await client.until('\r\n\r\nok'), /HTTP\/1.1 200 /)
  client.socket.destroy()
  assert.equal(String(await last().whole), 'body')
  assert.equal(last().header('expect'), '100-continue')
})

test('header values arrive byte for byte, in both directions', async t => {
  const { port, last } = await setUp(t, {}, ['X-Answer: caf\xe9'])
  const text = await sendRaw(
    port,
    'GET /user HTTP/1.1\r\nHost: h\r\nX-Bytes: \xe9\x80\xff\r\nConnection: close\r\n\r\n',
  )
  assert.equal(last().header('x-bytes'), '\xe9\x80\xff')
  assert.ok(text.includes('X-Answer: caf\xc3\xa9\r\n'), text)
})

test('a route may keep the Host of the client', async t => {
  const { port, last } = await setUp(t, {
    routes: { r: { path: '/*', service: 'user', preserveHost: true } },
  })
  await send(port, { headers: { Host: 'shop.example:8080' } })
  assert.equal(last().header('host'), 'shop.example:8080')
  assert.equal(last().lines.filter(line => line.toLowerCase() === 'host').length, 1)
})

test('every method that HTTP clients use is forwarded, with a body or without', async t => {
  const { port, last, node } = await setUp(t)
  for (const method of [
    'GET',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'QUERY',
    'PROPFIND',
    'PURGE',
    'REPORT',
    'M-SEARCH',
  ]) {
    for (const body of ['', 'payload']) {
      const got = await send(port, {
        method,
        path: '/user/x',
        body,
        headers: { 'Content-Length': String(body.length) },
      })
      assert.equal(got.status, 200, `${method} ${body}`)
      assert.equal(last().method, method)
      assert.equal(String(await last().whole), body, method)
    }
  }
  const head = await send(port, { method: 'HEAD', path: '/user/x' })
  assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '2'])
  assert.equal(node.requests.at(-1)!.method, 'HEAD')
})

test('bodies of every content type are passed on', async t => {
  const { port, last } = await setUp(t)
  const types = [
    'application/json',
    'text/plain',
    'text/plain; charset=utf-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'garbage',
    'a/b/c',
    ';',
    '',
    '__proto__/x',
    'application/json; charset=bogus',
  ]
  for (const type of types) {
    const body = 'not { json'
    const got = await send(port, {
      method: 'POST',
      path: '/user',
      body,
      headers: { 'Content-Type': type, 'Content-Length': String(body.length) },
    })
    assert.equal(got.status, 200, `type ${JSON.stringify(type)}: ${got.text}`)
    assert.equal(String(await last().whole), body)
    assert.equal(last().header('content-type'), type)
  }
  const untyped = await send(port, {
    method: 'POST',
    path: '/user',
    body: 'x',
    headers: { 'Transfer-Encoding': 'chunked' },
  })
  assert.equal(untyped.status, 200)
  const large = Buffer.alloc(3_000_000, 'x')
  const got = await send(port, {
    method: 'POST',
    path: '/user',
    body: large,
    headers: { 'Content-Type': 'application/json', 'Content-Length': String(large.length) },
  })
  assert.equal(got.status, 200)
  assert.equal((await last().whole).length, large.length)
})

test('the prefix is stripped, repeated slashes are merged, and the rest stays byte for byte', async t => {
  const { port, last } = await setUp(t, {
    routes: { r: { path: '/api/v1/*', service: 'user', stripPrefix: '/api' } },
  })
  for (const [path, seen] of [
    ['/api/v1', '/v1'],
    ['/api/v1/', '/v1/'],
    ['/api/v1/a%20b//c?d=e&f=%2F//', '/v1/a%20b/c?d=e&f=%2F//'],
    ['/api//v1/caf%e9/%D6%D0/%C3%A9', '/v1/caf%e9/%D6%D0/%C3%A9'],
    ['/%61pi/v1/x?y', '/v1/x?y'],
  ] as const) {
    assert.equal((await send(port, { path })).status, 200, path)
    assert.equal(last().target, seen)
  }
})

test('a target without its prefix never names another host', async t => {
  const { port, node, last } = await setUp(t, {
    routes: { kept: { path: '/kept/*', service: 'user', stripPrefix: '/kept', mergeSlashes: false } },
  })
  for (const path of ['/kept//other.example/x', '/kept//', '/k%65pt//x']) {
    const got = await send(port, { path })
    assert.deepEqual([got.status, got.json().code], [400, 'WG_BAD_REQUEST'], path)
  }
  assert.equal(node.requests.length, 0)
  for (const [path, seen] of [
    ['/auto//other.example/x', '/other.example/x'],
    ['/auto//', '/'],
    ['/%61uto///x', '/x'],
    ['/kept/bucket//key', '/bucket//key'],
  ] as const) {
    assert.equal((await send(port, { path })).status, 200, path)
    assert.equal(last().target, seen)
  }
})

test('a custom map of claims does not let clients set x-user-id', async t => {
  const { config } = loadConfig({ env: {}, cwd: tmpdir() })
  const { port, last } = await setUp(t, {
    config: { jwt: { ...config.jwt, claimHeaders: { email: 'x-email' } } },
  })
  await send(port, { path: '/user/x', headers: { 'X-User-Id': 'root', x_email: 'root@example.org' } })
  assert.equal(last().header('x-user-id'), undefined)
  assert.equal(last().header('x_email'), undefined)
})
