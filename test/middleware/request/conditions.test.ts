import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RoutesPage } from '../../../routes/admin/page-types.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'

const SAY_ROUTE = { set: { 'x-route': '{route.id}' }, onErrors: true }

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** Starts a gateway whose answers say which route they are from. */
async function setUp(
  t: TestContext,
  routes: Readonly<Record<string, object>>,
  more: Pick<GatewaySetUp, 'config' | 'withKey'> = {},
) {
  const node = await startNode(t, (socket, { method }) => {
    socket.write(method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : answer('ok'))
  })
  const gateway = await startTestGateway(t, {
    ...more,
    nodes: { 'user/u1': node.port, 'auto/a1': node.port },
    routes: Object.fromEntries(
      Object.entries(routes).map(([id, document]) => [
        id,
        { service: 'user', auth: 'none', responseHeaders: SAY_ROUTE, ...document },
      ]),
    ),
  })
  const ask = (path: string, { method = 'GET', headers = {} }: Asked = {}): Promise<ClientAnswer> =>
    send(gateway.port, { path, method, headers: headers as Record<string, string> })
  /** Resolves with the route of a request, or with the status when there is none. */
  const routeOf = async (path: string, asked?: Asked): Promise<string | number> => {
    const got = await ask(path, asked)
    const route = got.headers['x-route']
    return route === undefined ? got.status : String(route)
  }
  return { ...gateway, node, ask, routeOf }
}

test('match: falls from /api/login with a failed header to /api/* to /*', async t => {
  const { routeOf, logged, ask } = await setUp(t, {
    login: { path: '/api/login', match: { headers: { 'x-step': '1' } } },
    api: { path: '/api/*', match: { headers: { 'x-api': '1' } } },
    all: { path: '/*', match: { headers: { 'x-all': '1' } } },
  })
  const path = '/api/login'
  assert.equal(await routeOf(path, { headers: { 'x-step': '1', 'x-api': '1', 'x-all': '1' } }), 'login')
  assert.equal(await routeOf(path, { headers: { 'x-step': '2', 'x-api': '1', 'x-all': '1' } }), 'api')
  assert.equal(await routeOf(path, { headers: { 'x-all': '1' } }), 'all')
  assert.equal(await routeOf(path), 404)
  const got = await ask(path)
  assert.deepEqual([got.status, got.json().code], [404, 'WG_NO_ROUTE'])
  assert.doesNotMatch(got.text, /login|conditions/)
  const line = await logged(String(got.headers['x-request-id']))
  assert.equal(line.reason, 'conditions of login, api, all do not hold')
})

test('match: falls to the automatic route, and from a wildcard past it', async t => {
  const { ask, routeOf } = await setUp(t, {
    own: { path: '/auto/*', match: { headers: { 'x-own': '1' } } },
    all: { path: '/*', match: { headers: { 'x-all': '1' } } },
  })
  assert.equal(await routeOf('/auto/x', { headers: { 'x-own': '1' } }), 'own')
  const { status, headers } = await ask('/auto/x', { headers: { 'x-all': '1' } })
  assert.deepEqual([status, headers['x-route']], [200, undefined], 'the automatic route sets no header')
  assert.equal(await routeOf('/other/x', { headers: { 'x-all': '1' } }), 'all')
})

test('match: falls through all documents of a pattern in their order', async t => {
  const { routeOf } = await setUp(t, {
    plain: { path: '/x' },
    one: { path: '/x', match: { headers: { a: '1' } } },
    two: { path: '/x', match: { headers: { a: '1', b: { prefix: '1' } } } },
    exact: { path: '/x', match: { headers: { a: '1', b: '12' } } },
    urgent: { path: '/x', priority: 1, match: { query: { urgent: { present: true } } } },
    late: { path: '/x', priority: -1, match: { headers: { a: '1', b: '12', c: '1' } } },
    below: { path: '/*', match: { headers: { a: '1', b: '12', c: '1', d: '1' } } },
  })
  const headers = { a: '1', b: '12', c: '1', d: '1' }
  assert.equal(await routeOf('/x?urgent', { headers }), 'urgent')
  assert.equal(await routeOf('/x', { headers }), 'exact')
  assert.equal(await routeOf('/x', { headers: { a: '1', b: '13' } }), 'two')
  assert.equal(await routeOf('/x', { headers: { a: '1' } }), 'one')
  assert.equal(await routeOf('/x'), 'plain')
})

test('match: of a list, each member counts for itself', async t => {
  const { routeOf } = await setUp(t, {
    list: { path: '/x', match: [{ headers: { a: '1', b: '1', c: '1' } }, { query: { q: '1' } }] },
    two: { path: '/x', match: { headers: { a: '1', d: '1' } } },
    plain: { path: '/x' },
  })
  assert.equal(await routeOf('/x', { headers: { a: '1', b: '1', c: '1', d: '1' } }), 'list')
  assert.equal(await routeOf('/x?q=1', { headers: { a: '1', d: '1' } }), 'two')
  assert.equal(await routeOf('/x?q=1'), 'list')
  assert.equal(await routeOf('/x'), 'plain')
})

test('match: whenUnmatched refuse never reaches a laxer route', async t => {
  const { routeOf, ask, logged } = await setUp(
    t,
    {
      strict: {
        path: '/api/admin/*',
        match: { clients: ['10.0.0.0/8'] },
        whenUnmatched: 'refuse',
        auth: 'jwt',
      },
      sibling: { path: '/api/admin/*', match: { headers: { 'x-ops': '1' } }, auth: 'jwt' },
      lax: { path: '/api/*' },
      all: { path: '/*' },
    },
    { withKey: true, config: { trustedProxies: ['127.0.0.0/8'] } },
  )
  const inside = { 'x-forwarded-for': '10.1.2.3' }
  const outside = { 'x-forwarded-for': '11.1.2.3' }
  assert.equal(await routeOf('/api/other', { headers: outside }), 'lax')
  assert.equal((await ask('/api/admin/x', { headers: inside })).status, 401)
  const authorization = `Bearer ${token()}`
  assert.equal(await routeOf('/api/admin/x', { headers: { ...inside, authorization } }), 'strict')
  // Another document of the same pattern still gets its requests.
  assert.equal(
    await routeOf('/api/admin/x', { headers: { ...outside, authorization, 'x-ops': '1' } }),
    'sibling',
  )
  for (const path of ['/api/admin', '/api/admin/x', '/api/admin/', '/api/admin/X', '/api//admin/x']) {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const got = await ask(path, { method, headers: outside })
      assert.equal(got.status, 404, `${method} ${path}`)
    }
  }
  const got = await ask('/api/admin/x', { headers: outside })
  const line = await logged(String(got.headers['x-request-id']))
  assert.equal(line.reason, 'conditions of sibling, strict do not hold')
  // What a lenient node could read as the refused place is not forwarded either.
  for (const path of [
    '/api/ADMIN/x',
    '/api/x/..;/admin/x',
    '/api/admin;a=b/x',
    '/api/%61dmin%2fx',
    '/api/admin%09/x',
  ])
    assert.match(String(await routeOf(path, { headers: outside })), /^40[04]$/, path)
})

test('match: a rule of host a changes nothing for host b', async t => {
  const plain = { path: '/x/*', hosts: ['b.example'] }
  const { routeOf } = await setUp(t, {
    a: {
      path: '/x/*',
      hosts: ['a.example'],
      priority: 100,
      match: { headers: { v: '1' } },
      whenUnmatched: 'refuse',
    },
    b: { ...plain, priority: -5 },
    every: { path: '/x/*', match: { headers: { v: '1', w: '1' } } },
    below: { path: '/*' },
  })
  const at = (host: string, headers: Readonly<Record<string, string>> = {}) =>
    routeOf('/x/y', { headers: { host, ...headers } })
  assert.equal(await at('a.example', { v: '1', w: '1' }), 'a')
  assert.equal(await at('a.example'), 404)
  assert.equal(await at('b.example'), 'b')
  assert.equal(await at('b.example', { v: '1' }), 'b')
  // Priority goes before hosts, for every host alike.
  assert.equal(await at('b.example', { v: '1', w: '1' }), 'every')
  assert.equal(await at('c.example', { v: '1' }), 'below')
  assert.equal(await at('c.example', { v: '1', w: '1' }), 'every')
})

test('match: header name in any case, _ is not -', async t => {
  const { routeOf } = await setUp(t, {
    dash: { path: '/x', match: { headers: { 'X-Api-Version': '2' } } },
    score: { path: '/x', match: { headers: { x_other: '2' } } },
    plain: { path: '/x' },
  })
  for (const name of ['x-api-version', 'X-API-VERSION', 'X-Api-Version'])
    assert.equal(await routeOf('/x', { headers: { [name]: '2' } }), 'dash', name)
  for (const name of ['x_api_version', 'x-api_version', 'x-api-versions', 'api-version'])
    assert.equal(await routeOf('/x', { headers: { [name]: '2' } }), 'plain', name)
  assert.equal(await routeOf('/x', { headers: { X_OTHER: '2' } }), 'score')
  assert.equal(await routeOf('/x', { headers: { 'x-other': '2' } }), 'plain')
})

test('match: 405 only where conditions hold', async t => {
  const { ask, logged } = await setUp(t, {
    get: { path: '/x', methods: ['GET'], match: { headers: { v: '1' } } },
    put: { path: '/x', methods: ['PUT'], match: { headers: { v: '2' } } },
    post: { path: '/x', methods: ['POST'] },
    only: { path: '/only', methods: ['GET'], match: { headers: { v: '1' } } },
    shut: { path: '/shut', methods: ['GET'], match: { headers: { v: '1' } }, whenUnmatched: 'refuse' },
  })
  const seen = async (method: string, path: string, headers: Readonly<Record<string, string>> = {}) => {
    const got = await ask(path, { method, headers })
    return got.headers.allow === undefined ? got.status : `${got.status} ${got.headers.allow}`
  }
  assert.equal(await seen('DELETE', '/x', { v: '1' }), '405 GET, HEAD, POST')
  assert.equal(await seen('DELETE', '/x', { v: '2' }), '405 POST, PUT')
  assert.equal(await seen('DELETE', '/x'), '405 POST')
  assert.equal(await seen('GET', '/x', { v: '2' }), 404, 'path and method fit, conditions do not')
  assert.equal(await seen('DELETE', '/only', { v: '1' }), '405 GET, HEAD')
  for (const path of ['/only', '/shut']) {
    assert.equal(await seen('DELETE', path), 404)
    const got = await ask(path)
    assert.equal(got.status, 404)
    const line = await logged(String(got.headers['x-request-id']))
    assert.equal(line.reason, `conditions of ${path.slice(1)} do not hold`)
  }
})

test('match: client condition ignores an untrusted X-Forwarded-For', async t => {
  const routes = {
    inside: { path: '/x', match: { clients: ['10.0.0.0/8', '2001:db8::/32'] } },
    self: { path: '/x', match: { clients: ['127.0.0.1', '::1'] } },
    plain: { path: '/x' },
  }
  const untrusting = await setUp(t, routes)
  assert.equal(await untrusting.routeOf('/x', { headers: { 'x-forwarded-for': '10.1.2.3' } }), 'self')
  assert.equal(await untrusting.routeOf('/x', { headers: { 'x-real-ip': '10.1.2.3' } }), 'self')
  const trusting = await setUp(t, routes, { config: { trustedProxies: ['127.0.0.0/8', '::1'] } })
  const from = (address: string) => trusting.routeOf('/x', { headers: { 'x-forwarded-for': address } })
  assert.equal(await from('10.1.2.3'), 'inside')
  assert.equal(await from('2001:db8::7'), 'inside')
  assert.equal(await from('::ffff:10.1.2.3'), 'inside')
  assert.equal(await from('11.1.2.3'), 'plain')
  assert.equal(await from('10.1.2.3, 11.1.2.3'), 'plain', 'the last address is the one that the proxy saw')
})

test('match: HEAD is found by a GET document with conditions', async t => {
  const { routeOf } = await setUp(t, {
    get: { path: '/x', methods: ['GET'], match: { headers: { v: '1' } } },
    head: { path: '/x', methods: ['HEAD'], match: { headers: { v: '2' } } },
    rest: { path: '/*' },
  })
  assert.equal(await routeOf('/x', { method: 'HEAD', headers: { v: '1' } }), 'get')
  assert.equal(await routeOf('/x', { method: 'HEAD', headers: { v: '2' } }), 'head')
  assert.equal(await routeOf('/x', { method: 'GET', headers: { v: '2' } }), 'rest')
})

test('match: a preflight finds the route of the request that it is for, whose headers and cookies it lacks', async t => {
  const cors = (origin: string) => ({ cors: { origins: [origin] } })
  const { ask, node } = await setUp(t, {
    two: {
      path: '/x',
      match: { headers: { 'x-api-version': '2' }, query: { q: '1' } },
      ...cors('https://two.example'),
    },
    cookie: {
      path: '/y',
      methods: ['PUT'],
      match: { cookies: { beta: '1' } },
      ...cors('https://two.example'),
    },
    rest: { path: '/x', ...cors('https://rest.example') },
  })
  const allowed = async (path: string, method: string, origin: string) => {
    const got = await ask(path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method },
    })
    return got.headers['access-control-allow-origin'] === origin
  }
  assert.equal(await allowed('/x?q=1', 'GET', 'https://two.example'), true)
  assert.equal(await allowed('/x?q=1', 'GET', 'https://rest.example'), false)
  assert.equal(await allowed('/x?q=2', 'GET', 'https://two.example'), false, 'a preflight has the query')
  assert.equal(await allowed('/x?q=2', 'GET', 'https://rest.example'), true)
  assert.equal(await allowed('/y', 'PUT', 'https://two.example'), true)
  assert.equal(
    await allowed('/y', 'DELETE', 'https://two.example'),
    true,
    'it answers which methods there are',
  )
  assert.equal(node.requests.length, 0)
})

test('match: documents appear on /routes with their conditions, and ties are warned of', async t => {
  const { adminPort, registry, gateway } = await setUp(t, {
    a: { path: '/x/:id', match: { headers: { v: '1' } } },
    b: { path: '/x/:name', match: { query: { v: '1' } }, whenUnmatched: 'refuse' },
    c: {
      path: '/x/:id',
      match: [{ headers: { V: '2' } }, { clients: ['10.0.0.0/8'] }],
      hosts: ['c.example'],
    },
    d: { path: '/x/:id', match: { headers: { v: { in: ['3', '4'] } } } },
    e: { path: '/x/:id', match: { headers: { v: '1' } }, priority: 1 },
    f: { path: '/x/:id', match: { headers: { v: '1' } }, methods: ['PUT'] },
    g: { path: '/x/*', match: { headers: { v: '1' } } },
  })
  const page = async () => (await send(adminPort, { path: '/routes' })).json() as unknown as RoutesPage
  const { routes, problems } = await page()
  const shown = (id: string) => {
    const { match, whenUnmatched } = routes.find(route => route.id === id)!
    return { match, whenUnmatched }
  }
  assert.deepEqual(shown('a'), { match: { headers: { v: '1' } }, whenUnmatched: 'next' })
  assert.deepEqual(shown('b'), { match: { query: { v: '1' } }, whenUnmatched: 'refuse' })
  assert.deepEqual(shown('c').match, [{ headers: { V: '2' } }, { clients: ['10.0.0.0/8'] }])
  assert.deepEqual(
    problems.flatMap(({ key, reason }) => [`${key} ${/ ties with \w/.exec(reason)?.[0]}`]),
    ['b  ties with a', 'f  ties with a'],
  )
  registry.putRoute('h', { path: '/h', service: 'user', match: {} })
  await gateway.table.loaded
  const { problems: later } = await page()
  assert.match(later.find(({ key }) => key.endsWith('h'))!.reason, /\$\.match: must/)
})

test('match: a broken document closes the requests that its conditions are for, and no others', async t => {
  const { ask } = await setUp(t, {
    plain: { path: '/x' },
    broken: { path: '/x', match: { headers: { v: '1' } }, timeoutMs: 'soon' },
    below: { path: '/*' },
  })
  const seen = async (path: string, headers = {}) => {
    const got = await ask(path, { headers })
    return got.status === 200 ? got.headers['x-route'] : got.json().code
  }
  assert.equal(await seen('/x', { v: '1' }), 'WG_ROUTE_BROKEN')
  assert.equal(await seen('/x', { v: '2' }), 'plain')
  assert.equal(await seen('/y', { v: '1' }), 'below')
})

test('match: a broken document whose conditions cannot be read closes what no document of its path takes', async t => {
  const broken = { match: { headers: { v: { regex: '(' } } }, priority: 10 }
  const { ask, registry } = await setUp(t, {
    broken1: { path: '/shared', ...broken },
    plain: { path: '/shared' },
    broken2: { path: '/mixed', ...broken },
    some: { path: '/mixed', match: { query: { q: '1' } } },
    broken3: { path: '/alone/*', match: { headers: { v: '1' } }, whenUnmatched: 'nekst' },
    below: { path: '/*' },
  })
  const seen = async (path: string, headers = {}) => {
    const got = await ask(path, { headers })
    return got.status === 200 ? got.headers['x-route'] : got.json().code
  }
  assert.equal(await seen('/shared'), 'plain', 'a mistake takes nothing away from another document')
  assert.equal(await seen('/mixed?q=1'), 'some')
  assert.equal(await seen('/mixed'), 'WG_ROUTE_BROKEN', 'nobody knows whether it was meant')
  assert.equal(await seen('/alone/x', { v: '1' }), 'WG_ROUTE_BROKEN')
  assert.equal(await seen('/alone/x'), 'WG_NO_ROUTE', 'the only other word is refuse')
  assert.equal(await seen('/other'), 'below')
  // The last good document stays, with its conditions.
  registry.putRoute('some', { path: '/mixed', service: 'user', match: { query: { q: { regex: '(' } } } })
  assert.equal(await seen('/mixed?q=1'), 'some')
})
