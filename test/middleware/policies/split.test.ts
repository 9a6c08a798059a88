import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'
import { Call } from '../../../internal/call.ts'
import type { Exchange } from '../../../internal/policy.ts'
import { createSplit, type SplitRule } from '../../../middleware/policies/split.ts'
import { VariantCookie } from '../../../middleware/policies/variant-cookie.ts'
import { compileShares, positionOf } from '../../../middleware/policies/variant-shares.ts'
import { type GatewaySetUp, SECRET, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { seededRandom } from '../../support/random.ts'
import { testRoute } from '../../support/route.ts'
import { until } from '../../support/until.ts'
import { handshake, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'

policyContract('split', {
  rule: { variants: [{ name: 'canary', percent: 100 }], header: true },
  bad: { rule: { variants: [{ name: 'stable' }] }, path: '$.split.variants[0].name' },
  shows: ({ answer, atNode }) => atNode !== undefined && answer.headers['x-waygate-variant'] === 'canary',
  onRefusals: false,
  handshake: 101,
})

const CANARY = { name: 'canary', nodes: { version: '2' } }

/** Starts a gateway with nodes a and b of version 1, and c of version 2, which answer with their ids. */
async function setUp(
  t: TestContext,
  split: object,
  more: Partial<GatewaySetUp> & { readonly document?: object } = {},
) {
  const nodeLines: string[] = []
  const startEcho = (id: string) =>
    startNode(t, async (socket, request) => {
      await request.whole.catch(() => {})
      if (request.target === '/held') return
      if (request.target === '/resets') socket.destroy()
      else socket.write(answer(id, nodeLines))
    })
  const nodes = {
    a: await startEcho('a'),
    b: await startEcho('b'),
    c: await startEcho('c'),
    o: await startEcho('o'),
  }
  const gateway = await startTestGateway(t, {
    ...more,
    nodes: {
      'user/a': { port: nodes.a.port, metadata: { version: '1' } },
      'user/b': { port: nodes.b.port, metadata: { version: '1' } },
      'user/c': { port: nodes.c.port, metadata: { version: '2' } },
      'other/o': nodes.o.port,
      ...more.nodes,
    },
    routes: { r: documentWith(split), ...more.routes },
    document: { routes: { stickyCookie: { secret: SECRET } }, ...more.document },
  })
  const ask = (headers: Readonly<Record<string, string>> = {}, path = '/') =>
    send(gateway.port, { path, headers })
  const put = async (split: object) => {
    const before = gateway.gateway.table.routeTable()
    gateway.registry.putRoute('r', documentWith(split))
    await until('another table', () => gateway.gateway.table.routeTable() !== before)
  }
  /** Asks once for each value of x-user, and returns the ids of the nodes that answered by value. */
  const askAs = async (users: readonly string[]) => {
    const ids = new Map<string, string>()
    for (const user of users) ids.set(user, (await ask({ 'x-user': user })).text)
    return ids
  }
  const metric = async (name: string) => {
    const { text } = await send(gateway.adminPort, { path: '/metrics' })
    return text.split('\n').filter(line => line.startsWith(`${name}{`))
  }
  const problems = async () =>
    (await send(gateway.adminPort, { path: '/routes' })).json().problems as { key: string; reason: string }[]
  const logOf = (got: { headers: Readonly<Record<string, unknown>> }) =>
    gateway.logged(String(got.headers['x-request-id']))
  return { ...gateway, nodes, nodeLines, ask, askAs, put, metric, problems, logOf }
}

const documentWith = (split: object) => ({ path: '/*', service: 'user', auth: 'none', split })
const usersFrom = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`)
const STICKY = { sticky: { header: 'x-user' } }

/** Returns the name and value of the cookie that an answer sets; undefined when it sets none. */
function cookieOf(got: { headers: Readonly<Record<string, unknown>> }): string | undefined {
  const [cookie] = (got.headers['set-cookie'] as string[] | undefined) ?? []
  return cookie?.split(';', 1)[0]
}

test('split: of two variants, raising either moves keys only into it', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => positionOf('r', `key-${i}`))
  const dealt = (...percents: number[]) => keys.map(compileShares(percents))
  const before = dealt(5, 20)
  for (const [after, raised] of [
    [dealt(10, 20), 0],
    [dealt(5.01, 20), 0],
    [dealt(80, 20), 0],
    [dealt(5, 45), 1],
    [dealt(5, 95), 1],
  ] as const) {
    const moved = after.flatMap((to, i) => (to === before[i] ? [] : [[before[i], to]]))
    assert.ok(moved.length > 0)
    for (const [from, to] of moved) assert.deepEqual([from, to], [-1, raised])
  }
  // A cut is a raise that is taken back.
  const cut = dealt(0, 20)
  for (const [i, to] of cut.entries()) assert.equal(to, before[i] === 0 ? -1 : before[i])
})

test('split: shares are exact at their ends, with many variants as well', () => {
  assert.deepEqual([0, 0.5, 0.999_999].map(compileShares([100])), [0, 0, 0])
  assert.deepEqual([0, 0.5, 0.999_999].map(compileShares([0])), [-1, -1, -1])
  const shares = compileShares([0.01, 33.33, 33.33, 33.33])
  assert.deepEqual(
    [0, 0.000_09, 0.000_11, 0.3333, 0.333_45, 0.6666, 0.666_75, 0.999].map(shares),
    [0, 0, 2, 2, 3, 3, 1, 1],
  )
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[shares((i + 0.5) / 10_000)]!++
  assert.deepEqual(counts, [1, 3333, 3333, 3333])
})

function exchangeOf(route = testRoute(), headers: readonly string[] = []): Exchange {
  const call = new Call('id', 'GET', '/', 0)
  call.route = route
  return {
    call,
    head: { headers: [...headers] },
    outgoing: { service: route.service, nodes: route.nodes, rpc: undefined },
  } as unknown as Exchange
}

test('split: share within 0.3 points over 100,000 requests on 3 tables', () => {
  for (const percent of [5, 0.5, 50]) {
    const tables = [1, 2, 3].map(seed =>
      createSplit(
        { variants: [{ ...CANARY, percent }] },
        { hasUsableNode: () => true, diverted: () => {}, random: seededRandom(seed) },
      ),
    )
    let canary = 0
    for (let i = 0; i < 100_000; i++) {
      const exchange = exchangeOf()
      tables[i % 3]!.onAuthorized!(exchange)
      if (exchange.call.variant === 'canary') canary++
    }
    assert.ok(Math.abs(canary / 1_000 - percent) < 0.3, `${canary / 1_000} percent instead of ${percent}`)
  }
})

test('split: 5 percent of 20,000 clients get the canary, within 0.5 points, the same ones in every gateway', async t => {
  const split: SplitRule = { variants: [{ ...CANARY, percent: 5 }], ...STICKY }
  const policy = createSplit(split, { hasUsableNode: () => true, diverted: () => {} })
  const route = testRoute({ id: 'r' })
  const isCanary = (user: string) => {
    const exchange = exchangeOf(route, ['x-user', user])
    policy.onAuthorized!(exchange)
    return exchange.call.variant === 'canary'
  }
  const canary = usersFrom(20_000).filter(isCanary)
  assert.ok(Math.abs(canary.length / 200 - 5) < 0.5, `${canary.length / 200} percent`)
  const users = [...usersFrom(20), ...canary.slice(0, 20)]
  for (const { askAs } of [await setUp(t, split), await setUp(t, split)]) {
    for (const [user, id] of await askAs(users)) assert.equal(id === 'c', isCanary(user), user)
  }
})

test('split: a client stays with its variant while the share of another one changes', async t => {
  const beta = { name: 'beta', service: 'other' }
  const { askAs, put } = await setUp(t, {
    variants: [
      { ...CANARY, percent: 20 },
      { ...beta, percent: 20 },
    ],
    ...STICKY,
  })
  const before = await askAs(usersFrom(100))
  const of = (ids: ReadonlyMap<string, string>, id: string) =>
    [...ids].flatMap(([user, by]) => (by === id ? user : []))
  assert.ok(of(before, 'c').length > 5 && of(before, 'o').length > 5)
  await put({
    variants: [
      { ...CANARY, percent: 20 },
      { ...beta, percent: 60 },
    ],
    ...STICKY,
  })
  const after = await askAs(usersFrom(100))
  assert.deepEqual(of(after, 'c'), of(before, 'c'))
  assert.ok(of(before, 'o').every(user => after.get(user) === 'o'))
  assert.ok(of(after, 'o').length > of(before, 'o').length)
})

test('split: 0 percent sends everyone back to stable at once', async t => {
  const { askAs, put, ask } = await setUp(t, { variants: [{ ...CANARY, percent: 100 }], ...STICKY })
  assert.deepEqual([...new Set((await askAs(usersFrom(20))).values())], ['c'])
  await put({ variants: [{ ...CANARY, percent: 0 }], ...STICKY })
  const ids = new Set((await askAs(usersFrom(20))).values())
  assert.equal(ids.has('c'), false)
  // A request without the key is dealt by itself.
  assert.notEqual((await ask()).text, 'c')
})

test('split: a request without the key is dealt at random, and keys depend on the salt', () => {
  const rule: SplitRule = { variants: [{ ...CANARY, percent: 50 }], ...STICKY }
  const tools = { hasUsableNode: () => true, diverted: () => {} }
  const variantOf = (policy: ReturnType<typeof createSplit>, exchange: Exchange) => {
    policy.onAuthorized!(exchange)
    return exchange.call.variant
  }
  for (const [position, variant] of [
    [0.49, 'canary'],
    [0.5, 'stable'],
  ] as const) {
    const policy = createSplit(rule, { ...tools, random: () => position })
    assert.equal(variantOf(policy, exchangeOf()), variant)
    assert.equal(variantOf(policy, exchangeOf(testRoute(), ['x-user', ''])), variant)
  }
  const dealt = (id: string, salt?: string) => {
    const policy = createSplit({ ...rule, salt }, tools)
    return usersFrom(40).map(user => variantOf(policy, exchangeOf(testRoute({ id }), ['X-User', user])))
  }
  assert.notDeepEqual(dealt('one'), dealt('two'))
  assert.deepEqual(dealt('one', 'beta'), dealt('two', 'beta'))
})

test("split: stable leaves out the canary's nodes", async t => {
  const { ask, nodes, put, askAs } = await setUp(t, { variants: [{ ...CANARY, percent: 0 }] })
  for (let i = 0; i < 6; i++) await ask()
  assert.deepEqual([nodes.a.requests.length, nodes.b.requests.length, nodes.c.requests.length], [3, 3, 0])
  // The nodes of another service are no nodes of stable.
  await put({ variants: [{ name: 'other', service: 'other', nodes: { version: '1' }, percent: 0 }] })
  const ids = await askAs(usersFrom(6))
  assert.deepEqual([...ids.values()].sort(), ['a', 'a', 'b', 'b', 'c', 'c'])
})

test('split: the nodes that the document selects are those of stable, and of variants without nodes', async t => {
  const { ask, registry, put } = await setUp(t, { variants: [] })
  const document = (split: object) => ({ ...documentWith(split), nodes: { version: '1' } })
  registry.putRoute(
    'r',
    document({
      variants: [
        { name: 'named', percent: 50 },
        { ...CANARY, percent: 0 },
      ],
      header: true,
    }),
  )
  await until('both names', async () => (await ask()).headers['x-waygate-variant'] === 'named')
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++) {
    const got = await ask()
    seen.add(`${got.headers['x-waygate-variant']} ${got.text}`)
  }
  assert.deepEqual([...seen].sort(), ['named a', 'named b', 'stable a', 'stable b'])
  await put({ variants: [{ name: 'other', service: 'other', percent: 100 }] })
  assert.equal((await ask()).text, 'o')
})

test('split: a node with traffic selected gets nothing from the automatic route', async t => {
  const { ask, registry, nodes, port } = await setUp(t, {
    variants: [{ name: 'canary', service: 'auto', nodes: { version: '2' }, percent: 100 }],
  })
  const node = { service: 'auto', host: '127.0.0.1' }
  await registry.register({ ...node, id: 'a', port: nodes.a.port })
  await registry.register({
    ...node,
    id: 'c',
    port: nodes.c.port,
    metadata: { version: '2', traffic: 'selected' },
  })
  await until('the canary', async () => (await ask()).text === 'c')
  for (let i = 0; i < 6; i++) assert.equal((await send(port, { path: '/auto/x' })).text, 'a')
  await registry.unregister('auto', 'a')
  await until('no other node', async () => (await send(port, { path: '/auto/x' })).status === 503)
  assert.equal((await ask()).text, 'c')
})

const BY_COOKIE = { sticky: 'cookie' }

test('split: percent 0 sends cookie holders home, drain keeps them', async t => {
  const { ask, put } = await setUp(t, { variants: [{ ...CANARY, percent: 100 }], ...BY_COOKIE })
  const first = await ask()
  const cookie = cookieOf(first)!
  assert.equal(first.text, 'c')
  assert.match(
    (first.headers['set-cookie'] as string[])[0]!,
    /^waygate-v-[0-9a-f]{8}=[\w-]{11}\.canary\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
  )
  await put({ variants: [{ ...CANARY, percent: 0, drain: true }], ...BY_COOKIE })
  for (let i = 0; i < 4; i++) {
    const got = await ask({ cookie })
    assert.deepEqual([got.text, cookieOf(got)], ['c', undefined])
    assert.notEqual((await ask()).text, 'c', 'nobody new comes')
  }
  await put({ variants: [{ ...CANARY, percent: 0 }], ...BY_COOKIE })
  const home = await ask({ cookie })
  assert.notEqual(home.text, 'c')
  assert.match(cookieOf(home)!, /\.stable\./)
  // A client that went home stays there.
  await put({ variants: [{ ...CANARY, percent: 0, drain: true }], ...BY_COOKIE })
  const again = await ask({ cookie: cookieOf(home)! })
  assert.notEqual(again.text, 'c')
  assert.equal(cookieOf(again), undefined)
})

test('split: a forged cookie is worth nothing', async t => {
  const { ask, put } = await setUp(t, { variants: [{ ...CANARY, percent: 0, drain: true }], ...BY_COOKIE })
  const own = cookieOf(await ask())!
  const [name, value = ''] = own.split('=')
  const [key = '', , seal = ''] = value.split('.')
  const foreign = new VariantCookie(createSecretKey('another secret that is long enough', 'utf8'), 'r')
  const otherRoute = new VariantCookie(createSecretKey(SECRET, 'utf8'), 'r2')
  const cookieValue = (line: string) => line.split(';', 1)[0]!.split('=')[1]!
  for (const forged of [
    `${key}.canary.${seal}`,
    `${key}.canary.${'A'.repeat(43)}`,
    `${key}.canary.`,
    'canary',
    '',
    cookieValue(foreign.write({ key, variant: 'canary' }, false)),
    cookieValue(otherRoute.write({ key, variant: 'canary' }, false)),
  ]) {
    const got = await ask({ cookie: `${name}=${forged}` })
    assert.notEqual(got.text, 'c', forged)
    const given = cookieOf(got)
    assert.ok(given !== undefined && !given.includes(key), 'the client gets a key of our own')
  }
  // The same with the right key counts, so the others were refused for what they are.
  const ours = new VariantCookie(createSecretKey(SECRET, 'utf8'), 'r')
  const got = await ask({ cookie: ours.write({ key, variant: 'canary' }, false).split(';', 1)[0]! })
  assert.equal(got.text, 'c')
  // Nobody can choose a key that gets the canary.
  await put({ variants: [{ ...CANARY, percent: 50 }], ...BY_COOKIE })
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++)
    seen.add((await ask({ cookie: `${name}=${key}.stable.${'A'.repeat(43)}` })).text)
  assert.deepEqual([...seen].sort(), ['a', 'b', 'c'])
})

test('split: 100 percent moves those whose cookie said stable', async t => {
  const { ask, put } = await setUp(t, { variants: [{ ...CANARY, percent: 0 }], ...BY_COOKIE })
  const cookie = cookieOf(await ask())!
  assert.match(cookie, /\.stable\./)
  await put({ variants: [{ ...CANARY, percent: 100 }], ...BY_COOKIE })
  const moved = await ask({ cookie })
  assert.equal(moved.text, 'c')
  assert.match(cookieOf(moved)!, /\.canary\./)
  assert.equal(cookieOf(moved)!.split('.')[0], cookie.split('.')[0], 'the key stays')
  assert.equal(cookieOf(await ask({ cookie: cookieOf(moved)! })), undefined)
})

test('split: a client keeps its variant by cookie, and no shared cache can hand the cookie out', async t => {
  const { ask, nodeLines } = await setUp(t, { variants: [{ ...CANARY, percent: 50 }], ...BY_COOKIE })
  for (let i = 0; i < 5; i++) {
    const first = await ask()
    const isCanary = first.text === 'c'
    for (let j = 0; j < 3; j++) {
      const got = await ask({ cookie: `a=b; ${cookieOf(first)}` })
      assert.deepEqual([got.text === 'c', cookieOf(got)], [isCanary, undefined])
    }
  }
  for (const [value, isSet] of [
    ['public, max-age=60', false],
    ['max-age=60,Public', false],
    ['max-age=5, s-maxage=60', false],
    ['private, max-age=60', true],
    ['no-store, x-public-of=1', true],
  ] as const) {
    nodeLines.splice(0, 1, `Cache-Control: ${value}`)
    assert.equal(cookieOf(await ask()) !== undefined, isSet, value)
  }
})

test('split: canary without nodes answers from stable and says so', async t => {
  const { ask, logOf, metric, registry, problems } = await setUp(t, {
    variants: [{ ...CANARY, percent: 100 }],
    header: true,
  })
  const before = await ask()
  assert.deepEqual([before.text, before.headers['x-waygate-variant']], ['c', 'canary'])
  const line = await logOf(before)
  assert.deepEqual([line.variant, line.variantWanted, line.node], ['canary', undefined, 'c'])
  await registry.unregister('user', 'c')
  await until('it is gone', async () => (await ask()).text !== 'c')
  const got = await ask()
  assert.equal(got.headers['x-waygate-variant'], 'stable')
  const diverted = await logOf(got)
  assert.deepEqual([diverted.status, diverted.variant, diverted.variantWanted], [200, 'stable', 'canary'])
  const [count] = await metric('waygate_split_diverted_total')
  assert.match(count!, /^waygate_split_diverted_total\{route="r",variant="canary"\} [2-9]$/)
  assert.deepEqual(await problems(), [
    { key: 'r', reason: '$.split.variants[0].nodes: no node of "user" has {"version":"2"}' },
  ])
})

test('split: a draining canary and one whose nodes fail are left out as well', async t => {
  const { ask, registry, nodes, logOf } = await setUp(t, { variants: [{ ...CANARY, percent: 100 }] })
  const node = { service: 'user', id: 'c', host: '127.0.0.1', metadata: { version: '2' } }
  await registry.register({ ...node, port: nodes.c.port, weight: 0 })
  await until('it is drained', async () => (await ask()).text !== 'c')
  await nodes.c.close()
  await registry.register({ ...node, port: nodes.c.port })
  // A node that refuses connections is ejected at once; the request that finds out stays with its variant.
  await until('it is asked again', async () => (await ask()).status === 502)
  await until('it is ejected', async () => (await ask()).status === 200)
  const line = await logOf(await ask())
  assert.deepEqual([line.status, line.variantWanted], [200, 'canary'])
})

test('split: with onUnavailable error, a variant without a node is refused', async t => {
  const { ask, logOf, metric } = await setUp(t, {
    variants: [{ name: 'canary', nodes: { version: '3' }, percent: 100 }],
    onUnavailable: 'error',
    header: true,
  })
  const got = await ask()
  assert.deepEqual(
    [got.status, got.json().code, got.headers['x-waygate-variant']],
    [503, 'WG_NO_NODE', 'canary'],
  )
  assert.deepEqual((await logOf(got)).variantWanted, undefined)
  assert.deepEqual(await metric('waygate_split_diverted_total'), [])
})

test('split: a variant works without a node of stable, and without a document of its own', async t => {
  const { ask, registry, nodes, problems } = await setUp(t, {
    variants: [
      { name: 'beta', service: 'other', match: { headers: { 'x-beta': '1' } } },
      { ...CANARY, percent: 100 },
    ],
  })
  for (const id of ['a', 'b']) await registry.unregister('user', id)
  await until('they are gone', async () =>
    (await problems()).some(({ reason }) => reason.includes('for stable')),
  )
  assert.equal((await ask()).text, 'c')
  assert.equal((await ask({ 'x-beta': '1' })).text, 'o')
  await registry.unregister('other', 'o')
  await until('it is gone', async () => (await ask({ 'x-beta': '1' })).status === 503)
  assert.equal(nodes.o.requests.length, 1)
})

test('split: a retry stays with its variant', async t => {
  const { ask, nodes, registry } = await setUp(t, { variants: [{ ...CANARY, percent: 100 }] })
  await registry.register({
    ...{ service: 'user', id: 'd', host: '127.0.0.1', port: nodes.o.port },
    metadata: { version: '2' },
  })
  await until('both are there', async () => (await ask()).text === 'o')
  assert.equal((await ask({}, '/resets')).status, 502)
  for (const { requests } of [nodes.c, nodes.o])
    assert.ok(requests.some(({ target }) => target === '/resets'))
  assert.equal(nodes.a.requests.length + nodes.b.requests.length, 0)
})

test('split: a kept answer of the canary never reaches stable', async t => {
  const stale = { variants: [{ ...CANARY, percent: 100 }] }
  const { ask, nodes, registry, gateway } = await setUp(t, stale)
  const put = async (percent: number) => {
    const before = gateway.table.routeTable()
    registry.putRoute('r', {
      ...documentWith({ variants: [{ ...CANARY, percent }] }),
      ...{ fallback: { stale: true }, tryTimeoutMs: 1_000 },
    })
    await until('another table', () => gateway.table.routeTable() !== before)
  }
  await put(100)
  assert.equal((await ask()).text, 'c')
  for (const node of Object.values(nodes)) await node.close()
  const kept = await ask()
  assert.deepEqual([kept.text, kept.headers['x-waygate-fallback']], ['c', '1'])
  await put(0)
  assert.equal((await ask()).status, 502)
})

test('split: conditions come before shares, and the first variant that holds counts', async t => {
  const { ask, put } = await setUp(t, {
    variants: [
      { ...CANARY, percent: 0, match: { headers: { 'x-canary': { present: true } } } },
      {
        name: 'beta',
        service: 'other',
        percent: 0,
        match: { query: { beta: 'yes' }, clients: ['127.0.0.0/8'] },
      },
    ],
  })
  assert.equal((await ask({ 'x-canary': '' }, '/?beta=yes')).text, 'c')
  assert.equal((await ask({}, '/?beta=%79es')).text, 'o')
  assert.match((await ask({}, '/?beta=no')).text, /^[ab]$/)
  await put({ variants: [{ ...CANARY, percent: 100, match: { cookies: { a: '1' } } }] })
  assert.equal((await ask({ cookie: 'a=2' })).text, 'c', 'the share is of the others')
})

test("split: a claim in a variant's match is the verified one", async t => {
  const { port, nodes, logOf } = await setUp(
    t,
    {},
    {
      withKey: true,
      routes: {
        r: {
          path: '/*',
          service: 'user',
          auth: 'jwt',
          split: { variants: [{ ...CANARY, match: { claims: { 'team.groups': 'testers' } } }], header: true },
        },
      },
    },
  )
  const variantFor = async (claims: object, headers: Readonly<Record<string, string>> = {}) => {
    const authorization = `Bearer ${token(claims)}`
    return (await send(port, { headers: { ...headers, authorization } })).headers['x-waygate-variant']
  }
  assert.equal(await variantFor({ team: { groups: ['others', 'testers'] } }), 'canary')
  assert.equal(await variantFor({ team: { groups: 'testers' } }), 'canary')
  assert.equal(await variantFor({ team: { groups: 'others' } }), 'stable')
  assert.equal(await variantFor({ groups: 'testers' }), 'stable')
  // What a client says itself is no claim.
  const [, payload] = token({ team: { groups: 'testers' } }).split('.')
  const [head, , seal] = token({ team: { groups: 'others' } }).split('.')
  assert.equal(await variantFor({}, { groups: 'testers', 'x-team-groups': 'testers' }), 'stable')
  const before = nodes.c.requests.length
  const forged = await send(port, { headers: { authorization: `Bearer ${head}.${payload}.${seal}` } })
  assert.deepEqual([forged.status, forged.headers['x-waygate-variant']], [401, undefined])
  assert.equal((await logOf(forged)).variant, undefined)
  assert.equal(nodes.c.requests.length, before)
})

test('split: the handshake of a WebSocket goes to its variant', async t => {
  const nodes = { stable: await startWebSocketNode(t), canary: await startWebSocketNode(t) }
  const { port, adminPort } = await startTestGateway(t, {
    nodes: {
      'chat/s': nodes.stable.port,
      'chat/c': { port: nodes.canary.port, metadata: { version: '2' } },
    },
    routes: {
      chat: {
        ...{ path: '/chat', service: 'chat', auth: 'none' },
        split: { variants: [{ ...CANARY, percent: 100 }], header: true },
      },
    },
  })
  const client = await openRaw(port, handshake('/chat'))
  await nodes.canary.next()
  assert.match(await client.until('\r\n\r\n'), /x-waygate-variant: canary/)
  client.socket.destroy()
  await until('it is counted', async () =>
    (await send(adminPort, { path: '/metrics' })).text.includes(
      'waygate_variant_requests_total{route="chat",variant="canary",class="1xx"} 1',
    ),
  )
})

test('split: requests are counted and timed by variant, only on routes that have one', async t => {
  const { ask, metric, put } = await setUp(
    t,
    { variants: [{ ...CANARY, percent: 100 }] },
    { routes: { plain: { path: '/plain', service: 'user', auth: 'none' } } },
  )
  await ask()
  await ask({}, '/resets')
  await ask({}, '/plain')
  await put({ variants: [{ ...CANARY, percent: 0 }] })
  await ask()
  await until('all are counted', async () => (await metric('waygate_variant_requests_total')).length === 3)
  assert.deepEqual((await metric('waygate_variant_requests_total')).sort(), [
    'waygate_variant_requests_total{route="r",variant="canary",class="2xx"} 1',
    'waygate_variant_requests_total{route="r",variant="canary",class="5xx"} 1',
    'waygate_variant_requests_total{route="r",variant="stable",class="2xx"} 1',
  ])
  assert.deepEqual(await metric('waygate_variant_duration_seconds_count'), [
    'waygate_variant_duration_seconds_count{route="r",variant="canary"} 2',
    'waygate_variant_duration_seconds_count{route="r",variant="stable"} 1',
  ])
})

test('split: concurrency counts each variant by itself', async t => {
  const { port, nodes } = await setUp(
    t,
    {},
    {
      routes: {
        r: {
          ...documentWith({ variants: [{ ...CANARY, match: { headers: { 'x-canary': '1' } } }] }),
          concurrency: { limit: 1, key: 'variant' },
        },
      },
    },
  )
  const hold = async (line: string, id: 'a' | 'b' | 'c') => {
    const client = await openRaw(port, `GET /held HTTP/1.1\r\nHost: h\r\n${line}\r\n`)
    t.after(() => client.socket.destroy())
    await until('the node has it', () => nodes[id].requests.length === 1)
  }
  const statusOf = async (canary: string) => (await send(port, { headers: { 'x-canary': canary } })).status
  await hold('x-canary: 1\r\n', 'c')
  assert.deepEqual([await statusOf('1'), await statusOf('0')], [429, 200])
})

test('split: the node can be told its variant and its service, and a client cannot read that of a node', async t => {
  const { port, nodes, nodeLines, logOf } = await setUp(
    t,
    {},
    {
      routes: {
        r: {
          ...documentWith({ variants: [{ name: 'beta', service: 'other', percent: 100 }], header: true }),
          requestHeaders: { set: { 'x-variant': '{variant}', 'x-service': '{service}' } },
        },
      },
    },
  )
  nodeLines.push('X-Waygate-Variant: forged')
  const got = await send(port)
  assert.deepEqual(got.headers['x-waygate-variant'], 'beta')
  const [request] = nodes.o.requests
  assert.deepEqual([request!.header('x-variant'), request!.header('x-service')], ['beta', 'other'])
  assert.deepEqual((await logOf(got)).service, 'other')
})

test('split: a node of a variant that gets other requests too is a warning', async t => {
  const { problems, registry, nodes } = await setUp(t, {
    variants: [
      { ...CANARY, percent: 5 },
      { name: 'beta', service: 'othr', percent: 5 },
    ],
  })
  assert.deepEqual(
    (await problems()).map(({ reason }) => reason),
    [
      '$.split.variants[1].service: no node of "othr" is registered (did you mean "other"?)',
      '$.split.variants[0].nodes: selects node c: it also gets requests of other routes of the service; register it with the metadata traffic: "selected"',
    ],
  )
  await registry.register({
    ...{ service: 'user', id: 'c', host: '127.0.0.1', port: nodes.c.port },
    metadata: { version: '2', traffic: 'selected' },
  })
  await until('it says so', async () => (await problems()).length === 1)
})

const { grpc, routes } = loadConfig({ env: {}, cwd: tmpdir() }).config
const { defaults } = routes

function reasonOf(split: unknown, document: object = {}): string | undefined {
  const parsed = parseRouteDocument(
    'r',
    { path: '/a/:id', service: 's', split, ...document },
    {
      ...{ origin: 'etcd', defaults, grpc, defaultAuth: NO_TOKEN },
      ...{ identityHeaders: ['x-user-id'], hasCookieSecret: false },
    },
  )
  return 'reason' in parsed ? parsed.reason : undefined
}

const variants = (...list: object[]) => ({ variants: list.map((each, i) => ({ name: `v${i}`, ...each })) })
const refused: [split: unknown, reason: string][] = [
  [{}, '$.split.variants: is missing'],
  [{ variants: [] }, '$.split.variants: must not be empty'],
  [variants({ name: 'Beta' }), '$.split.variants[0].name: must be 1 to 32 characters from a-z 0-9 -'],
  [variants({ name: 'stable' }), '$.split.variants[0].name: must not be "stable": that is the rest'],
  [variants({ name: 'a' }, { name: 'a' }), '$.split.variants[1].name: is there twice'],
  [
    variants({ percent: 60 }, { percent: 40.01 }),
    '$.split.variants: have 100.01 percent together, more than 100',
  ],
  [variants({ percent: 5.001 }), '$.split.variants[0].percent: must be in steps of 0.01, not 5.001'],
  [variants({ percent: 101 }), '$.split.variants[0].percent: must be <= 100'],
  [variants({ nodes: {} }), '$.split.variants[0].nodes: '],
  [
    variants({ nodes: { version: '1', meta: { version: '2' } } }),
    '$.split.variants[0].nodes.meta.version: must not be there beside version',
  ],
  [variants({ match: {} }), '$.split.variants[0].match: '],
  [
    variants({ match: { headers: { 'x-user-id': 'a' } } }),
    '$.split.variants[0].match.headers["x-user-id"]: must not be asked for',
  ],
  [
    variants({ match: { claims: { sub: { exact: 'a', prefix: 'b' } } } }),
    '$.split.variants[0].match.claims.sub: must have only one of exact, prefix',
  ],
  [variants({ match: { claims: { '$.': 'a' } } }), '$.split.variants[0].match.claims["$."]: must be a claim'],
  [variants({ drain: true }), '$.split.variants[0].drain: needs sticky: "cookie"'],
  [
    { ...variants({}), sticky: 'cookie' },
    '$.split.sticky: "cookie" needs a secret to sign its cookie: set WAYGATE_COOKIE_SECRET',
  ],
  [{ ...variants({}), sticky: 'route' }, '$.split.sticky: is the same for all requests'],
  [{ ...variants({}), sticky: 'cookies' }, '$.split.sticky: must be'],
  [
    { ...variants({}), sticky: { header: 'x-request-id' } },
    '$.split.sticky.header: is a header that is never taken',
  ],
  [
    { ...variants({}), sticky: { pathParameter: 'x' } },
    '$.split.sticky.pathParameter: is not a parameter of the path',
  ],
  [{ ...variants({}), onUnavailable: 'next' }, '$.split.onUnavailable: must be "stable" or "error"'],
]
for (const [split, reason] of refused) {
  test(`split: refused: ${JSON.stringify(split)}`, () => {
    const found = reasonOf(split) ?? 'accepted'
    assert.ok(found.startsWith(reason), found)
  })
}

test('split: what asks for an identity is refused on a route without authentication', () => {
  const claims = variants({ match: { claims: { groups: 'testers' } } })
  const sticky = { ...variants({}), sticky: ['address', { claim: 'org' }] }
  const at = 'needs an identity, but the route has auth: none'
  assert.equal(reasonOf(claims, { auth: 'none' }), `$.split.variants[0].match.claims: ${at}`)
  assert.equal(reasonOf(sticky, { auth: 'none' }), `$.split.sticky[1]: ${at}`)
  assert.equal(reasonOf(claims, { auth: 'jwt' }), undefined)
  assert.equal(reasonOf(sticky, { auth: 'jwt' }), undefined)
})

test('split: accepted: shares up to 100 in steps of 0.01, and every kind of key', () => {
  for (const sticky of ['none', 'address', 'subject', { pathParameter: 'id' }, ['address', { query: 'a' }]]) {
    assert.equal(reasonOf({ ...variants({ percent: 0.07 }, { percent: 99.93 }), sticky }), undefined)
  }
  assert.equal(
    reasonOf({ ...variants({ percent: 33.33 }, { percent: 33.33 }, { percent: 33.34 }) }),
    undefined,
  )
})

test('the cookies of splits and of nodes have the sameSite that is configured', async t => {
  const variants = [{ name: 'canary', nodes: { version: '2' }, percent: 100 }]
  const { ask } = await setUp(
    t,
    { sticky: 'cookie', variants },
    {
      document: {
        trustedProxies: ['127.0.0.1'],
        routes: { stickyCookie: { secret: SECRET, sameSite: 'none' } },
      },
      routes: { s: { path: '/s', service: 'user', auth: 'none', balancer: 'sticky-cookie' } },
    },
  )
  for (const path of ['/', '/s']) {
    const { headers } = await ask({ 'x-forwarded-proto': 'https' }, path)
    assert.match(String(headers['set-cookie']), /; HttpOnly; SameSite=None; Secure$/, path)
  }
})
