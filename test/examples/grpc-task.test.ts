import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTasks } from '../../examples/grpc/task/tasks.ts'
import { buildApp } from '../../examples/task/app.ts'
import { until } from '../support/until.ts'
import { createExampleClient, type ExampleClient } from './grpc-client.ts'

interface Running extends AsyncDisposable {
  readonly client: ExampleClient
  /** Closes the service, as at the end of its process. */
  close(): Promise<void>
}

async function startTasks(): Promise<Running> {
  const { service, close } = await openTasks(':memory:')
  const client = createExampleClient(
    'task/v1/task.proto',
    'task.v1.Tasks',
    await service.listen('127.0.0.1', 0),
  )
  return {
    client,
    close: () => service.close(),
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await service.close()
      close()
    },
  }
}

test('a task is created, read, changed and removed', async () => {
  await using tasks = await startTasks()
  const one = async (method: string, request: object) => {
    const { status, replies } = await tasks.client.call(method, request, 'anna')
    assert.equal(status, 'OK')
    return replies[0]!
  }
  const task = await one('CreateTask', { title: 'water the plants' })
  assert.deepEqual(Object.keys(task).sort(), ['createdAt', 'done', 'id', 'title'])
  const { seconds } = task.createdAt as { seconds: number }
  assert.ok(Math.abs(Date.now() / 1_000 - seconds) < 60)
  const { id } = task
  assert.deepEqual(await one('GetTask', { id }), task)
  assert.deepEqual(await one('UpdateTask', { id, done: true }), { ...task, done: true })
  assert.deepEqual(await one('UpdateTask', { id, title: 'rest' }), { ...task, title: 'rest', done: true })
  assert.deepEqual(await one('UpdateTask', { id, done: false }), { ...task, title: 'rest', done: false })
  assert.deepEqual((await one('ListTasks', {})).tasks, [{ ...task, title: 'rest' }])
  assert.deepEqual(await one('DeleteTask', { id }), {})
  assert.deepEqual((await one('ListTasks', {})).tasks, [])
})

test('mistakes have the status of gRPC that stands for them', async () => {
  await using tasks = await startTasks()
  const failed = async (...args: Parameters<ExampleClient['call']>) => {
    const { status, message } = await tasks.client.call(...args)
    return `${status}: ${message}`
  }
  assert.match(await failed('ListTasks', {}), /^UNAUTHENTICATED: /)
  assert.match(await failed('WatchTasks', {}), /^UNAUTHENTICATED: /)
  assert.equal(await failed('GetTask', { id: '7' }, 'anna'), 'NOT_FOUND: there is no task 7')
  const { replies } = await tasks.client.call('CreateTask', { title: 'mine' }, 'anna')
  for (const method of ['GetTask', 'UpdateTask', 'DeleteTask']) {
    assert.match(await failed(method, { id: replies[0]!.id }, 'berta'), /^NOT_FOUND: /)
  }
  assert.match(await failed('CreateTask', { title: '' }, 'anna'), /^INVALID_ARGUMENT: title/)
  assert.match(
    await failed('UpdateTask', { id: replies[0]!.id, title: '' }, 'anna'),
    /^INVALID_ARGUMENT: title/,
  )
})

test('a title has as many characters as in the HTTP example, whatever they take in memory', async t => {
  const app = await buildApp({ database: ':memory:' })
  t.after(() => app.close())
  await using tasks = await startTasks()
  for (const [length, isTaken] of [
    [500, true],
    [501, false],
  ] as const) {
    const title = '\u{1f331}'.repeat(length)
    const { status } = await tasks.client.call('CreateTask', { title }, 'anna')
    assert.equal(status, isTaken ? 'OK' : 'INVALID_ARGUMENT')
    const request = { url: '/tasks', headers: { 'x-user-id': 'anna' }, payload: { title } } as const
    assert.equal((await app.inject({ method: 'POST', ...request })).statusCode, isTaken ? 201 : 400)
  }
})

test('many tasks are created by one stream, up to the first mistake', async () => {
  await using tasks = await startTasks()
  const { replies } = await tasks.client.call('ImportTasks', [{ title: 'a' }, { title: 'b' }], 'anna')
  assert.deepEqual(replies, [{ created: 2 }])
  const { status } = await tasks.client.call(
    'ImportTasks',
    [{ title: 'c' }, { title: '' }, { title: 'd' }],
    'anna',
  )
  assert.equal(status, 'INVALID_ARGUMENT')
  const list = (await tasks.client.call('ListTasks', {}, 'anna')).replies[0]!.tasks as { title: string }[]
  assert.deepEqual(
    list.map(({ title }) => title),
    ['a', 'b', 'c'],
  )
})

test('a watch sends what there is, then every change of the same user, until the service closes', async () => {
  await using tasks = await startTasks()
  const { client } = tasks
  const { id } = (await client.call('CreateTask', { title: 'old' }, 'anna')).replies[0]!
  const watch = client.start('WatchTasks', {}, 'anna')
  const seen: string[] = []
  watch.on('data', ({ kind, task }) => seen.push(`${kind} ${task.title}`))
  const ended = new Promise<{ code: number }>(resolve => watch.on('status', resolve))
  await until('the first event', () => seen.length === 1)
  await client.call('CreateTask', { title: 'new' }, 'anna')
  await client.call('CreateTask', { title: 'not for anna' }, 'berta')
  await client.call('UpdateTask', { id, title: 'older' }, 'anna')
  await client.call('DeleteTask', { id }, 'anna')
  await until('all events', () => seen.length === 4)
  assert.deepEqual(seen, ['PRESENT old', 'CREATED new', 'UPDATED older', 'DELETED older'])
  await tasks.close()
  assert.equal((await ended).code, 14)
})
