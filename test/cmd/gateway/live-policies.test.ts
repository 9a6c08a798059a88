import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LivePolicies } from '../../../cmd/gateway/live-policies.ts'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { type CreatePolicy, type Exchange, type Policy, runSteps } from '../../../internal/policy.ts'
import type { Route } from '../../../internal/routing/route.ts'
import type { UpstreamResponse } from '../../../internal/upstream.ts'
import { createWholeResponse } from '../../../internal/whole-response.ts'
import { PolicyCounts } from '../../../routes/admin/metrics/policy-metrics.ts'
import { testLimits } from '../../support/limits.ts'
import { NO_MIRRORS } from '../../support/no-mirrors.ts'
import { testRequest, testRoute } from '../../support/route.ts'

type Create = CreatePolicy<never, unknown>

const ANSWER = createWholeResponse(200, [], Buffer.from('node'))

/** Creates policies by name, and records which are made. */
function open(chain: Readonly<Record<string, (rule: unknown) => Policy>>) {
  const made: string[] = []
  const counts = new PolicyCounts()
  const noting = Object.fromEntries(
    Object.entries(chain).map(([name, create]) => [
      name,
      ((rule: unknown) => {
        made.push(`${name} ${JSON.stringify(rule)}`)
        return create(rule)
      }) as Create,
    ]),
  )
  const policies = new LivePolicies({
    upstream: async () => ANSWER,
    counts,
    limits: testLimits(),
    chain: noting,
    nodes: { hasAvailable: () => true },
    mirrors: NO_MIRRORS,
  })
  return { policies, counts, made }
}

function exchangeOf(route: Route): Exchange {
  const call = new Call('id', 'GET', '/', 0)
  call.route = route
  return { call } as Exchange
}

const routeWith = (policies: Route['policies'], id = 'r1') => testRoute({ id, policies })

test('a policy is made at the first request of its route, and once', () => {
  const { policies, made } = open({ a: () => ({}), b: () => ({}) })
  const route = routeWith({ a: 1 })
  assert.deepEqual(made, [])
  assert.equal(policies.planOf(route), policies.planOf(route))
  assert.deepEqual(made, ['a 1'])
})

test('answers meet the transforms from the bottom, and a route without any has none', () => {
  const [first, second] = [() => undefined, () => undefined]
  const { policies } = open({
    a: () => ({ transform: first }),
    b: () => ({}),
    c: () => ({ transform: second }),
  })
  assert.deepEqual(policies.planOf(routeWith({ a: 1, b: 1, c: 1 })).transforms, [second, first])
  assert.equal(policies.planOf(routeWith({ b: 1 })).transforms, undefined)
})

test('state survives a relist and edits of anything else, and ends with its rule', () => {
  const { policies, made } = open({ a: () => ({}), b: () => ({}) })
  policies.planOf(routeWith({ a: { n: 1 }, b: 1 }))
  policies.planOf(routeWith({ a: 1 }, 'other'))
  const relisted = [routeWith({ a: { n: 1 }, b: 1 }), routeWith({ a: 1 }, 'other')]
  policies.retain(relisted)
  for (const route of relisted) policies.planOf(route)
  assert.deepEqual(made, ['a {"n":1}', 'b 1', 'a 1'])
  made.length = 0

  const edited = testRoute({ id: 'r1', path: '/other', timeoutMs: 1, policies: { a: { n: 1 }, b: 2 } })
  policies.retain([edited, relisted[1]!])
  policies.planOf(edited)
  assert.deepEqual(made, ['b 2'])
  made.length = 0

  policies.retain([testRoute({ id: 'r1' })])
  const again = [routeWith({ a: { n: 1 }, b: 2 }), routeWith({ a: 1 }, 'other')]
  for (const route of again) policies.planOf(route)
  assert.deepEqual(made, ['a {"n":1}', 'b 2', 'a 1'])
})

test('a route that comes back from behind another of the same id runs the policies that are kept from then on', () => {
  const { policies, made } = open({ a: () => ({}) })
  const ofFile = routeWith({ a: 1 })
  policies.planOf(ofFile)
  const ofEtcd = routeWith({ a: 2 })
  policies.retain([ofEtcd])
  policies.planOf(ofEtcd)
  policies.retain([ofFile])
  policies.planOf(ofFile)
  assert.deepEqual(made, ['a 1', 'a 2', 'a 1'])
  policies.configure({ upstream: async () => ANSWER })
  policies.planOf(ofFile)
  assert.equal(made.length, 3, 'a reload that changes nothing makes none of them anew')
})

test('policies of automatic routes stay: they come and go with their nodes, not with documents', () => {
  const { policies, made } = open({ a: () => ({}) })
  const autoRoute = () => testRoute({ id: 'auto:user', origin: 'auto', policies: { a: 1 } })
  policies.planOf(autoRoute())
  policies.retain([])
  policies.planOf(autoRoute())
  assert.deepEqual(made, ['a 1'])
})

test('a rule that changed without a call of retain is noticed at the next request', () => {
  const { policies, made } = open({ a: () => ({}) })
  policies.planOf(routeWith({ a: 1 }))
  policies.planOf(routeWith({ a: 2 }))
  assert.deepEqual(made, ['a 1', 'a 2'])
})

test('requests meet policies in the order of the chain, answers in the opposite one', async () => {
  const seen: string[] = []
  const policy = (name: string) => (): Policy => ({
    onRequest: () => void seen.push(`request ${name}`),
    onAuthorized: () => void seen.push(`authorized ${name}`),
    around: next => (request, call) => {
      seen.push(`around ${name}`)
      return next(request, call)
    },
    onResponse: () => void seen.push(`response ${name}`),
  })
  const { policies } = open({ a: policy('a'), b: policy('b'), c: policy('c') })
  const route = routeWith({ c: 1, a: 1 })
  const exchange = exchangeOf(route)
  const plan = policies.planOf(route)
  assert.equal(runSteps(plan.onRequest, exchange), undefined)
  assert.equal(runSteps(plan.onAuthorized, exchange), undefined)
  assert.equal(await plan.upstream(testRequest(), exchange.call), ANSWER)
  for (const edit of plan.onResponse) edit({ status: 200, headers: [], from: 'upstream' }, exchange)
  assert.deepEqual(seen, [
    ...['request a', 'request c', 'authorized a', 'authorized c'],
    ...['around a', 'around c', 'response c', 'response a'],
  ])
})

test('the first answer ends the steps, without a promise where no step waits', async () => {
  const own = createWholeResponse(204, [], Buffer.alloc(0))
  const answers: Readonly<Record<string, () => ReturnType<NonNullable<Policy['onRequest']>>>> = {
    none: () => undefined,
    own: () => own,
    later: async () => undefined,
    ownLater: async () => own,
    never: () => assert.fail('behind the answer'),
  }
  const run = (...names: string[]): UpstreamResponse | undefined | Promise<UpstreamResponse | undefined> => {
    const { policies } = open(
      Object.fromEntries(names.map(name => [name, () => ({ onRequest: answers[name]! })])),
    )
    const route = routeWith(Object.fromEntries(names.map(name => [name, 1])))
    return runSteps(policies.planOf(route).onRequest, exchangeOf(route))
  }
  assert.equal(run('none'), undefined)
  assert.equal(run('none', 'own', 'never'), own)
  assert.ok(run('later') instanceof Promise)
  assert.equal(await run('later', 'none'), undefined)
  assert.equal(await run('later', 'own', 'never'), own)
  assert.equal(await run('none', 'ownLater', 'never'), own)
})

test('refusals are counted by route and policy, whether a step waited or not, and noted in the call', async () => {
  const refuse = () => {
    throw new GatewayError('WG_FORBIDDEN')
  }
  const { policies, counts } = open({
    now: () => ({ onRequest: refuse }),
    later: () => ({ onRequest: async () => refuse() }),
    broken: () => ({
      onRequest: () => {
        throw new TypeError('a bug')
      },
    }),
  })
  for (const name of ['now', 'later', 'broken']) {
    const route = routeWith({ [name]: 1 }, name)
    const exchange = exchangeOf(route)
    await assert.rejects(async () => runSteps(policies.planOf(route).onRequest, exchange))
    assert.equal(exchange.call.policy, name === 'broken' ? undefined : name)
  }
  assert.deepEqual(
    [...counts.refusals.samples()],
    [
      { labels: { route: 'now', policy: 'now', rule: '' }, value: 1 },
      { labels: { route: 'later', policy: 'later', rule: '' }, value: 1 },
    ],
  )
})

test('a broken route refuses every request before any policy', () => {
  const { policies, made } = open({ a: () => ({}) })
  const route = testRoute({ policies: {}, isBroken: true })
  assert.throws(() => runSteps(policies.planOf(route).onRequest, exchangeOf(route)), {
    code: 'WG_ROUTE_BROKEN',
    headers: { 'retry-after': '5' },
  })
  assert.deepEqual(made, [])
})

test('labels stay bounded: routes beyond the first 5,000 are counted together', () => {
  const counts = new PolicyCounts()
  for (let i = 0; i < 5_010; i++) counts.refusals.add(`r${i}`, ['clients', ''])
  const samples = [...counts.refusals.samples()]
  assert.equal(samples.length, 5_001)
  assert.deepEqual(samples.at(-1), { labels: { route: 'other', policy: 'clients', rule: '' }, value: 10 })
})
