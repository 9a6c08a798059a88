import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { runLoad } from '../support/load.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

test('without etcd and without a table the gateway waits, says so, is not ready, and serves when etcd is available', async () => {
  const port = await freePort()
  await using gateway = await startGatewayHere({ etcd: `http://127.0.0.1:${port}`, ready: false })
  const line = await gateway.logged(
    ({ msg, scope }) => msg.startsWith('registry out of reach') && scope === 'nodes',
  )
  assert.match(line.msg, /no table to serve yet/)
  assert.match(String(line.reason), /ECONNREFUSED/)
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
  assert.equal((await fetch(`${gateway.admin}/healthz`)).status, 200)
  assert.equal((await fetch(`${gateway.url}/echo/`)).status, 503)
  const { source } = await gateway.routes()
  assert.deepEqual([source.connected, source.stale], [false, true])

  await using etcd = await startEmbeddedEtcd({ port })
  await using node = await startService('node')
  using registry = openRegistry(etcd.url)
  await registry.putNode('echo', 'n1', node)
  await until('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok)
  await gateway.untilNodes('echo', ['n1'])
  assert.equal(await (await fetch(`${gateway.url}/echo/`)).text(), 'node')
})

test('while etcd is away the last table is served, marked stale, and changes are applied when etcd is back', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await using gateway = await startGatewayHere({ etcd: etcd.url })
  await using one = await startService('one')
  await using two = await startService('two')
  {
    using registry = openRegistry(etcd.url)
    await registry.putNode('echo', 'one', one)
    await gateway.untilNodes('echo', ['one'])
  }
  const load = runLoad({ port: gateway.port, path: '/echo/', perSecond: 100, durationMs: 3_000 })
  await etcd.kill('SIGKILL')
  await until('it is stale', async () => (await gateway.routes()).source.stale)
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 200)
  await gateway.untilNodes('echo', ['one'])
  await etcd.restart()
  {
    using registry = openRegistry(etcd.url)
    await registry.putNode('echo', 'two', two)
  }
  await gateway.untilNodes('echo', ['one', 'two'])
  await until('it is live', async () => !(await gateway.routes()).source.stale)
  const { statuses, errors, sent } = await load
  assert.deepEqual([[...statuses], [...errors]], [[[200, sent]], []])
})

test('a gateway restarted while etcd is down serves the table from disk, says so, and follows etcd when it is back', async t => {
  if (!requireEtcd(t)) return
  const cwd = await mkdtemp(join(tmpdir(), 'waygate-outage-'))
  t.after(() => rm(cwd, { recursive: true, force: true, maxRetries: 5 }))
  await using etcd = await startEtcd()
  await using one = await startService('one')
  await using two = await startService('two')
  {
    await using gateway = await startGateway({ etcd: etcd.url, cwd })
    using registry = openRegistry(etcd.url)
    await registry.putNode('echo', 'one', one)
    await registry.putRoute('doc', { path: '/doc/*', service: 'echo' })
    await gateway.untilNodes('echo', ['one'])
    const load = runLoad({ port: gateway.port, path: '/doc/', perSecond: 100, durationMs: 1_000 })
    await registry.putNode('echo', 'two', two)
    await gateway.untilNodes('echo', ['one', 'two'])
    await load
    gateway.child.kill('SIGTERM')
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  }
  await etcd.kill('SIGKILL')

  await using gateway = await startGatewayHere({ etcd: etcd.url, cwd })
  const { source, routes } = await gateway.routes()
  assert.deepEqual([source.connected, source.stale], [false, true])
  assert.deepEqual(
    routes.map(route => [route.path, route.nodes.map(({ id }) => id)]),
    [['/doc/*', ['one', 'two']]],
  )
  assert.equal((await fetch(`${gateway.url}/doc/`)).status, 200)
  assert.ok(await gateway.logged(line => line.msg === 'table loaded' && line.from === 'disk'))

  await etcd.restart()
  await until('it is live', async () => !(await gateway.routes()).source.stale, { withinMs: 20_000 })
  {
    using registry = openRegistry(etcd.url)
    await registry.deleteNode('echo', 'one')
  }
  await gateway.untilNodes('echo', ['two'])
  assert.equal(await (await fetch(`${gateway.url}/doc/`)).text(), 'two')
})
