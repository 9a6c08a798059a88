import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createLogger } from '../../../../cmd/gateway/logger.ts'
import { startStack } from '../../../../cmd/gateway/stack.ts'
import { loadConfig } from '../../../../config/load/load.ts'
import { lock } from '../../../../discovery/lock.ts'
import { register } from '../../../../discovery/register.ts'
import { tempFolder } from '../../../config/temp-folder.ts'
import { requireEtcd, startEtcd, type TestEtcd } from '../../../support/etcd.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { openRegistry } from '../../../support/registry.ts'
import { until } from '../../../support/until.ts'

/** Starts a gateway in this process on a real etcd. Stopped after the test. */
async function startOn(t: TestContext, etcd: TestEtcd, document: object = {}) {
  const config = { port: 0, adminPort: 0, drainMs: 0, shutdownTimeoutMs: 0, logLevel: 'silent', ...document }
  const cwd = tempFolder(t, { 'waygate.json': JSON.stringify(config) })
  const loaded = loadConfig({ env: { WAYGATE_ETCD: etcd.url }, cwd, file: 'waygate.json' })
  const stack = await startStack(
    loaded,
    createLogger('silent', () => false),
    '1.2.3',
  )
  t.after(() => stack.stop())
  await stack.gateway.loaded
  return stack.gateway
}

test('changes in etcd have their revision, their key, and the texts before and after', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  using registry = openRegistry(etcd.url)
  await registry.putRoute('there', { path: '/there', service: 'user', auth: 'none' })
  const { api } = await startOn(t, etcd)
  assert.deepEqual(await api.changes(10), [], 'what is there at the start is no change')

  const revisionOf = async (key: string) => (await registry.client.get(key).exec()).kvs[0]!.mod_revision
  const texts = [
    '{"path": "/a",\n "service": "user", "auth": "none"}',
    '{"path":"/b","service":"user","auth":"none"}',
  ]
  const key = '/waygate/routes/r1'
  // etcd may send what happens quickly in one message, and of each key the gateway takes the last event of a message over.
  const untilSeen = (count: number) =>
    until(`change ${count} is seen`, async () => {
      const all = await api.changes(10)
      return all.length === count && all
    })
  await registry.put(key, texts[0]!)
  const first = await revisionOf(key)
  await untilSeen(1)
  await registry.put(key, texts[1]!)
  const second = await revisionOf(key)
  await untilSeen(2)
  await registry.put(key, 'no JSON')
  const third = await revisionOf(key)
  await untilSeen(3)
  await registry.client.delete().key(key)
  const before = Date.now()
  const changes = await untilSeen(4)
  assert.deepEqual(
    changes.toReversed().map(each => [each.revision, each.before, each.after]),
    [
      [first, null, texts[0]],
      [second, texts[0], texts[1]],
      [third, texts[1], 'no JSON'],
      [String(Number(third) + 1), 'no JSON', null],
    ],
  )
  for (const each of changes) {
    assert.deepEqual([each.key, each.kind, each.id, each.source], [key, 'route', 'r1', '/waygate/routes/'])
    assert.ok(Math.abs(each.at - before) < 60_000)
  }
})

test('a change of a node names node and service, and one of secrets nothing but the key', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  using registry = openRegistry(etcd.url)
  const { api } = await startOn(t, etcd, { apiKeys: { enabled: true } })
  const hash = 'a'.repeat(64)
  await registry.put(`/waygate/api-keys/${hash}`, '{"owner": "anna"}')
  await registry.putNode('user', 'u1', { port: 4_001, weight: 2 })
  const changes = await until('both are seen', async () => {
    const all = await api.changes(10)
    return all.length === 2 && all
  })
  const node = changes.find(({ kind }) => kind === 'node')!
  assert.deepEqual([node.id, node.service, node.before], ['u1', 'user', null])
  assert.deepEqual(JSON.parse(node.after!), { id: 'u1', ip: '127.0.0.1', port: 4_001, weight: 2 })
  const secret = changes.find(({ kind }) => kind === 'api-key')!
  assert.deepEqual([secret.before, secret.after], [null, null])
  assert.doesNotMatch(JSON.stringify(changes), /anna/)
})

test('the document of a route is shown as it was written, with its key and revision', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  using registry = openRegistry(etcd.url)
  const text = '{ "path": "/a/*",  "service": "user", "auth": "none" }'
  await registry.put('/waygate/routes/r1', text)
  await registry.putNode('user', 'u1', { port: 4_001 })
  const { api } = await startOn(t, etcd)
  const revision = (await registry.client.get('/waygate/routes/r1').exec()).kvs[0]!.mod_revision
  const page = await api.route('r1')
  assert.deepEqual(page?.document, { text, key: '/waygate/routes/r1', revision })
  assert.deepEqual([page?.route.path, page?.route.requests], ['/a/*', 0])
  assert.deepEqual(page?.problems, [])
  await registry.put('/waygate/routes/r1', '{"path": 7}')
  const refused = await until('it is refused', async () => {
    const each = await api.route('r1')
    return each?.document?.text === '{"path": 7}' && each
  })
  assert.equal(refused.route.path, '/a/*', 'the last good one is in use')
  assert.match(refused.problems[0]!.reason, /path/)
  assert.equal(await api.route('r2'), undefined)
})

test('leases are listed with the keys of nodes and locks, and what is left of them', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  using registry = openRegistry(etcd.url)
  const registered = await register({
    ...{ etcd: etcd.url, ttlSeconds: 60 },
    ...{ name: 'user', id: 'u1', host: '127.0.0.1', port: 4_001 },
  })
  t.after(() => registered.unregister())
  await using held = await lock('report', { etcd: etcd.url, ttlSeconds: 30 })
  await registry.putNode('user', 'u2', { port: 4_002 })
  const { api } = await startOn(t, etcd)
  const leases = (await api.leases())!
  assert.deepEqual(
    leases.map(({ ttlSeconds, keys }) => [ttlSeconds, keys.map(key => key.replace(/[0-9a-f]+$/, ''))]),
    [
      [60, ['/services/user/u']],
      [30, [`/waygate/locks/${held.name}/`]],
    ],
  )
  for (const { id, leftSeconds, ttlSeconds } of leases) {
    assert.match(id, /^[0-9a-f]+$/)
    assert.ok(leftSeconds > 0 && leftSeconds <= ttlSeconds)
  }
  const node = await api.node('user', 'u1')
  assert.equal(node?.key, '/services/user/u1')
  assert.deepEqual([node?.lease?.id, node?.lease?.ttlSeconds], [leases[0]!.id, 60])
  assert.equal((await api.node('user', 'u2'))?.lease, null)
  assert.equal(await api.node('user', 'u3'), undefined)
})

test('without an etcd that answers, it is not known which leases there are', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  using registry = openRegistry(etcd.url)
  await registry.putNode('user', 'u1', { port: 4_001 })
  const { api } = await startOn(t, etcd)
  await etcd.kill('SIGKILL')
  const node = await api.node('user', 'u1')
  assert.equal(node?.id, 'u1')
  assert.ok(!('lease' in node), 'null would say that it has none')
  assert.equal(await api.leases(), undefined)
})

test('changes of a registry in memory are written anew, and a write that changes nothing is none', async t => {
  const { registry, gateway } = await startTestGateway(t, {})
  const document = { path: '/a', service: 'user', auth: 'none' }
  registry.putRoute('r1', document)
  registry.putRoute('r1', { ...document })
  registry.deleteRoute('r1')
  const changes = await until('both are seen', async () => {
    const all = await gateway.api.changes(10)
    return all.length === 2 && all
  })
  const text = JSON.stringify(document)
  assert.deepEqual(
    changes.map(({ before, after }) => [before, after]),
    [
      [text, null],
      [null, text],
    ],
  )
  assert.deepEqual(await gateway.api.leases(), [])
})
