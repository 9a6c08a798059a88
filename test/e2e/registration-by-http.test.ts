import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { makeAdminToken } from '../../cmd/commands/admin-token.ts'
import { register } from '../../index.ts'
import { openApiDocument } from '../../routes/admin/api/openapi.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { send } from '../support/http.ts'
import { type ApiDocument, answerChecker } from '../support/openapi.ts'
import { startService } from '../support/service.ts'
import type { ServingGateway, ServingOptions } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/library.md'), 'utf8')
const [, loop = ''] = /## Register without the library\n.*?```sh\n(.*?)```/s.exec(page) ?? []

const { token, entry } = makeAdminToken('register')
const CONFIG = { admin: { tokens: { hello: entry } } }

/** Starts a gateway that has the token, and returns how to register with it. */
async function setUp(
  t: TestContext,
  options: ServingOptions = {},
  start: (options: ServingOptions) => Promise<ServingGateway> = startGatewayHere,
) {
  const gateway = await start({ ...options, config: { ...CONFIG, ...options.config } })
  t.after(() => gateway.stop())
  return { gateway, ...callerOf(gateway) }
}

function callerOf(gateway: ServingGateway) {
  const port = Number(new URL(gateway.admin).port)
  const call = async (method: string, body?: object, path = 'hello/nodes/h1') => {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
    const sent = { method, path: `/api/v1/services/${path}`, headers }
    const got = await send(port, body ? { ...sent, body: JSON.stringify(body) } : sent)
    return {
      status: got.status,
      ...(got.json() as { outcome?: string; leftSeconds?: number; code?: string; detail?: string }),
    }
  }
  const answers = async () => {
    const { status, text } = await send(gateway.port, { path: '/hello/x' })
    return status === 200 ? text : status
  }
  return { port, call, put: (body?: object) => call('PUT', body), answers }
}

// Concurrently, because they mostly wait.
describe('the loop of the docs', { concurrency: true }, () => {
  for (const kind of ['the embedded etcd', 'a real etcd']) {
    test(`has traffic, loses it within its TTL when it dies, and leaves when it is ended, with ${kind}`, async t => {
      let options: ServingOptions = {}
      if (kind === 'a real etcd') {
        if (!requireEtcd(t)) return
        const etcd = await startEtcd()
        t.after(() => etcd.stop())
        options = { etcd: etcd.url }
      }
      const { gateway, answers } = await setUp(t, options)
      await using node = await startService('hello')
      const start = () => {
        let script = loop
        // The shortest TTL, and heartbeats that come soon enough for it on a busy machine.
        for (const [from, to] of [
          ['127.0.0.1:3001', `127.0.0.1:${node.port}`],
          ['"ttlSeconds":10', '"ttlSeconds":6'],
          ['sleep 2', 'sleep 1'],
        ] as const) {
          assert.ok(script.includes(from), from)
          script = script.replace(from, to)
        }
        const env = { PATH: process.env.PATH, WAYGATE_ADMIN: gateway.admin, WAYGATE_ADMIN_TOKEN: token }
        const child = spawn('sh', ['-c', script], { env, stdio: 'inherit', detached: true })
        t.after(() => child.kill('SIGKILL'))
        return child
      }
      const dying = start()
      await until('the service has traffic', async () => (await answers()) === 'hello')
      const since = performance.now()
      await until('it has lived longer than its TTL', async () => {
        assert.equal(await answers(), 'hello')
        return performance.now() - since > 7_000
      })
      process.kill(-dying.pid!, 'SIGKILL')
      const killed = performance.now()
      await until('its traffic is gone', async () => (await answers()) !== 'hello', { withinMs: 30_000 })
      t.diagnostic(`gone ${Math.round(performance.now() - killed)} ms after it died`)

      const leaving = start()
      await until('the service has traffic again', async () => (await answers()) === 'hello')
      leaving.kill('SIGTERM')
      await once(leaving, 'exit')
      // It has not expired: it was removed.
      await gateway.logged('node removed over HTTP')
      await until('it is gone', async () => (await answers()) !== 'hello')
    })
  }
})

test('a heartbeat may reach any gateway: those of one etcd, one that was started again, and workers', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await using node = await startService('hello')
  const options = { etcd: etcd.url }
  const one = await setUp(t, options)
  const other = await setUp(t, { ...options, config: { workers: 2 } }, startGateway)
  const body = { url: `http://127.0.0.1:${node.port}`, ttlSeconds: 3_600 }
  const registered = { status: 200, service: 'hello', id: 'h1', outcome: 'registered', leftSeconds: 3_600 }
  assert.deepEqual(await one.put(body), registered)
  for (const { answers } of [one, other])
    await until('it has traffic', async () => (await answers()) === 'hello')
  for (const sent of [body, undefined]) {
    assert.deepEqual(await other.put(sent), { ...registered, outcome: 'renewed' })
  }
  await one.gateway.stop()
  const again = await setUp(t, options)
  assert.equal((await again.put()).outcome, 'renewed')
  assert.deepEqual(await other.call('DELETE'), {
    status: 200,
    service: 'hello',
    id: 'h1',
    outcome: 'removed',
  })
  for (const { answers } of [again, other]) {
    await until('its traffic is gone', async () => (await answers()) !== 'hello')
  }
  assert.equal((await other.put()).code, 'WA_NOT_REGISTERED')
  assert.equal((await other.put({ ...body, ttlSeconds: 1 })).code, 'WA_BODY')

  const own = await register({ name: 'hello', id: 'h1', address: `127.0.0.1:${node.port}`, etcd: etcd.url })
  for (const { put } of [again, other]) assert.equal((await put(body)).code, 'WA_TAKEN')
  await own.unregister()

  await etcd.kill('SIGKILL')
  for (const { put } of [again, other]) assert.deepEqual((await put(body)).code, 'WA_REGISTRY')
  const lines = again.gateway.log().filter(({ msg }) => msg.endsWith('over HTTP'))
  assert.deepEqual(lines, [], 'a renewal is not logged')
})

test('a token adds no more nodes than it may, keeps those that are there, and another token adds its own', async t => {
  const other = makeAdminToken('register')
  const tokens = { hello: { ...entry, maxNodes: 2 }, other: other.entry }
  const { call, gateway } = await setUp(t, { config: { admin: { tokens } } })
  const put = (id: string, body: object) => call('PUT', body, `hello/nodes/${id}`)
  const body = { address: '127.0.0.1:1', ttlSeconds: 60 }
  for (const id of ['a', 'b']) assert.equal((await put(id, body)).outcome, 'registered')
  const refused = await put('c', body)
  assert.deepEqual([refused.status, refused.code], [403, 'WA_NODE_LIMIT'])
  assert.equal(
    refused.detail,
    'the token "hello" has 2 nodes registered; remove some, or raise admin.tokens.hello.maxNodes',
  )
  assert.deepEqual(
    [(await put('a', body)).outcome, (await put('b', { ...body, weight: 7 })).outcome],
    ['renewed', 'updated'],
  )
  const headers = { authorization: `Bearer ${other.token}`, 'content-type': 'application/json' }
  const added = await send(Number(new URL(gateway.admin).port), {
    ...{ method: 'PUT', path: '/api/v1/services/hello/nodes/c', body: JSON.stringify(body), headers },
  })
  assert.equal(added.status, 200)
  assert.equal((await put('c', body)).outcome, 'renewed', 'it is there')
  await call('DELETE', undefined, 'hello/nodes/a')
  await call('DELETE', undefined, 'hello/nodes/b')
  assert.equal((await put('d', body)).outcome, 'registered')
})

test('answers are as the API describes them, and nodes that a gateway must not use are refused', async t => {
  const { gateway, port, put, call } = await setUp(t, {
    config: { discovery: { allowedAddresses: ['127.0.0.0/8'] } },
  })
  const operate = { authorization: `Bearer ${token}` }
  assert.equal((await send(port, { path: '/api/v1/openapi.json', headers: operate })).status, 403)
  const path = '/api/v1/services/{name}/nodes/{id}'
  const check = answerChecker(openApiDocument() as unknown as ApiDocument)
  const { status, ...answer } = await put({ host: '127.0.0.1', port: 1 })
  check.answer('put', path, status, answer)
  const { status: removed, ...last } = await call('DELETE')
  check.answer('delete', path, removed, last)
  const logged = gateway.log().filter(({ msg }) => msg.endsWith('over HTTP'))
  assert.deepEqual(
    logged.map(({ msg, service, id, by }) => [msg, service, id, by]),
    [
      ['node registered over HTTP', 'hello', 'h1', 'hello'],
      ['node removed over HTTP', 'hello', 'h1', 'hello'],
    ],
  )

  const refused = async (body: object) => (await put(body)).detail
  assert.match((await refused({ address: '10.0.0.7:80' }))!, /not in discovery.allowedAddresses/)
  assert.match((await refused({ address: `127.0.0.1:${port}` }))!, /own admin listener/)
  assert.match((await call('PUT', { address: '127.0.0.1:1' }, 'hello/nodes/a%2Fb')).detail!, /id must be/)
})

test('where no process can register, that is said', async t => {
  const { adminPort } = await startTestGateway(t, { document: CONFIG })
  const got = await send(adminPort, {
    ...{ method: 'PUT', path: '/api/v1/services/hello/nodes/h1', body: '{"address":"127.0.0.1:1"}' },
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  assert.equal(got.status, 501)
  assert.equal(got.json().code, 'WA_READ_ONLY')
})
