import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { MethodsPage, ServicesPage } from '../../../routes/admin/page-types.ts'
import { writeDescriptorSet } from '../../../wrappers/descriptors/repair.ts'
import { putDescriptors, startJsonGateway, untilSchemaKnown } from '../../support/json-gateway.ts'
import { until } from '../../support/until.ts'

const SET = readFileSync(join(import.meta.dirname, '../../fixtures/grpc/task.binpb'))

/** A gateway whose pages are read, with the descriptors of the service from etcd if `bytes` are given. */
async function start(t: TestContext, { bytes, routes = {} }: { bytes?: Buffer; routes?: object } = {}) {
  const gateway = await startJsonGateway(t, {
    node: { reflection: bytes === undefined },
    routes: routes as Record<string, unknown>,
  })
  if (bytes) putDescriptors(gateway, 'task', bytes)
  const get = (path: string) => fetch(`http://127.0.0.1:${gateway.adminPort}${path}`)
  const methods = async () => (await (await get('/services/task/methods')).json()) as MethodsPage
  const services = async () => ((await (await get('/services')).json()) as ServicesPage).services
  return { gateway, get, methods, services }
}

test('the methods of a service are listed with their kinds, their bindings, and where these come from', async t => {
  const rules = [{ selector: 'task.v1.Tasks.CancelTask', delete: '/tasks/{id}' }]
  const routes = { api: { path: '/task/*', service: 'task', stripPrefix: '/task', grpc: { rules } } }
  const { methods, services } = await start(t, { bytes: SET, routes })
  await until('the descriptors are known', async () => (await methods()).descriptors.source !== null)
  const page = await methods()
  const descriptors = { source: 'etcd', from: 'task', methods: 8, problems: [] }
  assert.deepEqual([page.service, page.descriptors], ['task', descriptors])
  assert.deepEqual((await services())[0]?.descriptors, descriptors)
  const lines = page.methods.map(({ name, kind, bindings }) => [
    `${name} ${kind}`,
    ...bindings.map(({ method, path, body = '-', answer = '-', from }) =>
      [method, path, body, answer, from].join(' '),
    ),
  ])
  const byName = (name: string) => [
    `POST /task.v1.Tasks/${name} * - name`,
    ...(name === 'GetTask' ? [`GET /task.v1.Tasks/${name} - - name`] : []),
    `POST /${name} * - name`,
    ...(name === 'GetTask' ? [`GET /${name} - - name`] : []),
  ]
  assert.deepEqual(lines, [
    [
      'task.v1.Tasks/CreateTask unary',
      'POST /v1/tasks task - annotation',
      'POST /v1/{task.owner=users/*}/tasks:quick dry_run - annotation',
      ...byName('CreateTask'),
    ],
    ['task.v1.Tasks/GetTask unary', 'GET /v1/tasks/{id} - - annotation', ...byName('GetTask')],
    ['task.v1.Tasks/ListTasks unary', 'GET /v1/tasks - tasks annotation', ...byName('ListTasks')],
    ['task.v1.Tasks/UpdateTask unary', 'PATCH /v1/tasks/{id} * - annotation', ...byName('UpdateTask')],
    ['task.v1.Tasks/CancelTask unary', 'DELETE /tasks/{id} - - rule', ...byName('CancelTask')],
    ['task.v1.Tasks/WatchTasks server-stream', 'GET /v1/tasks:watch - - annotation', ...byName('WatchTasks')],
    ['task.v1.Tasks/ImportTasks client-stream', ...byName('ImportTasks')],
    ['task.v1.Tasks/Chat bidi-stream', ...byName('Chat')],
  ])
})

test('the node that was asked is named, and what cannot be used stays with its service', async t => {
  const { gateway, get, methods, services } = await start(t)
  await untilSchemaKnown(gateway)
  const from = `127.0.0.1:${gateway.node.port}`
  assert.deepEqual((await methods()).descriptors, { source: 'reflection', from, methods: 8, problems: [] })
  putDescriptors(gateway, 'task', Buffer.from('no set'))
  await until('the value is a problem', async () => (await methods()).descriptors.problems.length === 1)
  const { descriptors } = await methods()
  // What the node says is still in force.
  assert.deepEqual([descriptors.source, descriptors.methods], ['reflection', 8])
  assert.deepEqual((await services())[0]?.descriptors, descriptors)
  const missing = await get('/services/nobody/methods')
  assert.equal(missing.status, 404)
  assert.match(missing.headers.get('content-type')!, /problem\+json/)
})

test('a service whose nodes cannot be asked has no methods, and the reason', async t => {
  const gateway = await startJsonGateway(t, { node: { reflection: false } })
  const page = async () =>
    (await (await fetch(`http://127.0.0.1:${gateway.adminPort}/services/task/methods`)).json()) as MethodsPage
  await until('the node was asked', async () => (await page()).descriptors.problems.length > 0)
  const { descriptors, methods } = await page()
  assert.deepEqual([descriptors.source, descriptors.methods, methods], [null, 0, []])
  assert.match(descriptors.problems[0]!, /reflection/)
})

/** A service with so many methods. */
function manyMethods(count: number): Buffer {
  const type = '.many.v1.Empty'
  const method = Array.from({ length: count }, (_, i) => ({
    name: `M${i}`,
    inputType: type,
    outputType: type,
  }))
  const file = create(FileDescriptorProtoSchema, {
    name: 'many.proto',
    package: 'many.v1',
    syntax: 'proto3',
    messageType: [{ name: 'Empty' }],
    service: [{ name: 'Many', method }],
  })
  return writeDescriptorSet([file])
}

test('a page of methods is bounded, however many the descriptors have', async t => {
  const { methods, services } = await start(t, { bytes: manyMethods(1_200) })
  await until('the descriptors are known', async () => (await methods()).descriptors.source !== null)
  const page = await methods()
  assert.deepEqual([page.descriptors.methods, page.methods.length], [1_200, 1_000])
  assert.ok(JSON.stringify(await services()).length < 2_000)
})
