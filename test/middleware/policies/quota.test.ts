import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Charge, type SharedCounters, StoreUnavailable } from '../../../internal/limits/counters.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { testLimits } from '../../support/limits.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { policyContract } from './policy-contract.ts'

policyContract('quota', {
  rule: { limit: 100, per: 'day', key: 'address', store: 'local' },
  bad: { rule: { limit: 10, per: 'week', key: 'address', store: 'local' }, path: '$.quota.per' },
  shows: ({ answer }) => String(answer.headers.ratelimit).includes('quota";r='),
  onRefusals: false,
  withoutNode: true,
  handshake: 101,
})

const STORE = { rateLimits: { store: { url: 'redis://127.0.0.1:6379' } } }

async function setUp(
  t: TestContext,
  quota: unknown,
  more: Omit<GatewaySetUp, 'nodes'> & { route?: object } = {},
) {
  const { route, routes, ...rest } = more
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', quota, ...route }, ...routes },
  })
  const ask = (headers: Readonly<Record<string, string>> = {}, path = '/') =>
    send(gateway.port, { path, headers })
  return {
    ...gateway,
    node,
    ask,
    async statuses(count: number, ...request: Parameters<typeof ask>): Promise<number[]> {
      const got: number[] = []
      for (let i = 0; i < count; i++) got.push((await ask(...request)).status)
      return got
    },
  }
}

const local = { limit: 2, per: 'month', key: 'address', store: 'local' }

test('quota: month border in UTC', async t => {
  const { ask, statuses } = await setUp(t, local)
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2028-02-29T23:59:30.000Z') })
  const first = await ask()
  assert.equal(first.headers['ratelimit-policy'], `"quota";q=2;w=${29 * 86_400}`)
  assert.equal(first.headers.ratelimit, '"quota";r=1;t=0')
  assert.deepEqual(await statuses(1), [200])
  const refused = await ask()
  assert.equal(refused.status, 429)
  const { code, 'violated-policies': violated } = refused.json()
  assert.deepEqual([code, violated], ['WG_QUOTA_EXCEEDED', ['quota']])
  assert.equal(refused.headers.ratelimit, '"quota";r=0;t=30')
  assert.ok(Number(refused.headers['retry-after']) >= 30 && Number(refused.headers['retry-after']) <= 33)
  t.mock.timers.setTime(Date.parse('2028-02-29T23:59:59.999Z'))
  assert.deepEqual(await statuses(1), [429])
  t.mock.timers.setTime(Date.parse('2028-03-01T00:00:00.000Z'))
  const next = await ask()
  assert.equal(next.headers['ratelimit-policy'], `"quota";q=2;w=${31 * 86_400}`)
  assert.deepEqual([next.status, next.headers.ratelimit], [200, '"quota";r=1;t=0'])
})

test('quota: an hour and a day are those of UTC, too', async t => {
  for (const [per, last, first] of [
    ['hour', '2026-11-29T18:59:59.999Z', '2026-11-29T19:00:00.000Z'],
    ['day', '2026-11-29T23:59:59.999Z', '2026-11-30T00:00:00.000Z'],
  ] as const) {
    const { statuses } = await setUp(t, { ...local, per })
    t.mock.timers.enable({ apis: ['Date'], now: Date.parse(last) })
    assert.deepEqual(await statuses(3), [200, 200, 429])
    t.mock.timers.setTime(Date.parse(first))
    assert.deepEqual(await statuses(3), [200, 200, 429])
    t.mock.timers.reset()
  }
})

test('quota: no client is told to wait for more than a day', async t => {
  const { ask, statuses } = await setUp(t, local)
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-02T00:00:00.000Z') })
  assert.deepEqual(await statuses(2), [200, 200])
  const got = await ask()
  const retry = Number(got.headers['retry-after'])
  assert.ok(retry >= 86_400 && retry <= 86_405, String(retry))
  assert.equal(got.headers.ratelimit, `"quota";r=0;t=${29 * 86_400}`)
})

test('quota: each subject has one, and requests without a valid token cost nothing', async t => {
  const { ask, statuses, logged } = await setUp(
    t,
    { ...local, key: 'subject' },
    { withKey: true, route: { auth: 'jwt' } },
  )
  const of = (sub: string) => ({ authorization: `Bearer ${token({ sub })}` })
  assert.deepEqual(await statuses(2, { authorization: 'Bearer x' }), [401, 401])
  assert.deepEqual(await statuses(3, of('alice')), [200, 200, 429])
  assert.deepEqual(await statuses(1, of('bob')), [200])
  const refused = await ask(of('alice'))
  const line = await logged(String(refused.headers['x-request-id']))
  assert.deepEqual([line.policy, line.rule, line.limitLeft, line.user], ['quota', 'quota', 0, 'alice'])
})

test('quota: quotas of one service with other keys do not share counts', async t => {
  const of = (key: unknown) => ({ ...local, limit: 1, scope: 'service', key })
  const { statuses } = await setUp(t, of({ header: 'x-a' }), {
    routes: { b: { path: '/b', service: 'user', auth: 'none', quota: of({ header: 'x-b' }) } },
  })
  const both = { 'x-a': 'acme', 'x-b': 'acme' }
  assert.deepEqual(await statuses(2, both), [200, 429])
  assert.deepEqual(await statuses(2, both, '/b'), [200, 429])
})

test('quota: it stands beside rate limits in the headers, and levels add up', async t => {
  const { ask, statuses } = await setUp(t, local, {
    route: { rateLimit: { name: 'hour', limit: 100, windowSeconds: 3_600 } },
    document: { routes: { defaults: { quota: { ...local, limit: 1, per: 'day' } } } },
  })
  assert.match(
    String((await ask()).headers.ratelimit),
    /^"defaults\/quota";r=0;t=\d+, "quota";r=1;t=0, "hour";r=99;t=0$/,
  )
  assert.deepEqual(await statuses(1), [429])
  // What was refused was not charged to the other quota.
  assert.match(String((await ask()).headers.ratelimit), /"quota";r=1;t=0/)
})

test('quota: gateways count together in the store, and while it is away requests pass and are charged later', async t => {
  const { local: counters } = testLimits()
  const state = { isUp: true }
  const kept: Charge[] = []
  const sharedCounters: SharedCounters = {
    async take(charges) {
      if (!state.isUp) throw new StoreUnavailable('the store is away')
      return counters.take(charges)
    },
    add: charges => void kept.push(...charges),
  }
  const quota = { limit: 3, per: 'day', key: 'route' }
  const one = await setUp(t, quota, { sharedCounters, document: STORE })
  const other = await setUp(t, quota, { sharedCounters, document: STORE })
  assert.deepEqual(await one.statuses(1), [200])
  assert.deepEqual(await other.statuses(1), [200])
  state.isUp = false
  assert.deepEqual(await one.statuses(2), [200, 200])
  assert.deepEqual(
    kept.map(({ cost, isTest }) => [cost, isTest]),
    [
      [1, false],
      [1, false],
    ],
  )
  const midnight = Math.ceil(Date.now() / 86_400_000) * 86_400_000
  assert.ok(Math.abs(kept[0]!.windowEndsAt! - midnight) <= 86_400_000)
  state.isUp = true
  assert.deepEqual(await other.statuses(2), [200, 429])
})

test('quota: a client is told of the month that its request was counted in, also when the store answers in the next one', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2028-02-29T23:59:59.990Z') })
  const { local: counters } = testLimits()
  const sharedCounters: SharedCounters = {
    async take(charges) {
      t.mock.timers.setTime(Date.parse('2028-03-01T00:00:00.010Z'))
      return counters.take(charges)
    },
    add: () => {},
  }
  const { ask } = await setUp(
    t,
    { limit: 3, per: 'month', key: 'route' },
    { sharedCounters, document: STORE },
  )
  assert.equal((await ask()).headers['ratelimit-policy'], `"quota";q=3;w=${29 * 86_400}`)
})

test('quota: while the store is away, a quota may refuse', async t => {
  const { ask } = await setUp(
    t,
    { limit: 3, per: 'day', key: 'route', onStoreDown: 'refuse' },
    { document: STORE },
  )
  const got = await ask()
  assert.deepEqual([got.status, got.json().code], [503, 'WG_LIMIT_UNAVAILABLE'])
})
