import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../../discovery/etcd/etcd-registry.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { compactEtcd, deleteKey } from '../../support/etcd-json.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { Follower } from '../follow.ts'
import { storeAt } from '../store.ts'

const NODE = '{"ip":"10.0.0.7","port":3001}'
const keys = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `/services/user/u${String(from + i).padStart(5, '0')}`)

async function follow(t: TestContext, url: string, options: Partial<EtcdRegistryOptions> = {}) {
  const registry = new EtcdRegistry({ endpoints: [url], ...options })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  return { registry, follower }
}

async function putAll(url: string, all: readonly string[], value = NODE): Promise<void> {
  const store = storeAt(url)
  try {
    for (let at = 0; at < all.length; at += 100) {
      await Promise.all(all.slice(at, at + 100).map(key => store.put(key, value)))
    }
  } finally {
    store.close()
  }
}

/** Counts how often each key was put, over all change events, and lists the current ids. */
function seen(follower: Follower): { puts: Map<string, number>; ids: string[] } {
  const puts = new Map<string, number>()
  for (const event of follower.events) {
    if (event.type !== 'change' || event.scope !== 'nodes') continue
    for (const { key } of event.puts) puts.set(key, (puts.get(key) ?? 0) + 1)
  }
  return { puts, ids: (follower.directory.services().get('user') ?? []).map(node => node.id) }
}

const isDisconnected = (follower: Follower) => () =>
  !follower.source('nodes').connected && !follower.source('routes').connected

// Concurrently, because they mostly wait.
describe('an outage of etcd', { concurrency: 4 }, () => {
  test('a kill -9 and a restart with the data: nothing is lost or repeated', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { follower, registry } = await follow(t, etcd.url)
    await follower.until('following', () => follower.connected())
    await putAll(etcd.url, keys(0, 50))
    await follower.until('50 nodes', () => seen(follower).ids.length === 50)
    await etcd.kill('SIGKILL')
    await follower.until('the outage is noticed', isDisconnected(follower))
    assert.equal(seen(follower).ids.length, 50, 'the last table stays in use')
    await etcd.restart()
    await putAll(etcd.url, keys(50, 100))
    await deleteKey(etcd.url, '/services/user/u00000')
    await follower.until('the rest', () => follower.connected() && seen(follower).ids.length === 99)
    const { puts } = seen(follower)
    assert.equal(puts.size, 100)
    assert.deepEqual(
      [...puts].filter(([, times]) => times !== 1),
      [],
    )
    assert.equal(registry.status('/services/').relists.size, 1, 'continued where it was, not read again')
    assert.equal(registry.status('/services/').drift, 0)
    await follower.stop()
  })

  test('a restart with empty data: the table becomes that of the new store', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await putAll(etcd.url, keys(0, 50))
    const { follower } = await follow(t, etcd.url)
    await follower.until('50 nodes', () => follower.connected() && seen(follower).ids.length === 50)
    await etcd.kill('SIGKILL')
    await follower.until('the outage is noticed', isDisconnected(follower))
    await etcd.restart({ wipe: true })
    await putAll(etcd.url, ['/services/user/new'])
    await follower.until('only the new one', () => seen(follower).ids.join() === 'new')
    await follower.stop()
  })

  test('a new store that has grown past the old revision is not taken for the old store', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using wire = await startTcpProxy(etcd.port)
    await putAll(etcd.url, keys(0, 5))
    const { follower, registry } = await follow(t, wire.url)
    await follower.until('5 nodes', () => follower.connected() && seen(follower).ids.length === 5)
    wire.cut('fin')
    await follower.until('the outage is noticed', isDisconnected(follower))
    await etcd.restart({ wipe: true })
    await putAll(etcd.url, keys(100, 140))
    wire.mend()
    await follower.until('only the new 40', () => {
      const { ids } = seen(follower)
      return ids.length === 40 && ids[0] === 'u00100'
    })
    t.diagnostic(`read anew: ${[...registry.status('/services/').relists.keys()].join()}`)
    assert.equal(registry.status('/services/').drift, 0)
    await follower.stop()
  })

  test('cut off while the store is written to and compacted: everything is read again', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using wire = await startTcpProxy(etcd.port)
    await putAll(etcd.url, keys(0, 20))
    const { follower, registry } = await follow(t, wire.url)
    await follower.until('20 nodes', () => follower.connected() && seen(follower).ids.length === 20)
    wire.cut('fin')
    await follower.until('the cut is noticed', isDisconnected(follower))
    await putAll(etcd.url, keys(20, 30))
    await deleteKey(etcd.url, '/services/user/u00000')
    await compactEtcd(etcd.url)
    wire.mend()
    await follower.until('29 nodes', () => seen(follower).ids.length === 29)
    assert.equal(registry.status('/services/').relists.get('compacted'), 1)
    assert.equal(registry.status('/services/').drift, 0)
    await follower.stop()
  })

  test('cut repeatedly in the middle of a backlog: equal in the end, and nothing is repeated', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using wire = await startTcpProxy(etcd.port)
    const { follower } = await follow(t, wire.url)
    await follower.until('following', () => follower.connected())
    wire.cut('fin')
    await follower.until('the cut is noticed', isDisconnected(follower))
    await putAll(etcd.url, keys(0, 1_500))
    wire.mend()
    for (const count of [1, 500, 1_000]) {
      await follower.until(`${count} of the backlog`, () => seen(follower).puts.size >= count)
      wire.drop('fin')
    }
    await follower.until('all of it', () => seen(follower).ids.length === 1_500)
    assert.deepEqual(
      [...seen(follower).puts.values()].filter(times => times !== 1),
      [],
    )
    await follower.stop()
  })

  test('a store that hangs is noticed by its silence, and followed again when it continues', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { follower } = await follow(t, etcd.url)
    await follower.until('following', () => follower.connected())
    await etcd.kill('SIGSTOP')
    await follower.until('the silence is noticed', isDisconnected(follower), 12_000)
    await etcd.kill('SIGCONT')
    await putAll(etcd.url, keys(0, 1))
    await follower.until('the new node', () => follower.connected() && seen(follower).ids.length === 1)
    await follower.stop()
  })

  test('a store that is not up at the start: a status, then a snapshot when it is up', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await putAll(etcd.url, keys(0, 3))
    await etcd.kill('SIGKILL')
    const { follower } = await follow(t, etcd.url)
    await follower.until('told of both', () => follower.events.length >= 2)
    assert.deepEqual(
      follower.events.map(event => event.type === 'status' && event.connected),
      [false, false],
    )
    await etcd.restart()
    await follower.until('3 nodes', () => follower.connected() && seen(follower).ids.length === 3)
    assert.equal(follower.events.find(event => event.type !== 'status')?.type, 'snapshot')
    await follower.stop()
  })

  test('with the store unreachable at the start, the table on disk is served until the store answers', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const dataDir = await mkdtemp(join(tmpdir(), 'waygate-data-'))
    t.after(() => rm(dataDir, { recursive: true }))
    await putAll(etcd.url, keys(0, 3))
    await putAll(etcd.url, ['/waygate/routes/r1'], '{"path":"/a","service":"user"}')
    const first = await follow(t, etcd.url, { dataDir })
    await first.follower.until('3 nodes', () => first.follower.connected())
    await first.follower.stop()
    await first.registry.close()

    await etcd.kill('SIGKILL')
    const { follower } = await follow(t, etcd.url, { dataDir })
    await follower.until('restored', () => follower.loaded())
    assert.equal(follower.source('nodes').restored, true)
    assert.equal(follower.source('nodes').connected, false)
    assert.equal(seen(follower).ids.length, 3)
    assert.equal(follower.directory.routes()[0]?.path, '/a')
    await etcd.restart({ wipe: true })
    await follower.until('the store itself', () => follower.connected() && !follower.source('nodes').restored)
    await follower.until('which is empty', () => seen(follower).ids.length === 0)
    await follower.stop()
  })

  test('10,000 keys are read in pages', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const all = keys(0, 10_000)
    const store = storeAt(etcd.url)
    for (let at = 0; at < all.length; at += 100) {
      const puts = all.slice(at, at + 100).map(key => ({
        request_put: { key: Buffer.from(key), value: Buffer.from(NODE) },
      }))
      await store.client.kv.txn({ compare: [], success: puts, failure: [] })
    }
    store.close()
    const { follower, registry } = await follow(t, etcd.url)
    await follower.until('10,000 nodes', () => seen(follower).ids.length === 10_000)
    assert.deepEqual(
      seen(follower).ids,
      all.map(key => key.slice('/services/user/'.length)),
    )
    assert.equal((await registry.getService('user'))?.nodes.length, 10_000)
    await follower.stop()
  })

  test('a value that does not decode is a problem of only its key', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await putAll(etcd.url, ['/services/user/bad', '/services/no-id'], '{"ip":')
    await putAll(etcd.url, keys(0, 1))
    await putAll(etcd.url, ['/waygate/routes/bad'], 'path: /a')
    const { follower } = await follow(t, etcd.url)
    await follower.until('following', () => follower.connected())
    assert.deepEqual(
      follower.directory.problems().map(problem => problem.key),
      ['/services/no-id', '/services/user/bad', '/waygate/routes/bad'],
    )
    assert.deepEqual(seen(follower).ids, ['u00000'])
    await follower.stop()
  })
})
