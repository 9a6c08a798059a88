import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { policyContract } from './policy-contract.ts'
import { defaultsProblem, reasonOf } from './rule-problems.ts'

policyContract('httpsOnly', {
  rule: { port: 8443 },
  bad: { rule: { port: 0 }, path: '$.httpsOnly.port' },
  shows: ({ answer: { status, headers, text } }) =>
    headers.location?.toString().startsWith('https://') === true ||
    (status === 403 && text.includes('WG_HTTPS_REQUIRED')),
  onRefusals: true,
  handshake: 403,
  document: { trustedProxies: ['192.0.2.1'] },
})

async function setUp(t: TestContext, httpsOnly: unknown, more: Partial<GatewaySetUp> = {}) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer())
  })
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', httpsOnly } },
    ...more,
    config: { trustedProxies: ['127.0.0.0/8'], ...more.config },
  })
  const ask = async (headers: Readonly<Record<string, string>>, path = '/a', method = 'GET') => {
    const {
      status,
      headers: got,
      text,
    } = await send(port, {
      ...{ method, path, headers: { host: 'api.example:8080', ...headers } },
      ...(method === 'POST' && { body: 'x' }),
    })
    return got.location ?? (text.includes('WG_HTTPS_REQUIRED') ? 'refused' : status)
  }
  return { port, node, ask }
}

test('httpsOnly: what came over TLS passes, in the words of a trusted proxy', async t => {
  const { ask } = await setUp(t, true)
  assert.equal(await ask({ 'x-forwarded-proto': 'https' }), 200)
  assert.equal(await ask({ 'x-forwarded-proto': 'https' }, '/a', 'POST'), 200)
  assert.equal(await ask({ 'x-forwarded-proto': 'https, http' }), 'https://api.example/a')
  assert.equal(await ask({ forwarded: 'for=1.2.3.4;proto=https' }), 200)
})

test('httpsOnly: a stranger who says https is believed nothing', async t => {
  const { ask } = await setUp(t, true, { config: { trustedProxies: ['192.0.2.1'] } })
  assert.equal(await ask({ 'x-forwarded-proto': 'https' }), 'https://api.example/a')
})

test('httpsOnly: a GET or HEAD is sent to the same target, by the host that the client has asked', async t => {
  const { ask, port, node } = await setUp(t, { port: 8443 })
  const target = '/a//b%2Dc;d?x=%41&&y=/?'
  assert.equal(await ask({}, target), `https://api.example:8443${target}`)
  assert.equal(await ask({}, target, 'HEAD'), `https://api.example:8443${target}`)
  assert.equal(await ask({ 'x-forwarded-host': 'www.example' }), 'https://www.example:8443/a')
  assert.equal(await ask({ 'x-forwarded-prefix': '/shop' }), 'https://api.example:8443/shop/a')
  assert.equal(await ask({ host: '[::1]:80' }), 'https://[::1]:8443/a')
  const absolute = await openRaw(
    port,
    'GET http://api.example/a?b HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n',
  )
  assert.match(
    await absolute.closed,
    /^HTTP\/1\.1 308 [\s\S]*\r\nlocation: https:\/\/api\.example:8443\/a\?b\r\n/,
  )
  assert.equal(node.requests.length, 0)
})

test('httpsOnly: Bearer over plain is refused, not redirected', async t => {
  const { ask, node } = await setUp(t, true, {
    config: { apiKeys: { enabled: true, prefix: '/k/', header: 'X-Key' } },
    document: { jwt: { queryParameter: 'access_token', cookie: 'session' } },
    withKey: true,
  })
  assert.equal(await ask({ authorization: 'Bearer x' }), 'refused')
  assert.equal(await ask({ authorization: 'Basic eDp5' }), 'refused')
  assert.equal(await ask({ 'x-key': 'k' }), 'refused')
  assert.equal(await ask({}, '/a?access_token=t'), 'refused')
  assert.equal(await ask({}, '/a?access%5ftoken=t'), 'refused')
  assert.equal(await ask({ cookie: 'a=1; session=t' }), 'refused')
  assert.equal(await ask({ cookie: 'sessions=t' }), 'https://api.example/a')
  assert.equal(await ask({}, '/a?token=t'), 'https://api.example/a?token=t')
  assert.equal(node.requests.length, 0)
})

test('httpsOnly: a method with effects, and a request without a host, are refused', async t => {
  const { ask, port } = await setUp(t, true)
  for (const method of ['POST', 'DELETE', 'OPTIONS'])
    assert.equal(await ask({}, '/a', method), 'refused', method)
  const old = await openRaw(port, 'GET / HTTP/1.0\r\n\r\n')
  assert.match(await old.closed, /^HTTP\/1\.1 403 /)
})

test('order: a denied address sees no redirect to TLS', async t => {
  const { ask } = await setUp(t, true, {
    routes: { r: { path: '/*', service: 'user', httpsOnly: true, clients: { deny: ['10.6.6.6'] } } },
  })
  assert.equal(await ask({ 'x-forwarded-for': '10.6.6.6' }), 403)
  assert.equal(await ask({ 'x-forwarded-for': '10.1.2.3' }), 'https://api.example/a')
})

test('httpsOnly: comes before credentials are looked at, and a browser can read its refusal', async t => {
  const { port } = await setUp(t, true, {
    withKey: true,
    routes: {
      r: {
        path: '/*',
        service: 'user',
        auth: 'jwt',
        httpsOnly: true,
        cors: { origins: ['https://app.example'] },
      },
    },
  })
  const got = await send(port, { headers: { authorization: 'Bearer x', origin: 'https://app.example' } })
  assert.equal(got.json().code, 'WG_HTTPS_REQUIRED')
  assert.equal(got.headers['access-control-allow-origin'], 'https://app.example')
})

test('httpsOnly: is a problem where nothing can be known to use TLS', () => {
  const problem =
    /^\$\.httpsOnly: would refuse every request, because none can be known to use TLS: configure `tls`/
  assert.match(reasonOf({ httpsOnly: true }, { knowsTls: false })!, problem)
  assert.equal(reasonOf({ httpsOnly: true }, { knowsTls: true }), undefined)
  assert.equal(reasonOf({ httpsOnly: true }), undefined)
  assert.equal(reasonOf({ httpsOnly: false }, { knowsTls: false }), undefined)
  assert.match(
    defaultsProblem({ httpsOnly: true }, { knowsTls: false })!,
    /^\$\.routes\.defaults\.httpsOnly: would refuse/,
  )
  assert.match(
    reasonOf({ httpsOnly: 'yes' })!,
    /^\$\.httpsOnly: must be true, an object such as \{"port": \.\.\.\} or false, not "yes"/,
  )
})
