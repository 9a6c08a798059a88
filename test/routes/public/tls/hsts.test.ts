import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { openHttp2Tls, openRawTls, sendRawTls } from '../../../support/tls-connections.ts'
import { until } from '../../../support/until.ts'
import { accepted, handshake, KEY } from '../../../support/websocket.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop.example')
const TLS = { ca: authority.pem, servername: 'shop.example' }
const HEADERS = { host: 'shop.example' }
const FIELD = 'strict-transport-security'
const DEFAULT = 'max-age=31536000'

async function start(t: TestContext, hsts: object | undefined) {
  const node = await startNode(t, (socket, { target }) => {
    if (target === '/own') socket.write(answer('ok', ['Strict-Transport-Security: max-age=1']))
    else if (target === '/socket') socket.write(accepted(KEY))
    else socket.write(answer('ok'))
  })
  const route = (path: string, more = {}) => ({ path, service: 'user', auth: 'none', ...more })
  return await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      user: route('/user'),
      own: route('/own'),
      socket: route('/socket'),
      guarded: route('/guarded', { auth: 'jwt' }),
      empty: route('/empty', { service: 'nobody' }),
    },
    withKey: true,
    document: { tls: { port: 0, ...server, ...(hsts && { hsts }) } },
    config: { shutdownTimeoutMs: 0 },
  })
}

test('answers over TLS have the field, from nodes and from the gateway, over both versions of HTTP', async t => {
  const { tlsPort } = await start(t, {})
  const session = openHttp2Tls(t, tlsPort, TLS)
  for (const [path, status] of [
    ['/user', 200],
    ['/guarded', 401],
    ['/empty', 503],
    ['/nowhere/at/all', 404],
    [`/${'x'.repeat(10_000)}`, 414],
  ] as const) {
    const http1 = await send(tlsPort, { path, headers: HEADERS, tls: TLS })
    assert.deepEqual([http1.status, http1.headers[FIELD]], [status, DEFAULT], path.slice(0, 20))
    const http2 = await askHttp2(session, { ':path': path, ':authority': 'shop.example' })
    assert.deepEqual([http2.status, http2.headers[FIELD]], [status, DEFAULT], path.slice(0, 20))
  }
})

test('a request that is no HTTP, or has too large a head, is refused with the field', async t => {
  const { tlsPort } = await start(t, {})
  assert.match(
    await sendRawTls(t, tlsPort, 'GET / HTTP/1.1\r\nno field\r\n\r\n', TLS),
    /400 .*Strict-Transport-Security: max-age=31536000\r\n/s,
  )
  const large = { ':path': '/user', ':authority': 'shop.example', 'x-large': 'x'.repeat(20_000) }
  const refused = await askHttp2(openHttp2Tls(t, tlsPort, TLS), large)
  assert.deepEqual([refused.status, refused.headers[FIELD]], [431, DEFAULT])
})

test('the lines of requests that were refused before they could be served tell of their TLS', async t => {
  const { tlsPort, log } = await start(t, {})
  await sendRawTls(t, tlsPort, 'GET / HTTP/1.1\r\nno field\r\n\r\n', TLS)
  await sendRawTls(t, tlsPort, 'CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example\r\n\r\n', TLS)
  const session = openHttp2Tls(t, tlsPort, TLS)
  const large = { ':path': '/user', ':authority': 'shop.example', 'x-large': 'x'.repeat(20_000) }
  await askHttp2(session, large)
  await askHttp2(session, { ':path': '/user', ':authority': 'shop.example', 'content-length': 'x' }).catch(
    () => {},
  )
  await until('all are logged', () => log.filter(({ msg }) => msg === 'request').length === 4)
  assert.deepEqual(
    log.filter(({ msg }) => msg === 'request').map(({ http, status, tls }) => [http, status, tls]),
    [
      ['1.1', 400, 'TLSv1.3'],
      ['1.1', 400, 'TLSv1.3'],
      ['2', 431, 'TLSv1.3'],
      ['2', 400, 'TLSv1.3'],
    ],
  )
})

test('refusals of gRPC calls have it, and so has the answer that opens a WebSocket', async t => {
  const { tlsPort } = await start(t, {})
  const call = { ':method': 'POST', ':path': '/guarded', 'content-type': 'application/grpc', te: 'trailers' }
  const refused = await askHttp2(openHttp2Tls(t, tlsPort, TLS), { ...call, ':authority': 'shop.example' })
  assert.deepEqual([refused.headers['grpc-status'], refused.headers[FIELD]], ['16', DEFAULT])
  const client = await openRawTls(t, tlsPort, TLS)
  client.socket.write(handshake('/socket').replace('Host: h', 'Host: shop.example'))
  assert.match(
    await client.until('\r\n\r\n'),
    /^HTTP\/1\.1 101 .*strict-transport-security: max-age=31536000\r\n/is,
  )
})

test('the field of a node is not doubled', async t => {
  const { tlsPort } = await start(t, {})
  const { rawHeaders } = await send(tlsPort, { path: '/own', headers: HEADERS, tls: TLS })
  const values = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === FIELD)
  assert.deepEqual(values, ['max-age=1'])
})

test('answers without TLS do not have it, which browsers must ignore there', async t => {
  const { port } = await start(t, {})
  for (const path of ['/user', '/nowhere/at/all']) {
    assert.equal((await send(port, { path, headers: HEADERS })).headers[FIELD], undefined)
    const http2 = await askHttp2(openHttp2(t, port), { ':path': path, ':authority': 'shop.example' })
    assert.equal(http2.headers[FIELD], undefined)
  }
})

test('it is not sent unless it is wished for, and says what is', async t => {
  const none = await start(t, undefined)
  const ask = async ({ tlsPort }: { tlsPort: number }) =>
    (await send(tlsPort, { path: '/user', headers: HEADERS, tls: TLS })).headers[FIELD]
  assert.equal(await ask(none), undefined)
  const all = await start(t, { maxAgeSeconds: 60, includeSubDomains: true, preload: true })
  assert.equal(await ask(all), 'max-age=60; includeSubDomains; preload')
  assert.equal(await ask(await start(t, { maxAgeSeconds: 0 })), 'max-age=0')
})
