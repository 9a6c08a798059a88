import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type Charge,
  type SharedCounters,
  StoreUnavailable,
  type Verdict,
} from '../../../internal/limits/counters.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { testLimits } from '../../support/limits.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { openWebSocket, startWebSocketNode } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'

policyContract('rateLimit', {
  rule: { limit: 100 },
  bad: { rule: { limit: 10, burst: 101 }, path: '$.rateLimit.burst' },
  shows: ({ answer }) => String(answer.headers.ratelimit).includes(';r='),
  onRefusals: true,
  handshake: 101,
})

interface SetUp extends Omit<GatewaySetUp, 'nodes' | 'routes'> {
  /** The field `rateLimit` of the route `r`, which takes every path. */
  readonly rateLimit?: unknown
  /** Further fields of that route. */
  readonly route?: object
  /** `routes.defaults.rateLimit`. */
  readonly defaults?: unknown
  /** Further routes. */
  readonly routes?: Readonly<Record<string, unknown>>
  /** Header lines of the node's answers. */
  readonly lines?: readonly string[]
}

/** Starts a gateway that trusts the test to be a proxy, so that a test may have any address. */
async function setUp(t: TestContext, options: SetUp) {
  const { rateLimit, route, defaults, routes = {}, lines, config, document, ...rest } = options
  const node = await startNode(t, (socket, { target }) => {
    const status = /^\/status\/(\d+)/.exec(target)?.[1]
    socket.write(status === undefined ? answer('ok', lines) : answer('', lines, `${status} Odd`))
  })
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port, 'other/o1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', rateLimit, ...route }, ...routes },
    config: { trustedProxies: ['127.0.0.0/8'], ...config },
    document: {
      ...document,
      ...(defaults !== undefined && { routes: { defaults: { rateLimit: defaults } } }),
    },
  })
  const ask = (path = '/', headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    send(gateway.port, { path, method, headers })
  /** Sends so many requests, one after the other, and resolves with the statuses. */
  const statuses = async (count: number, ...request: Parameters<typeof ask>): Promise<number[]> => {
    const got: number[] = []
    for (let i = 0; i < count; i++) got.push((await ask(...request)).status)
    return got
  }
  return {
    ...gateway,
    node,
    ask,
    statuses,
    from: (address: string) => ({ 'X-Forwarded-For': address }),
    lineOf: (got: ClientAnswer) => gateway.logged(String(got.headers['x-request-id'])),
    /** Returns the samples of a metric. */
    async samples(name: string): Promise<string[]> {
      const { text } = await send(gateway.adminPort, { path: '/metrics' })
      return text.split('\n').filter(line => new RegExp(`^${name}[{ ]`).test(line))
    },
  }
}

/** A limit whose window no test outlasts. */
const perHour = (limit: number, more: object = {}) => ({ limit, windowSeconds: 3_600, ...more })

test('limit: a client beyond its limit gets 429 with what it needs to know, and no node hears of it', async t => {
  const { ask, statuses, node, lineOf, samples } = await setUp(t, { rateLimit: perHour(2, { name: 'hour' }) })
  const first = await ask()
  assert.equal(first.status, 200)
  assert.equal(first.headers['ratelimit-policy'], '"hour";q=2;w=3600')
  assert.equal(first.headers.ratelimit, '"hour";r=1;t=0')
  assert.deepEqual(await statuses(1), [200])
  const refused = await ask()
  assert.equal(refused.status, 429)
  const { code, 'violated-policies': violated } = refused.json()
  assert.deepEqual([code, violated], ['WG_RATE_LIMITED', ['hour']])
  assert.equal(refused.headers['ratelimit-policy'], '"hour";q=2;w=3600')
  const [, left, next] = /^"hour";r=(\d+);t=(\d+)$/.exec(String(refused.headers.ratelimit)) ?? []
  assert.equal(left, '0')
  assert.ok(Number(next) > 1_790 && Number(next) <= 1_800, String(next))
  const retry = Number(refused.headers['retry-after'])
  assert.ok(retry >= Number(next) && retry <= Number(next) + 5, String(retry))
  assert.equal(node.requests.length, 2)
  const line = await lineOf(refused)
  assert.deepEqual(
    [line.code, line.policy, line.rule, line.limitLeft, line.limitStore],
    ['WG_RATE_LIMITED', 'rateLimit', 'hour', 0, undefined],
  )
  const passed = await lineOf(first)
  assert.deepEqual([passed.rule, passed.limitLeft, passed.policy], [undefined, 1, undefined])
  assert.deepEqual(await samples('waygate_rate_limited_total'), [
    'waygate_rate_limited_total{route="r",rule="hour"} 1',
  ])
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="r",policy="rateLimit",rule="hour"} 1',
  ])
  assert.deepEqual(await samples('waygate_limit_local_keys'), ['waygate_limit_local_keys 1'])
})

test('limit: each address has a limit of its own, an IPv6 network counts as one', async t => {
  const { statuses, from } = await setUp(t, { rateLimit: perHour(1) })
  assert.deepEqual(await statuses(2, '/', from('10.1.2.3')), [200, 429])
  assert.deepEqual(await statuses(2, '/', from('10.1.2.4')), [200, 429])
  assert.deepEqual(await statuses(1, '/', from('2001:db8:0:1::1')), [200])
  assert.deepEqual(await statuses(1, '/', from('2001:db8:0:1:ffff::2')), [429])
  assert.deepEqual(await statuses(1, '/', from('2001:db8:0:2::1')), [200])
})

test('limit: all rules must admit, and one that refuses costs nothing at the others', async t => {
  const { ask, statuses } = await setUp(t, {
    rateLimit: [perHour(100, { name: 'wide' }), perHour(2, { name: 'narrow', key: 'route' })],
  })
  assert.deepEqual(await statuses(5), [200, 200, 429, 429, 429])
  const got = await ask()
  assert.match(String(got.headers.ratelimit), /^"narrow";r=0;t=\d+, "wide";r=98;t=0$/)
  assert.deepEqual(got.json()['violated-policies'], ['narrow'])
})

test('limit: a request that a shared rule refuses is not charged to a local one', async t => {
  let allows = true
  const sharedCounters: SharedCounters = {
    take: async charges => charges.map(() => verdict(allows)),
    add: () => assert.fail('nothing is added'),
  }
  const { ask } = await setUp(t, {
    sharedCounters,
    rateLimit: [perHour(10, { name: 'local' }), perHour(10, { name: 'shared', store: 'shared' })],
    document: STORE,
  })
  assert.match(String((await ask()).headers.ratelimit), /"local";r=9;/)
  allows = false
  for (let i = 0; i < 5; i++) assert.equal((await ask()).status, 429)
  allows = true
  assert.match(String((await ask()).headers.ratelimit), /"local";r=8;/)
})

test('limit: levels add up, and each is named in headers, log and metrics', async t => {
  const { ask, statuses, lineOf, samples } = await setUp(t, {
    defaults: [perHour(3, { name: 'same' })],
    rateLimit: perHour(2, { name: 'same' }),
    routes: {
      plain: { path: '/plain', service: 'user', auth: 'none' },
      free: { path: '/free', service: 'user', auth: 'none', rateLimit: false },
    },
  })
  assert.deepEqual(await statuses(2), [200, 200])
  const refused = await ask()
  assert.deepEqual(refused.json()['violated-policies'], ['same'])
  assert.match(
    String(refused.headers['ratelimit-policy']),
    /^"same";q=2;w=3600, "defaults\/same";q=3;w=3600$/,
  )
  assert.deepEqual(await statuses(4, '/plain'), [200, 200, 200, 429])
  assert.equal((await lineOf(await ask('/plain'))).rule, 'defaults/same')
  assert.deepEqual(await statuses(5, '/free'), [200, 200, 200, 200, 200])
  assert.deepEqual(await samples('waygate_rate_limited_total'), [
    'waygate_rate_limited_total{route="r",rule="same"} 1',
    'waygate_rate_limited_total{route="plain",rule="defaults/same"} 2',
  ])
})

test('limit: requests count by route, by service, or with all routes that share the rule', async t => {
  const rule = (scope: string) => perHour(1, { scope, key: 'address' })
  const a = { path: '/a', service: 'user', auth: 'none' }
  const b = { path: '/b', service: 'user', auth: 'none' }
  const c = { path: '/c', service: 'other', auth: 'none' }
  const expected = { route: [200, 200, 200], service: [200, 429, 200], set: [200, 429, 429] }
  for (const [scope, statuses] of Object.entries(expected)) {
    const { ask } = await setUp(t, { defaults: rule(scope), routes: { a, b, c } })
    const got = []
    for (const path of ['/a', '/b', '/c']) got.push((await ask(path)).status)
    assert.deepEqual(got, statuses, scope)
  }
})

test('limit: rules with other keys do not share counts, even if the values of the keys are the same', async t => {
  const rule = (key: unknown, more: object = {}) =>
    perHour(1, { name: 'tenant', scope: 'service', key, ...more })
  const open = { service: 'user', auth: 'none' }
  const { statuses } = await setUp(t, {
    routes: {
      query: { ...open, path: '/query', rateLimit: rule({ query: 'q' }) },
      header: { ...open, path: '/header', rateLimit: rule({ header: 'x-tenant' }) },
      same: { ...open, path: '/same', rateLimit: rule({ header: 'X-Tenant' }) },
      wide: { ...open, path: '/wide', rateLimit: rule({ header: 'x-tenant' }, { ipv6Prefix: 48 }) },
    },
  })
  const acme = { 'x-tenant': 'acme' }
  assert.deepEqual(await statuses(2, '/query?q=acme'), [200, 429])
  assert.deepEqual(await statuses(1, '/header', acme), [200])
  assert.deepEqual(await statuses(1, '/same', acme), [429], 'a header has the same name in any case')
  assert.deepEqual(await statuses(1, '/wide', acme), [200])
})

test('limit: unknown key falls to address', async t => {
  const { statuses, from, ask } = await setUp(t, { rateLimit: perHour(1, { key: { header: 'x-key' } }) })
  assert.deepEqual(await statuses(2, '/', { 'X-Key': 'a' }), [200, 429])
  assert.deepEqual(await statuses(2, '/', from('10.1.2.3')), [200, 429])
  assert.deepEqual(await statuses(1, '/', { ...from('10.1.2.3'), 'x-key': '' }), [429])
  assert.deepEqual(await statuses(2, '/', from('10.1.2.4')), [200, 429])
  // Nobody spends the limit of an address by sending it as a key.
  assert.equal((await ask('/', { 'X-Key': '10.1.2.5' })).status, 200)
  assert.equal((await ask('/', from('10.1.2.5'))).status, 200)
})

test('limit: a request without a key shares one limit, is not limited, or is refused, as the rule says', async t => {
  const rule = (onMissing: string) => ({ rateLimit: perHour(1, { key: { header: 'x-key' }, onMissing }) })
  const shared = await setUp(t, rule('shared'))
  assert.deepEqual(await shared.statuses(1, '/', shared.from('10.1.2.3')), [200])
  assert.deepEqual(await shared.statuses(1, '/', shared.from('10.1.2.4')), [429])
  const skip = await setUp(t, rule('skip'))
  assert.deepEqual(await skip.statuses(3), [200, 200, 200])
  assert.equal((await skip.ask()).headers.ratelimit, undefined)
  const refuse = await setUp(t, rule('refuse'))
  const got = await refuse.ask()
  assert.deepEqual([got.status, got.json().code], [400, 'WG_BAD_REQUEST'])
  const line = await refuse.lineOf(got)
  assert.deepEqual([line.policy, line.reason], ['rateLimit', 'the request has no key for the rule r0'])
  assert.equal((await refuse.ask('/', { 'x-key': 'a' })).status, 200)
})

test('limit: a rule by subject is asked after authentication, one by address before it', async t => {
  const { statuses, ask } = await setUp(t, {
    withKey: true,
    route: { auth: 'jwt' },
    rateLimit: [perHour(5, { name: 'address' }), perHour(2, { name: 'user', key: 'subject' })],
  })
  const alice = { authorization: `Bearer ${token({ sub: 'alice' })}` }
  const bob = { authorization: `Bearer ${token({ sub: 'bob' })}` }
  assert.deepEqual(await statuses(3, '/', alice), [200, 200, 429])
  assert.deepEqual(await statuses(1, '/', bob), [200])
  // The address has one left: the two of alice, her third, which came to authentication, and that of bob are counted.
  const wrong = await ask('/', { authorization: 'Bearer x' })
  assert.equal(wrong.status, 401)
  assert.match(String(wrong.headers.ratelimit), /^"address";r=0;/)
  assert.deepEqual(await statuses(2, '/', bob), [429, 429])
})

test('limit: requests are counted when their answer has a status, as against the guessing of passwords', async t => {
  const { statuses, ask } = await setUp(t, {
    withKey: true,
    route: { auth: 'jwt' },
    rateLimit: perHour(3, { name: 'guesses', countStatuses: [401, 404] }),
  })
  const right = { authorization: `Bearer ${token()}` }
  const wrong = { authorization: 'Bearer x' }
  assert.deepEqual(await statuses(10, '/', right), Array(10).fill(200))
  assert.deepEqual(await statuses(2, '/', wrong), [401, 401])
  // Of nodes, too.
  assert.deepEqual(await statuses(2, '/status/403', right), [403, 403])
  assert.deepEqual(await statuses(1, '/status/404', right), [404])
  const refused = await ask('/', right)
  assert.equal(refused.status, 429)
  assert.deepEqual(refused.json()['violated-policies'], ['guesses'])
  // Nor does a refusal count.
  assert.match(String((await ask('/', wrong)).headers.ratelimit), /^"guesses";r=0;t=1[12]\d\d$/)
})

test('limit: a rule that is not enforced lets pass, counts and logs', async t => {
  const { ask, statuses, lineOf, samples } = await setUp(t, {
    rateLimit: [perHour(1, { name: 'dry', enforce: false }), perHour(3, { name: 'wet' })],
  })
  assert.deepEqual(await statuses(2), [200, 200])
  const got = await ask()
  assert.equal(got.status, 200)
  assert.equal(got.headers.ratelimit, '"wet";r=0;t=1200')
  const line = await lineOf(got)
  assert.deepEqual([line.observed, line.rule, line.policy], [['rateLimit'], undefined, undefined])
  assert.deepEqual(await statuses(1), [429])
  assert.deepEqual(await samples('waygate_would_limit_total'), [
    'waygate_would_limit_total{route="r",rule="dry"} 2',
  ])
  assert.deepEqual(await samples('waygate_policy_would_refuse_total'), [
    'waygate_policy_would_refuse_total{route="r",policy="rateLimit",rule="dry"} 2',
  ])
})

test('limit: a trailer of the node does not contradict what clients are told of their limits', async t => {
  const node = await startNode(t, socket =>
    socket.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: RateLimit, X-RateLimit-Remaining, X-Sum\r\n\r\n' +
        '1\r\na\r\n0\r\nRateLimit: "r0";r=77\r\nX-RateLimit-Remaining: 77\r\nX-Sum: 1\r\n\r\n',
    ),
  )
  const policies = {
    rateLimit: { rateLimit: perHour(9) },
    quota: { quota: { limit: 9, per: 'day', key: 'address', store: 'local' } },
    none: {},
  }
  const hidden = { draft: /^RateLimit: "r0"/m, 'x-ratelimit': /^X-RateLimit-Remaining: 77/m, none: undefined }
  for (const [style, theirs] of Object.entries(hidden)) {
    const { port } = await startTestGateway(t, {
      nodes: { 'user/u1': node.port },
      routes: Object.fromEntries(
        Object.entries(policies).map(([name, rule]) => [
          name,
          { path: `/${name}`, service: 'user', auth: 'none', ...rule },
        ]),
      ),
      document: { rateLimits: { headers: style } },
    })
    for (const name of Object.keys(policies)) {
      const head = `GET /${name} HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n`
      const trailers = (await (await openRaw(port, head)).closed).split('\r\n0\r\n')[1]!
      assert.match(trailers, /X-Sum: 1/)
      const isHidden = name !== 'none' && theirs !== undefined
      assert.equal(trailers.match(/77/g)?.length, isHidden ? 1 : 2, `${style}, ${name}: ${trailers}`)
      if (isHidden) assert.doesNotMatch(trailers, theirs)
    }
  }
})

test('limit: clients are not told of a hidden rule', async t => {
  const { ask, lineOf } = await setUp(t, { rateLimit: perHour(1, { name: 'secret', hidden: true }) })
  assert.equal((await ask()).headers.ratelimit, undefined)
  const got = await ask()
  assert.equal(got.status, 429)
  assert.ok(!JSON.stringify([got.rawHeaders, got.text]).includes('secret'))
  assert.ok(Number(got.headers['retry-after']) >= 3_595)
  assert.equal((await lineOf(got)).rule, 'secret')
})

test('limit: requests cost what their method costs, and HEAD and OPTIONS are not free', async t => {
  const { statuses } = await setUp(t, {
    rateLimit: perHour(10, { cost: { byMethod: { POST: 4, DELETE: 0 } } }),
  })
  assert.deepEqual(await statuses(2, '/', {}, 'POST'), [200, 200])
  assert.deepEqual(await statuses(1, '/', {}, 'POST'), [429])
  assert.deepEqual(await statuses(1, '/', {}, 'HEAD'), [200])
  assert.deepEqual(await statuses(1, '/', {}, 'OPTIONS'), [200])
  assert.deepEqual(await statuses(1), [429])
  assert.deepEqual(await statuses(2, '/', {}, 'DELETE'), [200, 200])
})

test('order: a preflight passes a spent limit', async t => {
  const { ask } = await setUp(t, {
    route: { cors: { origins: ['https://app.example'] } },
    rateLimit: perHour(1),
  })
  const origin = { Origin: 'https://app.example' }
  assert.equal((await ask('/', origin)).status, 200)
  const refused = await ask('/', origin)
  assert.equal(refused.status, 429)
  // A page can read the refusal, and how long it lasts.
  assert.equal(refused.headers['access-control-allow-origin'], 'https://app.example')
  assert.match(String(refused.headers['access-control-expose-headers']), /Retry-After, RateLimit,/)
  for (let i = 0; i < 3; i++) {
    const preflight = await ask('/', { ...origin, 'Access-Control-Request-Method': 'GET' }, 'OPTIONS')
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.ratelimit, undefined)
  }
})

test('limit: what a node says of its own limits stays behind ours', async t => {
  const lines = ['RateLimit-Policy: "node";q=5;w=60', 'RateLimit: "node";r=1;t=60']
  const { ask } = await setUp(t, { rateLimit: perHour(9, { name: 'ours' }), lines })
  const got = await ask()
  assert.equal(got.headers.ratelimit, '"ours";r=8;t=0, "node";r=1;t=60')
  assert.equal(got.headers['ratelimit-policy'], '"ours";q=9;w=3600, "node";q=5;w=60')
})

test('limit: headers are those that the configuration asks for', async t => {
  const old = await setUp(t, { rateLimit: perHour(9), document: { rateLimits: { headers: 'x-ratelimit' } } })
  const got = await old.ask()
  assert.deepEqual(
    ['limit', 'remaining', 'reset'].map(name => got.headers[`x-ratelimit-${name}`]),
    ['9', '8', '0'],
  )
  assert.equal(got.headers.ratelimit, undefined)
  const none = await setUp(t, { rateLimit: perHour(1), document: { rateLimits: { headers: 'none' } } })
  const names = (await none.ask()).rawHeaders.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase())
  assert.deepEqual(
    names.filter(name => name.includes('ratelimit')),
    [],
  )
  assert.ok((await none.ask()).headers['retry-after'])
})

test('limit: a count survives an edit of the limit, and begins anew with another window', async t => {
  const { ask, statuses, registry, gateway } = await setUp(t, {
    rateLimit: perHour(3, { algorithm: 'exact' }),
  })
  const put = async (id: string, document: object) => {
    const before = gateway.table.routeTable()
    registry.putRoute(id, { service: 'user', auth: 'none', ...document })
    await until('another table', () => gateway.table.routeTable() !== before)
  }
  assert.deepEqual(await statuses(4), [200, 200, 200, 429])
  await put('r', { path: '/*', rateLimit: perHour(5, { algorithm: 'exact' }) })
  assert.deepEqual(await statuses(3), [200, 200, 429])
  await put('other', { path: '/other' })
  assert.deepEqual(await statuses(1), [429])
  await put('r', { path: '/*', rateLimit: { limit: 2, windowSeconds: 1_800, algorithm: 'exact' } })
  assert.equal((await ask()).headers.ratelimit, '"r0";r=1;t=0')
})

test('limit: another spelling of a path does not evade the limit', async t => {
  const { statuses } = await setUp(t, {
    rateLimit: perHour(100),
    routes: { login: { path: '/login', service: 'user', auth: 'none', rateLimit: perHour(1) } },
  })
  assert.deepEqual(await statuses(2, '/login'), [200, 429])
  for (const path of ['/login/', '//login', '/x/../login', '/LOGIN', '/login;x', '/%6cogin']) {
    const [status] = await statuses(1, path)
    assert.ok(status === 429 || status === 400, `${path} is ${status}`)
  }
})

test('limit: a gRPC call that is refused is told so in gRPC, with the time to wait', async t => {
  const { port } = await setUp(t, { rateLimit: perHour(1) })
  const headers = { 'content-type': 'application/grpc-web+proto' }
  const ask = () => send(port, { method: 'POST', path: '/a.B/C', headers, body: '\0\0\0\0\0' })
  await ask()
  const got = await ask()
  assert.equal(got.status, 200)
  assert.match(got.text, /grpc-status: ?8/)
  assert.match(got.text, /grpc-retry-pushback-ms: ?3[56]\d{5}/)
  assert.match(String(got.headers.ratelimit), /"r0";r=0;t=3\d{3}/)
})

test('limit: a WebSocket counts once, however much it sends', async t => {
  const node = await startWebSocketNode(t)
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: { chat: { service: 'chat', path: '/chat', auth: 'none', rateLimit: perHour(2) } },
  })
  const client = await openWebSocket(t, port, { path: '/chat' })
  for (let i = 0; i < 5; i++) {
    client.socket.send(`message ${i}`)
    assert.equal(await client.next(), `message ${i}`)
  }
  await openWebSocket(t, port, { path: '/chat' })
  assert.equal((await send(port, { path: '/chat' })).status, 429)
})

const STORE = { rateLimits: { store: { url: 'redis://127.0.0.1:6379' } } }

function verdict(allowed: boolean, remaining = 5): Verdict {
  return {
    allowed,
    remaining: allowed ? remaining : 0,
    nextMs: allowed ? 0 : 500,
    retryMs: allowed ? 0 : 500,
  }
}

/** A store in memory that can be taken away. */
function fakeStore() {
  const { local } = testLimits()
  const added: Charge[] = []
  const state = { isUp: true, asked: 0 }
  const sharedCounters: SharedCounters = {
    take(charges) {
      state.asked++
      if (!state.isUp) throw new StoreUnavailable('the store is away')
      return Promise.resolve().then(() => local.take(charges))
    },
    add(charges) {
      added.push(...charges)
      if (state.isUp) local.add(charges)
    },
  }
  return { state, added, sharedCounters }
}

test('limit: all shared rules of a stage are asked at once, and count whatever gateway is asked', async t => {
  const { state, sharedCounters } = fakeStore()
  const rateLimit = [
    perHour(3, { name: 'a', store: 'shared' }),
    perHour(9, { name: 'b', store: 'shared', algorithm: 'fixed', key: 'route' }),
  ]
  const one = await setUp(t, { sharedCounters, rateLimit, document: STORE })
  const other = await setUp(t, { sharedCounters, rateLimit, document: STORE })
  assert.deepEqual(await one.statuses(2), [200, 200])
  assert.equal(state.asked, 2)
  assert.deepEqual(await other.statuses(2), [200, 429])
  const got = await one.ask()
  assert.deepEqual([got.status, got.json()['violated-policies']], [429, ['a']])
  assert.match(String(got.headers.ratelimit), /"b";r=6;t=0$/)
  assert.deepEqual(await one.samples('waygate_limit_local_keys'), ['waygate_limit_local_keys 0'])
})

test('limit: shared rules that are not enforced are asked one by one', async t => {
  const { state, sharedCounters } = fakeStore()
  const names = ['a', 'b', 'c', 'd']
  const { statuses } = await setUp(t, {
    sharedCounters,
    rateLimit: names.map((name, i) => perHour(3, { name, store: 'shared', enforce: i < 2 })),
    document: STORE,
  })
  assert.deepEqual(await statuses(1), [200])
  assert.equal(state.asked, 3)
})

test('limit: while the store is away, this process counts up to its share, and says so', async t => {
  const { state, sharedCounters } = fakeStore()
  const { ask, statuses, lineOf } = await setUp(t, {
    sharedCounters,
    rateLimit: perHour(12, { store: 'shared' }),
    document: { rateLimits: { ...STORE.rateLimits, expectedGateways: 3 }, workers: 2 },
  })
  assert.deepEqual(await statuses(3), [200, 200, 200])
  state.isUp = false
  // A twelfth of the limit for each of six processes, from the beginning.
  assert.deepEqual(await statuses(3), [200, 200, 429])
  const line = await lineOf(await ask())
  assert.deepEqual([line.limitStore, line.rule, line.code], ['local', 'r0', 'WG_RATE_LIMITED'])
  state.isUp = true
  assert.match(String((await ask()).headers.ratelimit), /r=8;/)
})

test('limit: a share admits at least one request, whatever it costs', async t => {
  const { state, sharedCounters } = fakeStore()
  state.isUp = false
  const { statuses } = await setUp(t, {
    sharedCounters,
    rateLimit: perHour(5, { store: 'shared', cost: 3 }),
    document: { rateLimits: { ...STORE.rateLimits, expectedGateways: 100 } },
  })
  assert.deepEqual(await statuses(2), [200, 429])
})

test('limit: while the store is away, a rule may let pass or refuse', async t => {
  const { state, sharedCounters } = fakeStore()
  state.isUp = false
  const rule = (onStoreDown: string) => perHour(1, { store: 'shared', onStoreDown })
  const allow = await setUp(t, { sharedCounters, rateLimit: rule('allow'), document: STORE })
  assert.deepEqual(await allow.statuses(3), [200, 200, 200])
  assert.equal((await allow.ask()).headers.ratelimit, undefined)
  const refuse = await setUp(t, {
    sharedCounters,
    rateLimit: [perHour(9, { name: 'local' }), rule('refuse')],
    document: STORE,
  })
  const got = await refuse.ask()
  assert.deepEqual(
    [got.status, got.json().code, got.headers['retry-after']],
    [503, 'WG_LIMIT_UNAVAILABLE', '1'],
  )
  const line = await refuse.lineOf(got)
  assert.deepEqual([line.policy, line.reason], ['rateLimit', 'the store is away'])
  state.isUp = true
  // What was refused was not charged to the rule beside it.
  assert.match(String((await refuse.ask()).headers.ratelimit), /"local";r=8;/)
})

test('limit: charges that wait for a status are made where the rule is counted', async t => {
  const { state, added, sharedCounters } = fakeStore()
  const { statuses } = await setUp(t, {
    sharedCounters,
    rateLimit: perHour(2, { store: 'shared', countStatuses: [404] }),
    document: STORE,
  })
  assert.deepEqual(await statuses(1, '/status/404'), [404])
  assert.deepEqual(
    added.map(({ isTest, cost }) => [isTest, cost]),
    [[false, 1]],
  )
  assert.deepEqual(await statuses(2, '/status/404'), [404, 429])
  state.isUp = false
  assert.deepEqual(await statuses(3, '/status/404'), [404, 404, 429])
  assert.equal(added.length, 2)
})

test('limit: a shared rule that is not enforced is asked, and never refuses', async t => {
  const { state, sharedCounters } = fakeStore()
  const { ask, statuses, lineOf, samples } = await setUp(t, {
    sharedCounters,
    rateLimit: perHour(1, { store: 'shared', enforce: false, onStoreDown: 'local' }),
    document: STORE,
  })
  assert.deepEqual(await statuses(2), [200, 200])
  assert.deepEqual((await lineOf(await ask())).observed, ['rateLimit'])
  state.isUp = false
  assert.deepEqual(await statuses(2), [200, 200])
  assert.deepEqual(await samples('waygate_would_limit_total'), [
    'waygate_would_limit_total{route="r",rule="r0"} 3',
  ])
})

test('limit: a rule that is not enforced refuses nobody, for want of a key or of the store either', async t => {
  const { state, sharedCounters } = fakeStore()
  state.isUp = false
  const rule = { enforce: false, key: { header: 'x-key' }, onMissing: 'refuse' }
  const { ask, lineOf, samples } = await setUp(t, {
    sharedCounters,
    rateLimit: [
      perHour(1, { name: 'keyed', ...rule }),
      perHour(9, { name: 'stored', ...rule, store: 'shared', onStoreDown: 'refuse' }),
    ],
    document: STORE,
  })
  const without = await ask()
  assert.equal(without.status, 200)
  assert.deepEqual((await lineOf(without)).observed, ['rateLimit'])
  assert.equal((await ask('/', { 'x-key': 'a' })).status, 200)
  assert.deepEqual((await samples('waygate_would_limit_total')).sort(), [
    'waygate_would_limit_total{route="r",rule="keyed"} 1',
    'waygate_would_limit_total{route="r",rule="stored"} 2',
  ])
})

test('limit: to explain a request charges nothing and takes no place, and says what would happen', async t => {
  const { added, sharedCounters } = fakeStore()
  const { adminPort, statuses, samples } = await setUp(t, {
    sharedCounters,
    rateLimit: [
      perHour(2, { name: 'local' }),
      perHour(9, { name: 'shared', store: 'shared' }),
      perHour(9, { name: 'late', countStatuses: [200] }),
      perHour(1, { name: 'dry', enforce: false }),
    ],
    route: {
      quota: { limit: 2, per: 'day', key: 'address', store: 'local' },
      concurrency: { limit: 1 },
    },
    document: STORE,
  })
  const explain = async () => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/explain`, {
      method: 'POST',
      body: JSON.stringify({ method: 'GET', url: 'http://h/', client: '127.0.0.1' }),
      headers: { 'content-type': 'application/json' },
    })
    return (await response.json()) as { wouldAnswer: unknown; steps: { step: string; text: string }[] }
  }
  for (let i = 0; i < 5; i++) {
    const page = await explain()
    assert.equal(page.wouldAnswer, null)
    const own = page.steps.filter(({ step }) => ['rateLimit', 'quota', 'concurrency'].includes(step))
    assert.deepEqual(
      own.map(({ step, text }) => [step, text]),
      ['rateLimit', 'quota', 'concurrency'].map(step => [step, 'passes']),
    )
  }
  assert.deepEqual(added, [])
  assert.deepEqual(await samples('waygate_limit_local_keys'), ['waygate_limit_local_keys 0'])
  assert.deepEqual(await statuses(3), [200, 200, 429])
  assert.deepEqual((await explain()).wouldAnswer, { status: 429, code: 'WG_RATE_LIMITED' })
  assert.deepEqual(await samples('waygate_rate_limited_total'), [
    'waygate_rate_limited_total{route="r",rule="local"} 1',
  ])
})
