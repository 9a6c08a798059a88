import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite, test } from 'node:test'
import { token } from '../support/gateway.ts'
import { startJsonGateway, untilSchemaKnown } from '../support/json-gateway.ts'
import { until } from '../support/until.ts'

suite('a gRPC service that has registered with one value in etcd and has server reflection', () => {
  test('takes JSON at the names of its methods', async t => {
    const gateway = await startJsonGateway(t)
    await untilSchemaKnown(gateway)
    const created = await gateway.ask('POST', '/task/CreateTask', {
      task: { title: 'read the README', state: 'OPEN', tags: ['a', 'b'], labels: { k: 'v' } },
    })
    assert.equal(created.status, 200)
    assert.equal(created.headers.get('content-type'), 'application/json')
    // A number of 64 bits keeps its digits.
    const expected = {
      id: '9007199254740993',
      title: 'read the README',
      state: 'OPEN',
      tags: ['a', 'b'],
      labels: { k: 'v' },
    }
    assert.deepEqual(created.json, expected)
    assert.equal(created.headers.get('x-task-head'), 'first')
    assert.equal(created.headers.get('x-task-trailer'), 'last')
    assert.equal(created.headers.get('grpc-status'), null)
    const [call] = gateway.node.calls
    assert.equal(call?.metadata.get('x-request-id')[0], created.headers.get('x-request-id'))
    assert.deepEqual(call?.metadata.get('accept-language'), [])
  })

  test('also at the name of the gRPC service, below its own name and by itself', async t => {
    const gateway = await startJsonGateway(t)
    await untilSchemaKnown(gateway)
    for (const target of ['/task/task.v1.Tasks/GetTask', '/task.v1.Tasks/GetTask', '/task/GetTask']) {
      const answer = await gateway.ask('POST', target, { id: 7 })
      assert.equal(answer.status, 200, target)
      assert.deepEqual(answer.json, { id: '7', title: 'read', state: 'OPEN' })
    }
    // Its descriptor says that it changes nothing.
    assert.deepEqual((await gateway.ask('GET', '/task/GetTask?id=8')).json.id, '8')
    const head = await gateway.ask('HEAD', '/task/GetTask?id=8')
    assert.equal(head.status, 200)
    assert.equal(head.text, '')
  })

  test('at the name of its gRPC service even if it has nodes of HTTP as well, which get everything else', async t => {
    const gateway = await startJsonGateway(t)
    await untilSchemaKnown(gateway)
    const server = createServer((_, response) => response.end('http')).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await gateway.registry.register({ service: 'task', id: 'h1', host: '127.0.0.1', port })
    await until('the table has the node', () => gateway.gateway.nodeCount() === 2)
    assert.equal((await gateway.ask('POST', '/task/GetTask', { id: 7 })).text, 'http')
    assert.equal((await gateway.ask('POST', '/task.v1.Tasks/GetTask', { id: 7 })).json.id, '7')
  })

  test('tells errors of the service as problems, with the text as it is', async t => {
    const gateway = await startJsonGateway(t)
    await untilSchemaKnown(gateway)
    const { status, headers, json } = await gateway.ask('POST', '/task/CreateTask', { task: {} })
    assert.equal(status, 400)
    assert.equal(headers.get('content-type'), 'application/problem+json')
    assert.deepEqual(json, {
      type: 'urn:grpc:status:INVALID_ARGUMENT',
      title: 'Invalid argument',
      status: 400,
      code: 'INVALID_ARGUMENT',
      grpcStatus: 3,
      detail: 'the title is empty: größer als 0',
      requestId: headers.get('x-request-id'),
    })
    const missing = await gateway.ask('POST', '/task/GetTask', { id: '404' })
    assert.equal(missing.status, 404)
    assert.equal(missing.json.code, 'NOT_FOUND')
    assert.equal(missing.json.detail, 'no such task')
  })

  const REFUSED: readonly {
    readonly name: string
    readonly body: unknown
    readonly detail: string
  }[] = [
    {
      name: 'a field that does not exist',
      body: { task: { titel: 'x' } },
      detail: 'task.titel: no such field',
    },
    { name: 'a text for a number', body: { task: { id: 'seven' } }, detail: 'task.id: not a number' },
    {
      name: 'a number that is too large',
      body: '{"task":{"id":9223372036854775808}}',
      detail: 'task.id: out of range',
    },
    {
      name: 'a date for a timestamp',
      body: { task: { createdAt: '2026-01-01' } },
      detail: 'task.createdAt: not a timestamp',
    },
    {
      name: 'an item of the wrong type',
      body: { task: { tags: ['a', 1] } },
      detail: 'task.tags[1]: not a string',
    },
    {
      name: 'an entry of the wrong type',
      body: { task: { labels: { a: 1 } } },
      detail: 'task.labels["a"]: not a string',
    },
    {
      name: 'an unknown value of an enum',
      body: { task: { state: 'LOST' } },
      detail: 'task.state: not a value of task.v1.Task.State',
    },
    { name: 'an array', body: [], detail: 'not an object' },
    { name: 'no JSON', body: '{"task":', detail: 'the body is not JSON' },
    { name: 'deep nesting', body: `${'['.repeat(100_000)}`, detail: 'the body is nested more than 64 deep' },
  ]
  test('refuses bodies that are not the message, and names the field', async t => {
    const gateway = await startJsonGateway(t)
    await untilSchemaKnown(gateway)
    for (const { name, body, detail } of REFUSED) {
      const { status, json } = await gateway.ask('POST', '/task/CreateTask', body)
      assert.equal(status, 400, name)
      assert.equal(json.code, 'WG_BAD_REQUEST', name)
      assert.equal(json.detail, detail, name)
    }
    assert.equal(gateway.node.calls.length, 0)
    const type = await gateway.ask('POST', '/task/CreateTask', '<a/>', { 'content-type': 'text/xml' })
    assert.equal(type.status, 415)
    assert.equal(type.json.code, 'WG_UNSUPPORTED_MEDIA')
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const page = { ...form, origin: 'https://elsewhere.example' }
    const sent = await gateway.ask('POST', '/task/CreateTask', '{"task":{"title":"sent by a page"}}', page)
    assert.equal(sent.status, 415, 'another page could send a form with the cookies of its user')
    assert.equal(gateway.node.calls.length, 0)
    const curled = await gateway.ask('POST', '/task/CreateTask', '{"task":{"title":"sent by curl -d"}}', form)
    assert.equal(curled.status, 200, 'curl -d declares a form, whatever it sends')
    assert.equal(gateway.node.calls.length, 1)
    const unknown = await gateway.ask('POST', '/task/NoSuchMethod', {})
    assert.equal(unknown.status, 404)
    assert.equal(unknown.json.code, 'WG_NO_METHOD')
    const verb = await gateway.ask('DELETE', '/task/CreateTask')
    assert.equal(verb.status, 405)
    assert.equal(verb.headers.get('allow'), 'POST')
    const large = await gateway.ask(
      'POST',
      '/task/CreateTask',
      JSON.stringify({ task: { title: 'x'.repeat(5_000_000) } }),
    )
    assert.equal(large.status, 413)
    for (const service of [
      'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      'grpc.health.v1.Health/Check',
    ]) {
      assert.equal((await gateway.ask('POST', `/task/${service}`, {})).status, 404, service)
      assert.equal((await gateway.ask('POST', `/${service}`, {})).status, 404, service)
    }
  })

  test('logs the call, and counts its messages', async t => {
    const gateway = await startJsonGateway(t)
    await untilSchemaKnown(gateway)
    await gateway.ask('POST', '/task/GetTask', { id: 1 }, { 'x-request-id': 'seen' })
    const line = await gateway.logged('seen')
    assert.equal(line.rpc, 'task.v1.Tasks/GetTask')
    assert.equal(line.grpcStatus, 0)
    assert.equal(line.transcoded, true)
    await gateway.ask('POST', '/task/GetTask', { id: 'x' })
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text()
    assert.match(metrics, /^waygate_grpc_messages_total\{service="task",direction="request"\} 1$/m)
    assert.match(metrics, /^waygate_grpc_messages_total\{service="task",direction="answer"\} 1$/m)
    assert.match(metrics, /^waygate_transcode_errors_total\{service="task",reason="request"\} 1$/m)
    assert.match(metrics, /^waygate_descriptors\{service="task",source="reflection"\} 1$/m)
    assert.match(metrics, /^waygate_descriptors_failed_total 0$/m)
    assert.match(metrics, /^waygate_grpc_calls_total\{.*method="task.v1.Tasks\/GetTask".*\} 1$/m)
  })

  test('is answered 503 while nothing is known of its methods, and a problem is listed', async t => {
    const gateway = await startJsonGateway(t, { node: { reflection: false } })
    const { status, json, headers } = await gateway.ask('POST', '/task/CreateTask', {})
    assert.equal(status, 503)
    assert.equal(json.code, 'WG_NO_SCHEMA')
    assert.equal(headers.get('retry-after'), '1')
    await until('the problem is listed', () =>
      gateway.gateway.table
        .problems()
        .some(({ key, reason }) => key === 'reflection:task' && /no server reflection/.test(reason)),
    )
  })

  test('asks for the token that any automatic route asks for, before it looks at the method', async t => {
    const gateway = await startJsonGateway(t, { withKey: true })
    await until('the schema is known', async () => {
      const { status } = await gateway.ask(
        'POST',
        '/task/NoSuchMethod',
        {},
        { authorization: `Bearer ${token()}` },
      )
      return status === 404
    })
    for (const target of ['/task/CreateTask', '/task/NoSuchMethod', '/task.v1.Tasks/CreateTask']) {
      assert.equal((await gateway.ask('POST', target, {})).status, 401, target)
    }
    assert.equal(gateway.node.calls.length, 0)
    const { status } = await gateway.ask(
      'POST',
      '/task/GetTask',
      { id: 1 },
      { authorization: `Bearer ${token()}` },
    )
    assert.equal(status, 200)
    assert.equal(gateway.node.calls[0]?.metadata.get('x-user-id')[0], 'u1')
  })
})
