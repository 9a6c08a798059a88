import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { buildApp } from '../../examples/task/app.ts'

const ANNA = { 'x-user-id': 'anna' }
const BERTA = { 'x-user-id': 'berta' }

async function startApp() {
  const app = await buildApp({ database: ':memory:' })
  const ask = (method: InjectOptions['method'] & string, url: string, headers: object, payload?: object) =>
    app.inject({ method, url, headers: { ...headers }, ...(payload && { payload }) } as InjectOptions)
  return { ask, [Symbol.asyncDispose]: () => app.close() }
}

test('a task is created, read, changed and removed', async () => {
  await using app = await startApp()
  const created = await app.ask('POST', '/tasks', ANNA, { title: 'water the plants' })
  assert.equal(created.statusCode, 201)
  const task = created.json()
  assert.deepEqual(Object.keys(task).sort(), ['createdAt', 'done', 'id', 'title'])
  assert.equal(task.done, false)
  assert.ok(Math.abs(Date.now() - Date.parse(task.createdAt)) < 60_000)

  assert.deepEqual((await app.ask('GET', `/tasks/${task.id}`, ANNA)).json(), task)
  const changed = await app.ask('PATCH', `/tasks/${task.id}`, ANNA, { done: true })
  assert.deepEqual(changed.json(), { ...task, done: true })
  const renamed = await app.ask('PATCH', `/tasks/${task.id}`, ANNA, { title: 'water the cactus' })
  assert.deepEqual(renamed.json(), { ...task, title: 'water the cactus', done: true })

  const removed = await app.ask('DELETE', `/tasks/${task.id}`, ANNA)
  assert.equal(removed.statusCode, 204)
  assert.equal(removed.body, '')
  assert.equal((await app.ask('GET', `/tasks/${task.id}`, ANNA)).statusCode, 404)
})

test('each user lists only their own tasks, oldest first', async () => {
  await using app = await startApp()
  for (const title of ['one', 'two', 'three']) await app.ask('POST', '/tasks', ANNA, { title })
  await app.ask('POST', '/tasks', BERTA, { title: 'not for anna', done: true })
  const titles = async (headers: object) =>
    (await app.ask('GET', '/tasks', headers)).json().tasks.map((task: { title: string }) => task.title)
  assert.deepEqual(await titles(ANNA), ['one', 'two', 'three'])
  assert.deepEqual(await titles(BERTA), ['not for anna'])
  assert.deepEqual(await titles({ 'x-user-id': 'carla' }), [])
})

test("somebody else's task does not exist", async t => {
  await using app = await startApp()
  const { id } = (await app.ask('POST', '/tasks', ANNA, { title: 'mine' })).json()
  const attempts = [
    ['GET', undefined],
    ['PATCH', { title: 'yours' }],
    ['DELETE', undefined],
  ] as const
  for (const [method, payload] of attempts) {
    await t.test(method, async () => {
      const answer = await app.ask(method, `/tasks/${id}`, BERTA, payload)
      assert.equal(answer.statusCode, 404)
      assert.equal(answer.json().detail, `there is no task ${id}`)
    })
  }
  assert.equal((await app.ask('GET', `/tasks/${id}`, ANNA)).json().title, 'mine')
})

test('a request without a user is a 401 problem', async t => {
  await using app = await startApp()
  const requests = [
    ['POST', '/tasks', { title: 'nobody asks' }],
    ['GET', '/tasks', undefined],
    ['GET', '/tasks/1', undefined],
    ['PATCH', '/tasks/1', { done: true }],
    ['DELETE', '/tasks/1', undefined],
  ] as const
  for (const [method, url, payload] of requests) {
    await t.test(`${method} ${url}`, async () => {
      const answer = await app.ask(method, url, {}, payload)
      assert.equal(answer.statusCode, 401)
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
    })
  }
})

test('bodies that do not fit are refused', async t => {
  await using app = await startApp()
  const { id } = (await app.ask('POST', '/tasks', ANNA, { title: 'a task' })).json()
  const refused = [
    ['POST', '/tasks', {}],
    ['POST', '/tasks', { title: '' }],
    ['POST', '/tasks', { title: 'x'.repeat(501) }],
    ['POST', '/tasks', { title: 'a', done: 'yes' }],
    ['POST', '/tasks', { title: 'a', owner: 'berta' }],
    ['PATCH', `/tasks/${id}`, {}],
    ['PATCH', `/tasks/${id}`, { done: null }],
  ] as const
  for (const [method, url, body] of refused) {
    await t.test(`${method} ${JSON.stringify(body).slice(0, 40)}`, async () => {
      assert.equal((await app.ask(method, url, ANNA, body)).statusCode, 400)
    })
  }
})

test('a body above 16 KiB is refused', async () => {
  await using app = await startApp()
  const answer = await app.ask('POST', '/tasks', ANNA, { title: 'x'.repeat(20_000) })
  assert.equal(answer.statusCode, 413)
  assert.equal(answer.json().title, 'Payload Too Large')
})

test('/healthz answers without a user', async () => {
  await using app = await startApp()
  assert.deepEqual((await app.ask('GET', '/healthz', {})).json(), { status: 'ok' })
})
