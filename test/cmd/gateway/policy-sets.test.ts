import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, putPolicySet, startTestGateway, token } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const OPEN = { service: 'user', auth: 'none' }
const header = (value: string) => ({ responseHeaders: { set: { 'x-set': value } } })

/** A gateway with a node of the service `user`. */
async function setUp(t: TestContext, options: GatewaySetUp) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok'))
  })
  const gateway = await startTestGateway(t, { nodes: { 'user/u1': node.port }, ...options })
  const get = (path: string, headers: Record<string, string> = {}) => send(gateway.port, { path, headers })
  const page = async () => (await send(gateway.adminPort, { path: '/routes' })).json()
  return {
    ...gateway,
    get,
    page,
    header: async (path: string) => (await get(path)).headers['x-set'],
    put: (name: string, document: unknown) => putPolicySet(gateway.registry, name, document),
    problems: async () =>
      ((await page()).problems as { key: string; reason: string }[]).map(
        ({ key, reason }) => `${key}: ${reason}`,
      ),
  }
}

const becomes = (what: string, isSo: () => Promise<boolean>) =>
  until(what, async () => (await isSo()) || undefined)

test('a route takes what it does not say itself from the first of its sets that says it', async t => {
  const { header: at, page } = await setUp(t, {
    policySets: {
      a: { ...header('a'), timeoutMs: 1_111 },
      b: { ...header('b'), timeoutMs: 2_222, retries: 3 },
    },
    routes: {
      both: { ...OPEN, path: '/both', policies: ['a', 'b'] },
      own: { ...OPEN, path: '/own', policies: ['b', 'a'], ...header('own'), timeoutMs: 3_333 },
      none: { ...OPEN, path: '/none', policies: ['a'], responseHeaders: false },
    },
  })
  assert.deepEqual([await at('/both'), await at('/own'), await at('/none')], ['a', 'own', undefined])
  const routes = (await page()).routes as Record<string, unknown>[]
  const shown = (id: string) => {
    const { timeoutMs, retries, policies } = routes.find(route => route.id === id)!
    return [timeoutMs, retries, policies]
  }
  assert.deepEqual(shown('both'), [1_111, 3, ['a', 'b']])
  assert.deepEqual(shown('own'), [3_333, 3, ['b', 'a']])
})

test('rules that add up are in force on all levels, unless the document takes none of them', async t => {
  const deny = (...ranges: string[]) => ({ clients: { deny: ranges } })
  const { get } = await setUp(t, {
    policySets: { office: deny('127.0.0.2') },
    document: { routes: { defaults: deny('127.0.0.1') } },
    routes: {
      all: { ...OPEN, path: '/all', policies: ['office'], ...deny('127.0.0.3') },
      none: { ...OPEN, path: '/none', policies: ['office'], clients: false },
    },
  })
  assert.equal((await get('/all')).status, 403)
  assert.equal((await get('/none')).status, 200)
})

test('a set in etcd takes precedence over one of the same name in the configuration', async t => {
  const { header: at, put } = await setUp(t, {
    document: { routes: { policies: { a: header('configuration') } } },
    routes: { r: { ...OPEN, path: '/r', policies: ['a'] } },
  })
  assert.equal(await at('/r'), 'configuration')
  put('a', header('etcd'))
  await becomes('the set in etcd is used', async () => (await at('/r')) === 'etcd')
})

test('a change that does not fit one of the routes of a set changes none of them', async t => {
  const {
    header: at,
    put,
    problems,
  } = await setUp(t, {
    policySets: { a: header('1') },
    routes: {
      fits: { ...OPEN, path: '/fits/:id', policies: ['a'] },
      not: { ...OPEN, path: '/not', policies: ['a'] },
    },
  })
  put('a', header('{path.id}'))
  await becomes('the problem is listed', async () => (await problems()).length > 0)
  assert.deepEqual(await problems(), [
    '/waygate/policies/a: does not fit route not, so its last version stays in force: $.responseHeaders.set["x-set"]: has {path.id}, which the path does not have',
  ])
  assert.deepEqual([await at('/fits/7'), await at('/not')], ['1', '1'])
  put('a', header('3'))
  await becomes('a good change is used', async () => (await at('/not')) === '3')
  assert.deepEqual(await problems(), [])
})

test('a set that is refused keeps its last good version, and says why', async t => {
  const {
    header: at,
    put,
    problems,
  } = await setUp(t, {
    policySets: { a: header('1') },
    routes: { r: { ...OPEN, path: '/r', policies: ['a'] } },
  })
  put('a', { ...header('2'), path: '/x' })
  await becomes('the problem is listed', async () => (await problems()).length > 0)
  assert.deepEqual(await problems(), [
    '/waygate/policies/a: $.path: is not for policy sets: write it in the documents',
  ])
  assert.equal(await at('/r'), '1')
})

test('a set that is deleted while routes name it stays in force, with a problem', async t => {
  const {
    header: at,
    problems,
    registry,
  } = await setUp(t, {
    policySets: { a: header('1') },
    routes: { r: { ...OPEN, path: '/r', policies: ['a'] } },
  })
  registry.deleteEntry('policies', '/waygate/policies/a')
  await becomes('the problem is listed', async () => (await problems()).length > 0)
  assert.match((await problems())[0]!, /^policies\/a: policy set was deleted, and routes still name it/)
  assert.equal(await at('/r'), '1')
  registry.putRoute('r', { ...OPEN, path: '/r' })
  await becomes('the route has no set', async () => (await at('/r')) === undefined)
  assert.deepEqual(await problems(), [])
})

test('a route whose set was never there is closed, and opens when the set comes', async t => {
  const {
    get,
    header: at,
    put,
    problems,
  } = await setUp(t, {
    routes: {
      strict: { ...OPEN, path: '/a/strict', policies: ['a'] },
      lax: { ...OPEN, path: '/*' },
    },
  })
  const refused = await get('/a/strict')
  assert.deepEqual([refused.status, refused.json().code], [503, 'WG_ROUTE_BROKEN'])
  assert.deepEqual(await problems(), ['strict: $.policies: there is no policy set "a"'])
  assert.equal((await get('/a/other')).status, 200)
  put('a', header('1'))
  await becomes('the route opens', async () => (await at('/a/strict')) === '1')
})

test('a problem with a set ends with the only route that named it', async t => {
  const { registry, problems } = await setUp(t, {
    routes: { r: { ...OPEN, path: '/r', policies: ['gone'] } },
  })
  assert.deepEqual(await problems(), ['r: $.policies: there is no policy set "gone"'])
  registry.deleteRoute('r')
  await becomes('its problem is gone', async () => !(await problems()).some(text => text.startsWith('r: ')))
})

test('a set may say who has access', async t => {
  const { get, put } = await setUp(t, {
    withKey: true,
    policySets: { a: { auth: { jwt: { scopes: ['read'] } } } },
    routes: { r: { path: '/r', service: 'user', policies: ['a'] } },
  })
  const authorization = `Bearer ${token()}`
  assert.equal((await get('/r', { authorization })).status, 403)
  put('a', { auth: 'none' })
  await becomes('the route is open', async () => (await get('/r')).status === 200)
})

test('without a key for tokens, a route that takes `auth: jwt` from a set is closed', async t => {
  const { get, problems } = await setUp(t, {
    policySets: { a: { auth: 'jwt' } },
    routes: { r: { path: '/r', service: 'user', policies: ['a'] } },
  })
  assert.equal((await get('/r')).status, 503)
  assert.match((await problems())[0]!, /^r: \$\.auth: requires a token, but no key for tokens is configured/)
})

test('a disabled document takes no requests, is checked and listed, and its service gets no automatic route', async t => {
  const { get, page, registry, problems } = await setUp(t, {
    routes: { r: { ...OPEN, path: '/r', enabled: false, description: 'for later' } },
  })
  assert.deepEqual([(await get('/r')).status, (await get('/user/x')).status], [404, 404])
  const [route] = (await page()).routes as Record<string, unknown>[]
  assert.deepEqual([route!.id, route!.enabled, route!.description], ['r', false, 'for later'])
  registry.putRoute('r', { ...OPEN, path: '/r', enabled: false, timeoutMs: 'soon' })
  await becomes('the problem is listed', async () => (await problems()).length > 0)
  registry.putRoute('r', { ...OPEN, path: '/r' })
  await becomes('the route is enabled', async () => (await get('/r')).status === 200)
})
