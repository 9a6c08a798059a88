import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { GrpcNames } from '../../../cmd/gateway/grpc-names.ts'
import { LiveRoutes } from '../../../cmd/gateway/live-routes.ts'
import { LiveRules } from '../../../cmd/gateway/service-rules.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { routeContext } from '../../../config/load/route-context.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { createNode } from '../../../internal/nodes/node.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { FakePeer } from '../../support/peer.ts'
import { grpcRule, testRoute } from '../../support/route.ts'

const { config, keys } = loadConfig({ env: {}, cwd: tmpdir() })

/** A table in which each of these services has a node. */
function open(
  services: readonly string[],
  options: { readonly auto?: boolean; readonly isComplete?: boolean } = {},
) {
  const { auto = true, isComplete = true } = options
  const nodes = new NodeTable(node => new FakePeer(node))
  for (const service of services) {
    nodes.set(service, [createNode({ service, id: 'n1', host: '10.0.0.1', port: 1, protocol: 'grpc' })])
  }
  const grpcNames = new GrpcNames()
  const routes = new LiveRoutes({
    config: { ...config.routes, auto },
    rules: new LiveRules({ config }),
    nodes,
    context: routeContext(config, keys),
    grpcNames,
    logger: silentLogger,
  })
  if (isComplete) routes.complete()
  const serviceAt = (path: string) => routes.table.match('POST', undefined, path)?.service
  return { nodes, routes, grpcNames, serviceAt }
}

test('a service without a document is called at the names of its gRPC services', () => {
  const { routes, grpcNames, serviceAt } = open(['task'])
  assert.equal(serviceAt('/task.v1.Tasks/CreateTask'), undefined)
  grpcNames.set('task', 'reflected', ['task.v1.Tasks'])
  const route = routes.table.match('POST', undefined, '/task.v1.Tasks/CreateTask')
  assert.equal(route?.id, 'auto:task/task.v1.Tasks')
  assert.equal(route?.origin, 'auto')
  assert.equal(route?.path, '/task.v1.Tasks/*')
  assert.equal(route?.stripPrefix, '')
  assert.equal(
    routes.table.match('POST', undefined, '/task.v1.Tasks/GetTask'),
    route,
    'one object for all requests',
  )
  assert.equal(serviceAt('/task/task.v1.Tasks/CreateTask'), 'task')
  for (const path of [
    '/task.v1.tasks/CreateTask',
    '/TASK.V1.TASKS/CreateTask',
    '/task.v1/CreateTask',
    '/Tasks/Get',
  ]) {
    assert.equal(serviceAt(path), undefined, path)
  }
  grpcNames.set('task', 'reflected', [])
  assert.equal(serviceAt('/task.v1.Tasks/CreateTask'), undefined)
})

test('the name of a service comes before a gRPC name', () => {
  const { grpcNames, routes } = open(['task', 'task.v1.Tasks'])
  grpcNames.set('task', 'metadata', ['task.v1.Tasks'])
  assert.equal(routes.table.match('POST', undefined, '/task.v1.Tasks/Get')?.id, 'auto:task.v1.Tasks')
})

test('a service with a document has no automatic gRPC route, and neither has a name that it shares', () => {
  const { routes, grpcNames, serviceAt } = open(['task', 'tasks2'])
  grpcNames.set('task', 'reflected', ['task.v1.Tasks'])
  grpcNames.set('tasks2', 'reflected', ['task.v1.Tasks', 'task.v1.Admin'])
  routes.set([testRoute({ path: '/api/*', service: 'task' })], [])
  assert.equal(serviceAt('/task.v1.Tasks/CreateTask'), undefined)
  assert.equal(serviceAt('/task.v1.Admin/Delete'), 'tasks2')
  assert.deepEqual(
    routes.problems().map(({ key }) => key),
    ['auto:tasks2/task.v1.Tasks'],
  )
  routes.set([], ['task'])
  assert.equal(serviceAt('/task.v1.Tasks/CreateTask'), undefined, 'its document cannot be used')
  routes.set([], [])
  assert.equal(serviceAt('/task.v1.Tasks/CreateTask'), 'task')
})

test('of several services with one gRPC name the first gets its calls, and all of them are listed', () => {
  const { routes, grpcNames, nodes, serviceAt } = open(['b', 'c'])
  for (const service of ['a', 'b', 'c']) grpcNames.set(service, 'reflected', ['x.Y'])
  assert.equal(serviceAt('/x.Y/Z'), 'b', 'a has no node')
  assert.deepEqual(routes.problems(), [
    {
      key: 'auto:b/x.Y',
      reason: 'gets the calls of x.Y, which c also has: give each of them a route document',
    },
    {
      key: 'auto:c/x.Y',
      reason: 'gets no calls of x.Y, because b has it too: give each of them a route document',
    },
  ])
  nodes.set('b', [])
  assert.equal(serviceAt('/x.Y/Z'), 'c')
  assert.deepEqual(routes.problems(), [])
})

test('a service for which descriptors were written takes the calls, and it is no problem that it does', () => {
  const { routes, grpcNames, serviceAt } = open(['b', 'c'])
  grpcNames.set('b', 'reflected', ['x.Y'])
  grpcNames.set('c', 'written', ['x.Y'])
  assert.equal(serviceAt('/x.Y/Z'), 'c')
  assert.deepEqual(
    routes.problems().map(({ key }) => key),
    ['auto:b/x.Y'],
  )
})

test('a gRPC service that a document names has no automatic route to another service', () => {
  for (const rule of [
    { allow: ['x.Y/*'] },
    { allow: ['x.Y/Z'] },
    { idempotent: ['x.Y/Z'] },
    { rules: [{ selector: 'x.Y.Z', get: '/z' }] },
    { rules: [{ selector: 'x.Y/Z', get: '/z' }] },
  ]) {
    const { routes, grpcNames, serviceAt } = open(['other'])
    grpcNames.set('other', 'reflected', ['x.Y', 'x.Other'])
    assert.equal(serviceAt('/x.Y/Z'), 'other')
    routes.set([testRoute({ path: '/api/*', service: 'task', grpc: grpcRule(rule) })], [])
    assert.equal(serviceAt('/x.Y/Z'), undefined, JSON.stringify(rule))
    assert.equal(serviceAt('/x.Other/Z'), 'other')
    assert.deepEqual(
      routes.problems().filter(({ key }) => key.startsWith('auto:')),
      [
        {
          key: 'auto:other/x.Y',
          reason:
            'gets no calls of x.Y, because a route document of task names it: give each of them a route document',
        },
      ],
    )
  }
})

test('there is no automatic gRPC route before the table is complete, nor where automatic routes are off', () => {
  for (const options of [{ isComplete: false }, { auto: false }]) {
    const { grpcNames, serviceAt, routes } = open(['task'], options)
    grpcNames.set('task', 'reflected', ['task.v1.Tasks'])
    assert.equal(serviceAt('/task.v1.Tasks/CreateTask'), undefined)
    assert.deepEqual(routes.all(), [])
  }
})

test('automatic gRPC routes are listed with the others', () => {
  const { routes, grpcNames } = open(['task', 'user'])
  grpcNames.set('task', 'reflected', ['task.v1.Tasks'])
  assert.deepEqual(
    routes.all().map(({ id }) => id),
    ['auto:task', 'auto:task/task.v1.Tasks', 'auto:user'],
  )
})
