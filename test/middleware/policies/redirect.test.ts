import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { until } from '../../support/until.ts'
import { policyContract } from './policy-contract.ts'
import { reasonOf } from './rule-problems.ts'

policyContract('redirect', {
  rule: { to: '/elsewhere' },
  bad: { rule: { to: 'elsewhere' }, path: '$.redirect.to' },
  shows: ({ answer: { status, headers } }) => status === 308 && headers.location === '/elsewhere',
  onRefusals: false,
  withoutNode: true,
  handshake: 308,
})

async function setUp(
  t: TestContext,
  redirect: object,
  document: object = {},
  more: Partial<GatewaySetUp> = {},
) {
  const gateway = await startTestGateway(t, {
    withKey: true,
    routes: { r: { path: '/go/*', redirect, ...document } },
    ...more,
  })
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    send(gateway.port, { path, headers, method })
  return {
    ...gateway,
    ask,
    /** Sends a request, and resolves with where it is redirected, or with the status of a refusal. */
    async locationFor(path: string, headers: Readonly<Record<string, string>> = {}) {
      const { headers: got, status } = await ask(path, headers)
      return got.location ?? status
    },
  }
}

test('redirect: //evil.example after /go/ stays on this host', async t => {
  const { locationFor } = await setUp(t, { to: '/{path.*}' }, { allowEncodedSlash: true })
  for (const [path, location] of [
    ['/go//evil.example', '/evil.example'],
    ['/go///evil.example/', '/evil.example/'],
    ['/go/%2f%2fevil.example', '/%2f%2fevil.example'],
    ['/go/https://evil.example', '/https:/evil.example'],
    ['/go/\\evil.example', 400],
    ['/go/%5cevil.example', 400],
    ['/go/%09/evil.example', '/%09/evil.example'],
  ] as const) {
    assert.equal(await locationFor(path), location, path)
  }
})

test('redirect: no value leads to another host', async t => {
  const { locationFor } = await setUp(t, { to: '/{query.next|}{header.x-next|}', keepQuery: false })
  const cases: readonly (readonly [next: string, location: string | number])[] = [
    ['//evil.example', '/%2F%2Fevil.example'],
    ['/evil.example', '/%2Fevil.example'],
    ['\\evil.example', '/%5Cevil.example'],
    ['https://evil.example', '/https%3A%2F%2Fevil.example'],
    ['\r\nX: y', '/%0D%0AX%3A%20y'],
    ['@evil.example', '/%40evil.example'],
    ['.evil.example', '/.evil.example'],
  ]
  for (const [next, location] of cases) {
    assert.equal(await locationFor(`/go/?next=${encodeURIComponent(next)}`), location, next)
  }
  assert.equal(await locationFor('/go/', { 'x-next': '//evil.example' }), '/%2F%2Fevil.example')
  const path = await setUp(t, { to: '{request.path}x' })
  assert.equal(await path.locationFor('/go///evil.example'), '/go/evil.examplex')
})

test('redirect: the query of the client comes last, unless it is not kept', async t => {
  const kept = await setUp(t, { to: '/new/{path.*}?from={path.*}&q=a b#part {query.a|none}' })
  assert.equal(
    await kept.locationFor('/go/a%2Cb?x=1&&y=%zz'),
    '/new/a%2Cb?from=a%252Cb&q=a%20b&x=1&&y=%zz#part%20none',
  )
  assert.equal(await kept.locationFor('/go/a?a=%23'), '/new/a?from=a&q=a%20b&a=%23#part%20%23')
  const plain = await setUp(t, { to: '/new' })
  assert.equal(await plain.locationFor('/go/?'), '/new')
  assert.equal(await plain.locationFor('/go/?a'), '/new?a')
  const dropped = await setUp(t, { to: '/new?b', keepQuery: false })
  assert.equal(await dropped.locationFor('/go/?a'), '/new?b')
})

test('redirect: a token in the query is not passed on', async t => {
  const config = { document: { jwt: { queryParameter: 'access_token' } } }
  const { locationFor } = await setUp(t, { to: 'https://www.example.com/new' }, {}, config)
  for (const [query, kept] of [
    ['?access_token=secret', ''],
    ['?a=1&access%5ftoken=secret&b&access_token', '?a=1&b'],
    ['?access_tokens=1&x=access_token', '?access_tokens=1&x=access_token'],
  ] as const) {
    assert.equal(await locationFor(`/go/${query}`), `https://www.example.com/new${kept}`, query)
  }
})

test('redirect: a URL has a host that is written out, or the one that the client asks, of those listed', async t => {
  const fixed = await setUp(t, { to: 'https://www.example.com:8443?a' })
  assert.equal(await fixed.locationFor('/go/x?b'), 'https://www.example.com:8443/?a&b')
  const moved = await setUp(t, { to: 'http://www.example.com{request.path}' })
  assert.equal(await moved.locationFor('/go/x'), 'http://www.example.com/go/x')
  const asked = await setUp(t, { to: 'https://{request.host}{request.path}' }, { hosts: ['*.example.com'] })
  assert.equal(await asked.locationFor('/go/x?b', { host: 'A.example.com' }), 'https://A.example.com/go/x?b')
  assert.equal(await asked.locationFor('/go/x?b', { host: 'evil.example' }), 404)
})

test('redirect: statuses, and how long they are remembered', async t => {
  for (const [rule, status, cached] of [
    [{}, 308, 'max-age=3600'],
    [{ status: 301 }, 301, 'max-age=3600'],
    [{ status: 302 }, 302, undefined],
    [{ status: 307, cacheSeconds: 60 }, 307, 'max-age=60'],
    [{ cacheSeconds: 0 }, 308, 'max-age=0'],
    [{ to: '/{cookie.lang|en}' }, 308, 'private, max-age=3600'],
  ] as const) {
    const { ask } = await setUp(t, { to: '/x', ...rule })
    const { headers, status: got, text } = await ask('/go/', {}, 'POST')
    assert.deepEqual([got, headers['cache-control'], text], [status, cached, ''])
  }
})

test('redirect: a shared cache does not keep what only some clients of a URL get', async t => {
  const asked = '/go/x?v=2'
  for (const [document, cached] of [
    [{ match: { cookies: { beta: '1' } } }, 'private, max-age=3600'],
    [{ match: { headers: { 'x-beta': '1' } } }, 'private, max-age=3600'],
    [{ match: [{ query: { v: '1' } }, { clients: ['127.0.0.1'] }] }, 'private, max-age=3600'],
    [{ clients: { allow: ['127.0.0.1'] } }, 'private, max-age=3600'],
    [{ match: { query: { v: '2' } } }, 'max-age=3600'],
  ] as const) {
    const { ask } = await setUp(t, { to: '/x' }, document)
    const { headers } = await ask(asked, { cookie: 'beta=1', 'x-beta': '1' })
    assert.equal(headers['cache-control'], cached, JSON.stringify(document))
  }
})

test('redirect: a shared cache does not keep what other clients of a URL get in place of a document with conditions', async t => {
  for (const [path, match, cached] of [
    ['/go/*', { cookies: { beta: '1' } }, 'private, max-age=3600'],
    ['/go/:id', { headers: { 'x-beta': '1' } }, 'private, max-age=3600'],
    ['/go/*', { clients: ['10.0.0.0/8'] }, 'private, max-age=3600'],
    ['/go/*', { query: { v: '1' } }, 'max-age=3600'],
    ['/other/*', { cookies: { beta: '1' } }, 'max-age=3600'],
  ] as const) {
    const rule = { to: '/x' }
    const routes = { r: { path: '/go/*', redirect: rule }, other: { path, match, redirect: { to: '/y' } } }
    const { ask } = await setUp(t, rule, {}, { routes })
    const { headers } = await ask('/go/a?v=2')
    assert.deepEqual([headers.location, headers['cache-control']], ['/x?v=2', cached], JSON.stringify(match))
  }
})

test('redirect: is open without auth, and asks for it first with auth', async t => {
  const open = await setUp(t, { to: '/x' })
  assert.equal(await open.locationFor('/go/'), '/x')
  const closed = await setUp(t, { to: '/u/{identity.subject|me}' }, { auth: 'jwt' })
  assert.equal(await closed.locationFor('/go/'), 401)
  const { headers } = await closed.ask('/go/', { authorization: `Bearer ${token({ sub: 'a/b' })}` })
  assert.deepEqual([headers.location, headers['cache-control']], ['/u/a%2Fb', 'private, max-age=3600'])
})

test('order: a denied address sees no redirect', async t => {
  const { locationFor } = await setUp(
    t,
    { to: '/x' },
    { clients: { deny: ['10.6.6.6'] } },
    { config: { trustedProxies: ['127.0.0.0/8'] } },
  )
  assert.equal(await locationFor('/go/', { 'x-forwarded-for': '10.6.6.6' }), 403)
  assert.equal(await locationFor('/go/', { 'x-forwarded-for': '10.1.2.3' }), '/x')
})

test('clients: preflight and redirect are covered', async t => {
  const cors = { origins: ['https://app.example'] }
  const { ask, locationFor } = await setUp(
    t,
    { to: '/x' },
    { clients: { allow: ['10.0.0.0/8'] }, cors },
    { config: { trustedProxies: ['127.0.0.0/8'] } },
  )
  const preflight = (address: string) =>
    ask(
      '/go/',
      {
        ...{ 'x-forwarded-for': address, origin: 'https://app.example' },
        'access-control-request-method': 'GET',
      },
      'OPTIONS',
    )
  assert.equal((await preflight('10.1.2.3')).status, 204)
  assert.equal((await preflight('11.0.0.1')).status, 403)
  assert.equal(await locationFor('/go/', { 'x-forwarded-for': '11.0.0.1' }), 403)
  assert.equal(await locationFor('/go/', { 'x-forwarded-for': '10.1.2.3' }), '/x')
})

test('redirect: a result that is too long is 400', async t => {
  const { locationFor } = await setUp(t, { to: '/{query.a|}' })
  assert.equal(
    await locationFor(`/go/?a=${'a'.repeat(4_000)}`),
    `/${'a'.repeat(4_000)}?a=${'a'.repeat(4_000)}`,
  )
  assert.equal(await locationFor(`/go/?a=${'a'.repeat(4_100)}`), 400)
})

test('redirect: a request without Host has none to be sent to', async t => {
  const { port } = await setUp(t, { to: 'https://{request.host}/' }, { hosts: ['a.example'] })
  const client = await openRaw(port, 'GET /go/ HTTP/1.0\r\nHost: a.example\r\n\r\n')
  assert.match(await client.closed, /\r\nlocation: https:\/\/a\.example\/\r\n/)
  const without = await openRaw(port, 'GET /go/ HTTP/1.0\r\n\r\n')
  assert.match(await without.closed, /^HTTP\/1\.1 404 /)
})

test('redirect: comes and goes, and leaves automatic routes alone', async t => {
  const { locationFor, registry, log } = await setUp(t, { to: '/x' })
  registry.putRoute('r', { path: '/go/*', redirect: { to: '/y' } })
  await until('the new place', async () => (await locationFor('/go/')) === '/y')
  registry.deleteRoute('r')
  await until('no redirect', async () => (await locationFor('/go/')) === 404)
  assert.deepEqual(
    log.filter(({ msg }) => String(msg).includes('automatic')),
    [],
  )
})

const refused: [document: object, reason: string][] = [
  [{ redirect: {} }, '$.redirect.to: is missing'],
  [{ redirect: { to: '//evil.example' } }, '$.redirect.to: must not contain dot segments'],
  [{ redirect: { to: '/\\evil.example' } }, '$.redirect.to: must not contain dot segments, backslashes'],
  [{ redirect: { to: '{path.id}' } }, '$.redirect.to: must be a path that begins with "/"'],
  [{ redirect: { to: 'ftp://a/' } }, '$.redirect.to: must be a path that begins with "/", or a URL'],
  [
    { redirect: { to: 'javascript:alert(1)' } },
    '$.redirect.to: must be a path that begins with "/", or a URL',
  ],
  [{ redirect: { to: 'https://{query.host|a}/' } }, '$.redirect.to: must have a host that is written out'],
  [{ redirect: { to: 'https://a{query.b|}.evil/' } }, '$.redirect.to: must begin with "/"'],
  [{ redirect: { to: 'https://{request.host}.evil/' }, hosts: ['a'] }, '$.redirect.to: must begin with "/"'],
  [{ redirect: { to: 'https://a@b/' } }, '$.redirect.to: must have a host that is written out'],
  [
    { redirect: { to: 'https://x{request.host}/' }, hosts: ['a'] },
    '$.redirect.to: has {request.host}, which a request may lack',
  ],
  [
    { redirect: { to: 'https://{request.host}/' } },
    '$.redirect.to: has the host {request.host}, which is any host',
  ],
  [{ redirect: { to: '/{query.a}' } }, '$.redirect.to: has {query.a}, which a request may lack'],
  [{ redirect: { to: '/?a={cookie.a}' } }, '$.redirect.to: has {cookie.a}, which a request may lack'],
  [{ redirect: { to: '/{service}' } }, '$.redirect.to: has {service}, which the document does not have'],
  [{ redirect: { to: '/', status: 304 } }, '$.redirect.status: must be 301, 302, 303, 307 or 308, not 304'],
  [{ redirect: { to: '/' }, service: 's' }, '$.redirect: must not be beside service'],
  [{ redirect: { to: '/' }, respond: {} }, '$.respond: must not be beside redirect'],
  [{ redirect: { to: '/' }, retries: 1 }, '$.retries: means nothing in a route with redirect'],
  [{ redirect: { to: '/' }, rewrite: { path: '/' } }, '$.rewrite: means nothing in a route with redirect'],
  [
    { redirect: { to: '/' }, concurrency: { limit: 1 } },
    '$.concurrency: means nothing in a route with redirect, which reaches no node',
  ],
  [{ respond: {}, concurrency: { limit: 1 } }, '$.concurrency: means nothing in a route with respond'],
  [
    { respond: {}, responseHeaders: { remove: ['x-a'] } },
    '$.responseHeaders: means nothing in a route with respond, which reaches no node, unless onErrors is true',
  ],
  [{ respond: {}, mock: {} }, '$.mock: means nothing in a route with respond'],
]
for (const [document, reason] of refused) {
  test(`refused: ${JSON.stringify(document)}`, () => {
    const found = reasonOf({ path: '/a/:id', service: undefined, ...document }) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}

test('redirect: responseHeaders with onErrors has a meaning beside it', async t => {
  const headers = { responseHeaders: { set: { 'x-a': '1' }, onErrors: true } }
  const { ask } = await setUp(t, { to: '/x' }, { auth: 'none', ...headers })
  const { status, headers: got } = await ask('/go/')
  assert.deepEqual([status, got['x-a']], [308, '1'])
})

test('redirect: is not for routes.defaults', async t => {
  assert.match(
    reasonOf({ service: undefined }) ?? '',
    /^\$\.service: is missing; a document without it has redirect or respond/,
  )
  const document = { routes: { defaults: { redirect: { to: '/x' } } } }
  await assert.rejects(
    startTestGateway(t, { document }),
    /\$\.routes\.defaults\.redirect: is not a known field/,
  )
})

test('redirect: dot segments from a variable are 400', async t => {
  const { locationFor } = await setUp(t, { to: '/x/{query.next|none}', keepQuery: false })
  assert.equal(await locationFor('/go/?next=a'), '/x/a')
  for (const next of ['..', '.', '%2e%2e']) assert.equal(await locationFor(`/go/?next=${next}`), 400, next)
})
