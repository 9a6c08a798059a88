import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause, setImmediate } from 'node:timers/promises'
import jwt from 'jsonwebtoken'
import { makeAdminToken } from '../../cmd/commands/admin-token.ts'
import { send } from '../support/http.ts'
import { openRegistry } from '../support/registry.ts'
import { type ReloadedGateway, startReloadedGateway } from '../support/reloaded-gateway.ts'
import { until } from '../support/until.ts'
import { openWebSocket, startWebSocketNode } from '../support/websocket.ts'

const SECRET = 'the secret of tests, which is long enough'
const DOCUMENTS = {
  open: { path: '/open/*', service: 'echo', auth: 'none' },
  private: { path: '/private/*', service: 'echo' },
}
const BASE = {
  overload: { loopDelayMs: 0 },
  clientLimits: { headersTimeoutMs: 60_000 },
  routes: { documents: DOCUMENTS },
}
const bearer = (secret = SECRET) => `Bearer ${jwt.sign({ sub: 'u1' }, secret, { expiresIn: 600 })}`

/** A gateway whose secret is in a file of its folder. */
async function startWithFile(t: TestContext) {
  const started = await startReloadedGateway(t, { ...BASE, jwt: { secret: SECRET } })
  const file = join(started.gateway.cwd, 'secret')
  writeFileSync(file, SECRET)
  await started.reload({ ...BASE, jwt: { secretFile: 'secret' } })
  return { ...started, file }
}

const statuses = async ({ statusOf }: ReloadedGateway) => [
  await statusOf('/private/x'),
  await statusOf('/private/x', bearer()),
]

test('a file that is empty at the moment of a reload opens nothing, and {} goes back to the defaults', async t => {
  const started = await startReloadedGateway(t, { ...BASE, jwt: { secret: SECRET } })
  const { gateway, reload } = started
  for (const text of ['', '\n \n']) await assert.rejects(reload(text), /waygate.yaml: is empty now/)
  assert.deepEqual(await statuses(started), [401, 200])
  const line = await gateway.logged(({ reason }) => /is empty now/.test(String(reason)))
  assert.equal(line.source, 'waygate.yaml')
  await reload('{}')
  assert.equal(await started.statusOf('/private/x'), 404)
})

test('a file that is written in two steps is read when it is whole', async t => {
  const started = await startReloadedGateway(t, { ...BASE, jwt: { secret: SECRET } })
  const { reload, write } = started
  for (const half of [BASE, '', '{"routes":{"docu']) {
    const reloading = reload(half)
    await setImmediate()
    write({ ...BASE, jwt: { secret: SECRET }, drainMs: 3 })
    await reloading
    assert.deepEqual(await statuses(started), [401, 200])
    await reload({ ...BASE, jwt: { secret: SECRET } })
  }
})

test('a file that goes on changing is refused', async t => {
  const started = await startReloadedGateway(t, { ...BASE, jwt: { secret: SECRET } })
  const { reload, write } = started
  let drainMs = 10
  const writer = setInterval(() => write({ ...BASE, drainMs: drainMs++ }), 20)
  // Before the folder goes.
  const stop = () => clearInterval(writer)
  await assert.rejects(reload(), /change while they are read; reload when they are written/).finally(stop)
  assert.deepEqual(await statuses(started), [401, 200])
})

test('a file with a secret that is gone, empty, or half-written at a reload leaves the old secret in force', async t => {
  const started = await startWithFile(t)
  const { reload, file } = started
  writeFileSync(file, '')
  await assert.rejects(reload(), /secretFile: .*empty/)
  assert.deepEqual(await statuses(started), [401, 200])
  rmSync(file)
  await assert.rejects(reload(), /secretFile: .* cannot be read: no such file/)
  assert.deepEqual(await statuses(started), [401, 200])
  writeFileSync(file, SECRET.slice(0, 20))
  const reloading = reload()
  await setImmediate()
  writeFileSync(file, SECRET)
  await reloading
  assert.deepEqual(await statuses(started), [401, 200])
})

test('200 reloads at once, by signal and by call, end with the last file, and no request fails', async t => {
  const started = await startReloadedGateway(t, BASE)
  const { gateway, write, statusOf } = started
  let isOver = false
  const failures: number[] = []
  const drive = async () => {
    while (!isOver) {
      const status = await statusOf('/open/x')
      if (status !== 200) failures.push(status)
    }
  }
  const load = [drive(), drive()]
  const reloads: Promise<unknown>[] = []
  for (let n = 1; n <= 100; n++) {
    write({ ...BASE, drainMs: n })
    reloads.push(gateway.reloader.onSignal())
    if (n % 20 === 0) reloads.push(gateway.reloader.reload({ dryRun: n % 40 === 0 }))
    await pause(10)
  }
  await Promise.allSettled(reloads)
  await gateway.reloader.onSignal()
  isOver = true
  await Promise.all(load)
  assert.deepEqual(failures, [])
  assert.equal(gateway.reloader.source.loaded.config.drainMs, 100)
  const { succeeded, failed } = gateway.reloader.counts
  assert.ok(succeeded + failed <= 40, `signals during a reload cause one more, not ${succeeded + failed}`)
})

test('a WebSocket and a stream that are open across 20 reloads go on', async t => {
  const { gateway, node, reload, get, finish } = await startReloadedGateway(t, BASE)
  using registry = openRegistry(gateway.etcd)
  const sockets = await startWebSocketNode(t)
  await registry.putNode('ws', 'w1', sockets)
  await gateway.untilNodes('ws', ['w1'])
  const documents = { ...DOCUMENTS, ws: { path: '/ws', service: 'ws', auth: 'none' } }
  await reload({ ...BASE, routes: { documents } })
  const client = await openWebSocket(t, gateway.port, { path: '/ws' })
  const slow = get('/open/slow')
  await node.received(1)
  for (let n = 0; n < 20; n++) {
    // The route of the WebSocket is gone every other time, and comes with a policy.
    const limited = { ...documents, ws: { ...documents.ws, rateLimit: { limit: 1, windowSeconds: 60 } } }
    await reload({ ...BASE, routes: { documents: n % 2 === 0 ? DOCUMENTS : limited } })
    client.socket.send(`message ${n}`)
    assert.equal(await client.next(), `message ${n}`)
  }
  finish()
  assert.equal((await slow).status, 200)
})

test('nodes of a token that a reload takes away stay until their TTL is over, and cannot be renewed', async t => {
  const [revoked, operate] = [makeAdminToken('register'), makeAdminToken('operate')]
  const config = { ...BASE, admin: { tokens: { revoked: revoked.entry, operate: operate.entry } } }
  const { gateway, reload } = await startReloadedGateway(t, BASE)
  await reload(config)
  const call = async (method: string, token: string, id: string, ttlSeconds = 6) => {
    const body = JSON.stringify({ address: '127.0.0.1:1', ttlSeconds })
    const { status } = await send(Number(new URL(gateway.admin).port), {
      ...{ method, path: `/api/v1/services/hello/nodes/${id}`, ...(method === 'PUT' && { body }) },
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    return status
  }
  for (const [id, ttl] of [
    ['brief', 6],
    ['long', 3_600],
  ] as const)
    assert.equal(await call('PUT', revoked.token, id, ttl), 200)
  await reload({ ...config, admin: { tokens: { operate: operate.entry } } })
  for (const method of ['PUT', 'DELETE']) assert.equal(await call(method, revoked.token, 'brief'), 401)
  const ids = async () => {
    const headers = { authorization: `Bearer ${operate.token}` }
    const { text } = await send(Number(new URL(gateway.admin).port), { path: '/api/v1/nodes', headers })
    return text
  }
  await until('both are there', async () => /"brief".*"long"/.test(await ids()))
  await until('its lease has ended', async () => !/"brief"/.test(await ids()), { withinMs: 30_000 })
  assert.match(await ids(), /"long"/)
  assert.equal(
    await call('DELETE', operate.token, 'long'),
    200,
    'another token that may register nodes removes it',
  )
})
