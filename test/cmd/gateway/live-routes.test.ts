import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { LiveRoutes } from '../../../cmd/gateway/live-routes.ts'
import { LiveRules } from '../../../cmd/gateway/service-rules.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { createNode } from '../../../internal/nodes/node.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { FakePeer } from '../../support/peer.ts'
import { testRoute } from '../../support/route.ts'
import { until } from '../../support/until.ts'

const { config, keys } = loadConfig({ env: {}, cwd: tmpdir() })
const context = routeContext(config, keys)

function open(
  documents: typeof config.routes.documents = {},
  onChange?: ConstructorParameters<typeof LiveRules>[1],
) {
  const rules = new LiveRules({ config }, onChange)
  const nodes = new NodeTable(node => new FakePeer(node))
  const errors: string[] = []
  const warned: object[] = []
  const logger = {
    ...silentLogger,
    error: (_: object, message: string) => void errors.push(message),
    warn: (details: object, message: string) => void warned.push({ ...details, message }),
  }
  const anyAuth = { ...context, authenticators: undefined }
  const routes = new LiveRoutes({
    config: { ...config.routes, documents },
    rules,
    nodes,
    context: anyAuth,
    logger,
  })
  return { rules, nodes, errors, warned, routes }
}

test('of the routes of a service with a breaker, the one with the first id sets it', () => {
  const { routes, rules } = open()
  const a = testRoute({ id: 'a', path: '/a' })
  const b = testRoute({ id: 'b', path: '/b', breaker: { openMs: 100 } })
  const c = testRoute({ id: 'c', path: '/c', breaker: { openMs: 200, slowCallMs: 50 } })
  const other = testRoute({ id: 'other', path: '/o', service: 'task' })
  routes.set([c, other, b, a], [])
  assert.deepEqual(rules.of('user').breaker, { ...config.breaker, openMs: 100 })
  assert.equal(rules.of('task').breaker, undefined)
  routes.set([c, a], [])
  assert.deepEqual(rules.of('user').breaker, { ...config.breaker, openMs: 200, slowCallMs: 50 })
  routes.set([a], [])
  assert.equal(rules.of('user').breaker, undefined)
})

test('breaker and limit of a service may come from different routes, and each change is reported', () => {
  const reported: (number | null | undefined)[] = []
  const { routes, rules } = open({}, by => reported.push(by.get('user')?.serviceLimit?.concurrent))
  const a = testRoute({ id: 'a', path: '/a', breaker: { openMs: 100 } })
  const b = testRoute({ id: 'b', path: '/b', serviceLimit: { concurrent: 5 } })
  const c = testRoute({ id: 'c', path: '/c', serviceLimit: { concurrent: 6 }, breaker: { openMs: 200 } })
  routes.set([c, b, a], [])
  assert.deepEqual(rules.of('user'), {
    breaker: { ...config.breaker, openMs: 100 },
    serviceLimit: { ...config.serviceLimit, concurrent: 5 },
  })
  routes.set([c, a], [])
  routes.set([a], [])
  assert.deepEqual(reported, [undefined, 5, 6, undefined])
})

test('a rule for a service that another route sets too is shown as not used', () => {
  const { routes } = open()
  const a = testRoute({ id: 'a', path: '/a', breaker: { openMs: 100 }, healthCheck: null })
  const b = testRoute({ id: 'b', path: '/b', breaker: { openMs: 200 }, serviceLimit: { concurrent: 5 } })
  const other = testRoute({ id: 'c', path: '/c', service: 'task', breaker: { openMs: 300 } })
  routes.set([other, b, a], [])
  assert.deepEqual(routes.problems(), [
    { key: 'b', reason: '$.breaker is not used, because route a sets it too' },
  ])
})

test('a document that uses a former name is used, and is a warning rather than a problem', () => {
  const { routes, rules } = open()
  const parsed = routes.parse('old', { path: '/a', service: 'user', limit: { concurrent: 5 } }, 'etcd')
  assert.ok('route' in parsed)
  routes.set([parsed.route], [])
  assert.equal(rules.of('user').serviceLimit?.concurrent, 5)
  assert.deepEqual(routes.warnings(), [{ key: 'old', reason: '$.limit is deprecated: use serviceLimit' }])
  assert.deepEqual(routes.problems(), [])
})

test('without a key, a document that accepts only tokens becomes a closed route, which is logged once', () => {
  const { routes, errors } = open()
  const parse = (auth: unknown) => {
    const parsed = routes.parse('a', { path: '/a', service: 'user', auth }, 'etcd')
    assert.ok('route' in parsed)
    return parsed.route
  }
  assert.equal(parse('none').isBroken, undefined)
  for (const auth of ['jwt', { jwt: { scopes: ['s'] } }, ['jwt'], [{ jwt: { roles: ['r'] } }, 'jwt']]) {
    const route = parse(auth)
    assert.equal(route.isBroken, true, JSON.stringify(auth))
    routes.set([route], [])
    assert.match(
      routes.problems()[0]!.reason,
      /^\$\.auth: requires a token, but no key for tokens is configured/,
    )
  }
  assert.deepEqual(errors, ['route closed'])
  assert.equal(parse(['jwt', 'api-key']).isBroken, undefined, 'the other way in is open')
  parse('jwt')
  assert.deepEqual(errors, ['route closed', 'route closed'], 'again, after it was good')
})

test('a closed document that was deleted is logged again when it comes back', () => {
  const { routes, errors } = open()
  for (const n of [1, 2]) {
    const parsed = routes.parse('a', { path: '/a', service: 'user', auth: 'jwt' }, 'etcd')
    assert.ok('route' in parsed)
    routes.set([parsed.route], [])
    assert.equal(errors.length, n)
    routes.set([], [])
  }
})

test('a route is listed as closed for want of a key by what it is, not by what another document of its id was', () => {
  const { routes } = open({
    a: { path: '/a', service: 'user', auth: 'jwt' },
    b: { path: '/b', service: 'user', auth: 'none' },
  })
  const parse = (id: string, auth: unknown) => {
    const parsed = routes.parse(id, { path: `/${id}`, service: 'user', auth }, 'etcd')
    assert.ok('route' in parsed)
    return parsed.route
  }
  const listed = () => routes.problems().map(({ key }) => key)
  assert.deepEqual(listed(), ['a'], 'of the file')
  routes.set([parse('a', 'none'), parse('b', 'jwt')], [])
  assert.deepEqual(listed(), ['b'], 'of the registry, which comes first')
  routes.set([], [])
  assert.deepEqual(listed(), ['a'], 'of the file again')
})

test('a route to a service without a node is a problem, with the name that was probably meant', () => {
  const { routes, nodes } = open()
  const to = (id: string, service: string) => testRoute({ id, path: `/${id}`, service })
  nodes.set('task', [createNode({ service: 'task', id: 't1', host: '10.0.0.1', port: 1 })])
  const fallback = { type: 'service', service: 'tasc' } as const
  routes.set([to('a', 'tsak'), to('b', 'orders'), { ...to('c', 'task'), fallback }], [])
  assert.deepEqual(routes.warnings(), [], 'not before everything is loaded')
  routes.complete()
  assert.deepEqual(routes.warnings(), [
    { key: 'a', reason: '$.service: no node of "tsak" is registered (did you mean "task"?)' },
    { key: 'b', reason: '$.service: no node of "orders" is registered' },
    { key: 'c', reason: '$.fallback.service: no node of "tasc" is registered (did you mean "task"?)' },
  ])
})

test('a service that had a document gets no automatic route, and it is said once, with the document that brings it back', () => {
  const { routes, nodes, warned } = open()
  for (const service of ['user', 'task']) {
    nodes.set(service, [createNode({ service, id: 'n', host: '127.0.0.1', port: 1 })])
  }
  const ids = () => routes.all().map(({ id }) => id)
  routes.complete()
  assert.deepEqual(ids(), ['auto:task', 'auto:user'])
  routes.set([testRoute({ id: 'u', path: '/u' })], [])
  routes.set([testRoute({ id: 'u', path: '/u' })], [])
  assert.deepEqual(ids(), ['u', 'auto:task'])
  routes.set([], [], ['nobody', 'user'])
  routes.set([], [], ['nobody', 'user'])
  assert.deepEqual(ids(), ['auto:task'])
  assert.deepEqual(warned, [
    { services: ['user'], count: 1, message: 'automatic route ended: the service has a route document now' },
    {
      services: ['user'],
      count: 1,
      message: 'no automatic route: the service had a route document and has none now',
    },
  ])
  assert.deepEqual(routes.formerServices(), ['user'], 'one without a node would have no route anyway')
  const [{ key, reason } = { key: '', reason: '' }] = routes.warnings()
  assert.equal(key, 'auto:user')
  const document = JSON.parse(/\{.*\}/.exec(reason)![0])
  const parsed = routes.parse('u', document, 'etcd')
  assert.ok('route' in parsed)
  routes.set([parsed.route], [])
  assert.deepEqual(routes.warnings(), [])
  assert.deepEqual(ids(), ['u', 'auto:task'])
})

test('a former service that is not listed has no automatic route either, and its document counts when it comes back', () => {
  const { routes, nodes } = open()
  for (const service of ['user', 'task']) {
    nodes.set(service, [createNode({ service, id: 'n', host: '127.0.0.1', port: 1 })])
  }
  routes.complete()
  const isUser = (service: string) => service === 'user'
  routes.set([], [], [], isUser)
  assert.deepEqual(
    routes.all().map(({ id }) => id),
    ['auto:task'],
  )
  assert.deepEqual(routes.formerServices(), ['user'])
  routes.set([testRoute({ id: 'u', path: '/u' })], [], [], isUser)
  assert.deepEqual(routes.formerServices(), [])
  assert.deepEqual(
    routes.all().map(({ id }) => id),
    ['u', 'auto:task'],
  )
})

test('the automatic route of a service stays the same while it has nodes, and takes no memory afterwards', async () => {
  const { routes, nodes } = open()
  routes.complete()
  const node = (id: string) => createNode({ service: 'user', id, host: 'h', port: 1 })
  nodes.set('user', [node('u1')])
  const route = new WeakRef(routes.all()[0]!)
  nodes.set('user', [node('u1'), node('u2')])
  assert.equal(routes.all()[0], route.deref())
  nodes.set('user', [])
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await until('it is collected', () => {
    collect()
    return route.deref() === undefined
  })
})
