import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop', { names: 'DNS:shop.example,DNS:*.shop.example,IP:::1,IP:127.0.0.2' })

async function start(t: TestContext, document: object = {}, config: object = {}) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...server, plain: 'redirect' }, ...document },
    config,
  })
  return { ...gateway, node }
}

test('a request without TLS is sent to the same address with TLS, whatever its method', async t => {
  const { port, tlsPort, node } = await start(t)
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
    const path = '/user/a%20b;c?d=e&f=%2F'
    const answered = await send(port, { method, path, headers: { host: 'API.shop.example:8080' } })
    assert.equal(answered.status, 308)
    assert.equal(answered.headers.location, `https://api.shop.example:${tlsPort}${path}`)
    assert.equal(answered.text, '')
  }
  assert.equal(node.requests.length, 0)
})

test('the body of a redirected request does not harm the next one', async t => {
  const { port } = await start(t)
  const body = 'GET /no HTTP/1.1\r\nHost: shop.example\r\n\r\n'
  const client = await openRaw(
    port,
    `POST /user HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
      'GET /user HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n',
  )
  assert.deepEqual(
    [...(await client.closed).matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status),
    [...['308', '308']],
  )
})

test('only hosts with a certificate are redirected, so that nobody is sent elsewhere', async t => {
  const { port } = await start(t)
  for (const host of ['evil.example', 'a.b.shop.example', 'shop.example.evil.example', '127.0.0.1']) {
    const answered = await send(port, { path: '/user', headers: { host } })
    assert.deepEqual([answered.status, answered.json().code], [421, 'WG_MISDIRECTED'], host)
    assert.equal(answered.headers.location, undefined)
  }
})

test('an address that a certificate has is redirected, however it is spelled', async t => {
  const { port, tlsPort } = await start(t)
  for (const [host, at] of [
    ['[::1]', '[::1]'],
    ['[0:0:0:0:0:0:0:1]:8080', '[::1]'],
    ['127.0.0.2:8080', '127.0.0.2'],
  ]) {
    const answered = await send(port, { path: '/user', headers: { host: host! } })
    assert.deepEqual([answered.status, answered.headers.location], [308, `https://${at}:${tlsPort}/user`])
  }
  assert.equal((await send(port, { path: '/user', headers: { host: '[::2]' } })).status, 421)
})

test('a target that could be read as another host redirects to the same one, or nowhere', async t => {
  const { port, tlsPort } = await start(t)
  const ask = async (target: string) =>
    await sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`)
  assert.match(
    await ask('http://shop.example/user'),
    new RegExp(`location: https://shop\\.example:${tlsPort}/user\r\n`),
  )
  for (const target of ['//evil.example/x', 'http://evil.example/x', '/\\\\evil.example', '@evil.example'])
    assert.match(await ask(target), /^HTTP\/1\.1 400 /, target)
})

test('a request without a host is not redirected', async t => {
  const { port } = await start(t)
  const client = await openRaw(port, 'GET /user HTTP/1.0\r\n\r\n')
  assert.match(await client.closed, /^HTTP\/1\.1 421 /)
})

test('HTTP/2 without TLS is redirected too', async t => {
  const { port, tlsPort } = await start(t)
  const answered = await askHttp2(openHttp2(t, port), {
    ...{ ':path': '/user?x', ':authority': 'shop.example' },
    // What a client says of its own connection does not count.
    ':scheme': 'https',
  })
  assert.deepEqual(
    [answered.status, answered.headers.location],
    [308, `https://shop.example:${tlsPort}/user?x`],
  )
})

test('a trusted proxy that says https is served, and one that says http is redirected to the host of its client', async t => {
  const { port, tlsPort } = await start(t, { trustedProxies: ['127.0.0.1'] })
  const headers = { host: 'inside', 'x-forwarded-host': 'shop.example' }
  const https = await send(port, { path: '/user', headers: { ...headers, 'x-forwarded-proto': 'https' } })
  assert.deepEqual([https.status, https.text], [200, 'ok'])
  const http = await send(port, { path: '/user', headers: { ...headers, 'x-forwarded-proto': 'http' } })
  assert.deepEqual([http.status, http.headers.location], [308, `https://shop.example:${tlsPort}/user`])
})

test('the address is the one that the client has asked: with the prefix that a proxy has stripped, and as it is spelled', async t => {
  const { port, tlsPort } = await start(t, { trustedProxies: ['127.0.0.1'] })
  const headers = { host: 'shop.example', 'x-forwarded-proto': 'http', 'x-forwarded-prefix': '/shop' }
  const answered = await send(port, { path: '/user//a%2Db?c=%41', headers })
  assert.equal(answered.headers.location, `https://shop.example:${tlsPort}/shop/user//a%2Db?c=%41`)
})

test('a client that is no trusted proxy cannot say that it uses TLS', async t => {
  const { port, node } = await start(t)
  const headers = { host: 'shop.example', 'x-forwarded-proto': 'https', forwarded: 'proto=https' }
  assert.equal((await send(port, { path: '/user', headers })).status, 308)
  assert.equal(node.requests.length, 0)
})

test('requests over TLS are served, and nodes are told of https', async t => {
  const { tlsPort, node } = await start(t)
  const tls = { ca: authority.pem, servername: 'shop.example' }
  assert.equal((await send(tlsPort, { path: '/user', headers: { host: 'shop.example' }, tls })).status, 200)
  assert.equal(node.requests[0]!.header('x-forwarded-proto'), 'https')
})

test('a gateway that stops redirects until it is gone', async t => {
  const { port, tlsPort, gateway } = await start(t, {}, { shutdownTimeoutMs: 2_000 })
  const client = await openRaw(port)
  const retired = gateway.retire(new AbortController().signal)
  client.socket.write('GET /user HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  assert.match(
    await client.until('\r\n\r\n'),
    new RegExp(`308 .*location: https://shop\\.example:${tlsPort}/user`, 'is'),
  )
  client.socket.destroy()
  await retired
})

test('no port without TLS is opened when it is off', async t => {
  const { gateway, tlsPort, node } = await start(t, { tls: { port: 0, ...server, plain: 'off' } })
  assert.equal(gateway.addresses.plain, undefined)
  const tls = { ca: authority.pem, servername: 'shop.example' }
  assert.equal((await send(tlsPort, { path: '/user', headers: { host: 'shop.example' }, tls })).status, 200)
  assert.equal(node.requests.length, 1)
  await until('it stops', async () => (await gateway.stop()) === 0)
})
