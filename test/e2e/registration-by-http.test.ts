import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeAdminToken } from '../../cmd/commands/admin-token.ts'
import { register } from '../../index.ts'
import { etcdctl, requireEtcd, startEtcd } from '../support/etcd.ts'
import { setUpUsers } from '../support/etcd-json.ts'
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
async function setUp(t: TestContext, options: ServingOptions = {}, start = startGatewayHere) {
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
    return { status: got.status, ...(got.json() as { outcome?: string; leftSeconds?: number; code?: string; detail?: string }) }
  }
  const answers = async () => {
    const { status, text } = await send(gateway.port, { path: '/hello/x' })
    return status === 200 ? text : status
  }
  return { port, call, put: (body?: object) => call('PUT', body), answers }
}

for (const kind of ['the embedded etcd', 'a real etcd']) {
  test(`the loop of the docs has traffic, loses it within its TTL when it dies, and leaves when it is ended, with ${kind}`, async t => {
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
      const script = loop.replace('127.0.0.1:3001', `127.0.0.1:${node.port}`)
      assert.notEqual(script, loop)
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
    await until('it is gone at once', async () => (await answers()) !== 'hello', { withinMs: 3_000 })
  })
}
