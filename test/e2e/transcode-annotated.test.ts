import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import {
  type JsonGateway,
  putDescriptors,
  startJsonGateway,
  TASK_SET,
  untilSchemaKnown,
} from '../support/json-gateway.ts'
import { until } from '../support/until.ts'

/** Starts a gateway that has the descriptors of the service from etcd, since its node cannot describe itself. */
async function start(t: TestContext, routes: Readonly<Record<string, unknown>> = {}): Promise<JsonGateway> {
  const gateway = await startJsonGateway(t, { node: { reflection: false }, routes })
  putDescriptors(gateway, 'task')
  if (Object.keys(routes).length === 0) await untilSchemaKnown(gateway)
  return gateway
}

suite('a gRPC service with google.api.http', () => {
  test('takes JSON at the paths of its annotations', async t => {
    const { ask, node } = await start(t)
    assert.deepEqual((await ask('GET', '/task/v1/tasks/7')).json, { id: '7', title: 'read', state: 'OPEN' })
    const created = await ask('POST', '/task/v1/tasks?dryRun=true', { title: 'x', state: 'DONE' })
    assert.equal(created.json.title, 'x')
    assert.deepEqual(node.calls.at(-1)?.request, { task: { title: 'x', state: 'DONE' }, dryRun: true })
    assert.equal((await ask('POST', '/task/v1/tasks/8:cancel')).json.id, '8')
    assert.equal((await ask('PATCH', '/task/v1/tasks/9', { title: 'new' })).json.id, '9')
    // The body of the answer is one field of the message.
    assert.deepEqual((await ask('GET', '/task/v1/tasks?tags=a&tags=b+c')).json, [
      { title: 'a' },
      { id: '1', title: 'b c' },
    ])
    assert.deepEqual((await ask('GET', '/task/v1/tasks')).json, [])
    await ask('POST', '/task/v1/users/u%20one/tasks:quick', 'true')
    assert.deepEqual(node.calls.at(-1)?.request, { task: { owner: 'users/u one' }, dryRun: true })
    // The automatic paths are there as well: a service without a document has one lock, whatever the door.
    assert.equal((await ask('POST', '/task/GetTask', { id: 5 })).json.id, '5')
  })

  test('whose annotation cannot be used is listed, and keeps the path of its name', async t => {
    const gateway = await start(t)
    const broken = Buffer.from(
      TASK_SET.toString('latin1').replace('/v1/tasks/{id}:cancel', '/v1/tasks/{id}:ca{cel'),
      'latin1',
    )
    putDescriptors(gateway, 'task', broken)
    const problems = () => gateway.gateway.table.problems().map(({ key, reason }) => `${key} ${reason}`)
    await until('the problem is listed', () => problems().length > 0)
    assert.deepEqual(problems(), [
      'descriptors:task the rule of task.v1.Tasks/CancelTask is not valid: the path template "/v1/tasks/{id}:ca{cel" is not valid: braces do not match',
    ])
    assert.equal((await gateway.ask('POST', '/task/CancelTask', { id: 8 })).json.id, '8')
    putDescriptors(gateway, 'task', TASK_SET)
    await until('the problem is gone', () => problems().length === 0)
  })

  test('reads fields of the query, and refuses what is none', async t => {
    const { ask, node } = await start(t)
    const query =
      'filter.state=DONE&filter.since=2026-01-02T03:04:05Z&pageSize=5&labels[a.b]=c&labels[d]=e%26'
    assert.equal((await ask('GET', `/task/v1/tasks?${query}`)).status, 200)
    assert.deepEqual(node.calls.at(-1)?.request, {
      pageSize: 5,
      filter: { state: 'DONE', since: { seconds: '1767323045' } },
      labels: { 'a.b': 'c', d: 'e&' },
    })
    const refused = [
      ['page_siz=5', 'the query parameter "page_siz" is not a field of the request'],
      ['pageSize=x', 'pageSize: not a number'],
      ['pageSize=1&page_size=2', 'pageSize: given twice'],
      ['filter=x', 'filter: a message cannot be given in the query; use the body'],
      ['labels=x', 'labels: give an entry of this map as name[key]=value'],
      ['filter.since=yesterday', 'filter.since: not a timestamp'],
    ] as const
    for (const [text, detail] of refused) {
      const { status, json } = await ask('GET', `/task/v1/tasks?${text}`)
      assert.equal(status, 400, text)
      assert.equal(json.detail, detail)
    }
    const twice = await ask('PATCH', '/task/v1/tasks/9', { id: '10' })
    assert.equal(twice.status, 400)
    assert.equal(twice.json.detail, 'id: given twice')
    const unused = await ask('PATCH', '/task/v1/tasks/9?title=x', {})
    assert.match(unused.json.detail, /"title" is not used, because the body is the whole request/)
  })

  test('follows the descriptors in etcd, and keeps the last good ones', async t => {
    const gateway = await start(t)
    const problems = () => gateway.gateway.table.problems()
    putDescriptors(gateway, 'task', Buffer.from('no set'))
    await until('the problem is listed', () => problems().length === 1)
    const [problem, ...others] = problems()
    assert.deepEqual(others, [])
    assert.equal(problem?.key, '/waygate/descriptors/task')
    assert.equal(problem.reason, 'it is not a FileDescriptorSet')
    assert.ok(problem.lastGood, 'it says which version is in use')
    assert.equal((await gateway.ask('GET', '/task/v1/tasks/7')).status, 200)
    gateway.registry.deleteEntry('descriptors', '/waygate/descriptors/task')
    await until('the descriptors are gone', async () => {
      return (await gateway.ask('GET', '/task/v1/tasks/7')).status === 503
    })
  })
})

suite('a route document of a gRPC service', () => {
  test('has no other door, has the rules of the document, and allows only what it lists', async t => {
    const gateway = await start(t, {
      tasks: {
        path: '/api/*',
        service: 'task',
        stripPrefix: '/api',
        grpc: {
          allow: ['task.v1.Tasks/GetTask', 'task.v1.Tasks/L*'],
          rules: [
            {
              selector: 'task.v1.Tasks.GetTask',
              get: '/one/{id}',
              additionalBindings: [{ get: '/uno/{id}' }],
            },
          ],
        },
      },
    })
    const { ask } = gateway
    await until('the schema is known', async () => (await ask('GET', '/api/nothing')).status === 404)
    assert.equal((await ask('GET', '/api/one/7')).status, 200)
    assert.equal((await ask('GET', '/api/uno/7')).status, 200)
    // The rule replaces the annotation, and annotated methods have no automatic path.
    assert.equal((await ask('GET', '/api/v1/tasks/7')).status, 405)
    assert.equal((await ask('POST', '/api/GetTask', {})).status, 404)
    assert.equal((await ask('GET', '/api/v1/tasks')).status, 200)
    const locked = await ask('POST', '/api/v1/tasks', { title: 'x' })
    assert.equal(locked.status, 404)
    assert.equal(locked.json.code, 'WG_NO_METHOD')
    for (const target of ['/task/one/7', '/task/GetTask', '/task.v1.Tasks/GetTask']) {
      assert.equal((await ask('POST', target, {})).status, 404, target)
    }
    assert.ok(gateway.node.calls.every(({ method }) => method !== 'CreateTask'))
  })

  test('takes descriptors of another name, and lists rules that have no effect', async t => {
    const gateway = await startJsonGateway(t, {
      node: { reflection: false },
      routes: {
        tasks: {
          path: '/api/*',
          service: 'task',
          stripPrefix: '/api',
          grpc: {
            descriptors: 'tasks-v1',
            bindings: 'default',
            json: {
              emitDefaults: true,
              enums: 'number',
              names: 'proto',
              errors: 'google',
              unknownFields: 'ignore',
            },
            rules: [
              { selector: 'task.v1.Tasks.Gone', get: '/gone' },
              { selector: 'task.v1.Tasks.ListTasks', get: '/list/{nothing}' },
            ],
          },
        },
      },
    })
    const { ask } = gateway
    assert.equal((await ask('POST', '/api/GetTask', {})).status, 503)
    assert.match(
      JSON.stringify(gateway.gateway.table.problems()),
      /there are no descriptors named \\"tasks-v1\\"/,
    )
    putDescriptors(gateway, 'tasks-v1')
    await until('the schema is known', async () => (await ask('GET', '/api/nothing')).status === 404)
    assert.deepEqual((await ask('POST', '/api/GetTask', { id: 7, unknown: 1 })).json, {
      id: '7',
      title: 'read',
      state: 1,
      tags: [],
      labels: {},
      owner: '',
    })
    assert.deepEqual((await ask('POST', '/api/GetTask', { id: 404 })).json, {
      code: 5,
      message: 'no such task',
      details: [],
    })
    const reasons = gateway.gateway.table.problems().map(({ key, reason }) => `${key} ${reason}`)
    assert.deepEqual(reasons, [
      'tasks $.grpc: a rule selects "task.v1.Tasks.Gone", which is no method',
      'tasks $.grpc: GET /list/{nothing} of task.v1.Tasks/ListTasks: nothing in the path is not a field of task.v1.ListTasksRequest',
    ])
  })
})
