import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SharedMemory } from '../../cmd/workers/shared-memory.ts'
import type { RememberedSource } from '../../discovery/registry.ts'
import { decodeRemembered, encodeRemembered } from '../../discovery/remembered.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { until } from '../support/until.ts'
import { type Life, live } from './life.ts'
import { storeAt } from './store.ts'

const ROUTES = '/waygate/routes/'
const documentOf = (service: string) => JSON.stringify({ service, path: `/${service}` })

async function setUp(t: TestContext) {
  const etcd = await startEtcd()
  t.after(() => etcd.stop())
  const dataDir = tempFolder(t)
  const put = async (keys: Readonly<Record<string, string>>) => {
    const store = storeAt(etcd.url)
    for (const [key, value] of Object.entries(keys)) await store.put(key, value)
    store.close()
  }
  return { etcd, dataDir, put }
}

test('a gateway that starts with an etcd that was wiped meanwhile remembers nothing of the one before', async t => {
  if (!requireEtcd(t)) return
  const { etcd, dataDir, put } = await setUp(t)
  await put({ [`${ROUTES}a`]: documentOf('a'), [`${ROUTES}b`]: documentOf('b') })
  {
    await using life = await live(etcd, dataDir)
    assert.deepEqual(life.paths(), ['/a', '/b'])
  }
  const former: string[][] = []
  // etcd has the same cluster id each time, since its address is the same. Its revision is lower, and higher.
  for (const nodes of [1, 20]) {
    await etcd.restart({ wipe: true })
    const node = '{"ip":"127.0.0.1","port":80}'
    await put(Object.fromEntries(Array.from({ length: nodes }, (_, i) => [`/services/a/${i}`, node])))
    await put({ [`${ROUTES}b`]: '{"service":"b"}' })
    for (let restarts = 0; restarts < 2; restarts++) {
      await using life = await live(etcd, dataDir)
      former.push([...life.directory.formerServices()])
      assert.deepEqual(life.paths(), [], 'a document that was good in another life is not the last good one')
      assert.deepEqual([...life.directory.blockedServices()], ['b'])
      const warnings = life.warnings.filter(each => each.includes('etcd has begun anew'))
      assert.equal(warnings.length, restarts === 0 ? 1 : 0)
    }
  }
  assert.deepEqual(former, [[], [], [], []])
})

test('what workers of the etcd before have handed over is not recalled once etcd has begun anew', async t => {
  if (!requireEtcd(t)) return
  const { etcd, dataDir, put } = await setUp(t)
  const memory = new SharedMemory()
  const handOver = (life: Life) => {
    for (const each of life.remembered.values()) memory.put(encodeRemembered(each))
    return memory.all().map(sent => ({ ...decodeRemembered(sent), source: sent.source, store: sent.store }))
  }
  await put({ [`${ROUTES}a`]: documentOf('a') })
  let handed: readonly RememberedSource[]
  {
    await using life = await live(etcd, dataDir)
    await until('it is remembered', () => life.remembered.get(ROUTES)?.documented.includes('a'))
    handed = handOver(life)
  }
  await etcd.kill('SIGKILL')
  await using fromDisk = await live(etcd, dataDir, { handed })
  assert.deepEqual(fromDisk.paths(), ['/a'], 'from disk')
  await etcd.restart({ wipe: true })
  await put({ [`${ROUTES}marker`]: documentOf('marker') })
  await until('etcd is read', () => fromDisk.paths().includes('/marker'))
  assert.deepEqual(fromDisk.directory.formerServices(), [])
  await until('it is remembered', () => fromDisk.remembered.get(ROUTES)?.documented.includes('marker'))
  await using later = await live(etcd, dataDir, { handed: handOver(fromDisk) })
  assert.deepEqual(later.directory.formerServices(), [])
})

test('what happens without an etcd that answers says nothing about one that was wiped', async t => {
  if (!requireEtcd(t)) return
  const { etcd, dataDir, put } = await setUp(t)
  await put({ [`${ROUTES}a`]: documentOf('a') })
  {
    await using _ = await live(etcd, dataDir)
  }
  await etcd.kill('SIGKILL')
  await using life = await live(etcd, dataDir, { doubtMs: 60_000 })
  assert.deepEqual(life.paths(), ['/a'], 'from disk')
  await etcd.restart({ wipe: true })
  await put({ [`${ROUTES}marker`]: documentOf('marker') })
  await until('etcd is read', () => life.paths().includes('/marker'))
  assert.deepEqual(
    life.directory.suspects().map(({ key }) => key),
    [`${ROUTES}a`],
  )
  assert.deepEqual(life.directory.formerServices(), [])
  life.directory.dismiss(`${ROUTES}a`)
  assert.deepEqual(life.directory.formerServices(), [], 'it was of another life')
})

test('a process that sees the loss remembers what was lost, and so does the one after it', async t => {
  if (!requireEtcd(t)) return
  const { etcd, dataDir, put } = await setUp(t)
  await put({ [`${ROUTES}a`]: documentOf('a') })
  {
    await using life = await live(etcd, dataDir)
    await etcd.restart({ wipe: true })
    await put({ [`${ROUTES}marker`]: documentOf('marker') })
    await until('etcd is read', () => life.paths().includes('/marker'))
    for (const { key } of life.directory.suspects()) life.directory.dismiss(key)
    assert.deepEqual(life.directory.formerServices(), ['a'])
    await until('it is remembered', () => life.remembered.get(ROUTES)?.documented.includes('a'))
  }
  await using life = await live(etcd, dataDir)
  assert.deepEqual(life.directory.formerServices(), ['a'])
  assert.deepEqual(life.warnings, [])
})

test('an etcd whose latest key is not UTF-8 has not begun anew', async t => {
  if (!requireEtcd(t)) return
  const { etcd, dataDir, put } = await setUp(t)
  const store = storeAt(etcd.url)
  t.after(() => store.close())
  await put({ [`${ROUTES}a`]: documentOf('a') })
  await store.client.put(Buffer.from([...Buffer.from(ROUTES), 0xff])).value('{}')
  {
    await using life = await live(etcd, dataDir)
    assert.deepEqual(life.paths(), ['/a'])
  }
  await store.delete(`${ROUTES}a`)
  await using life = await live(etcd, dataDir)
  assert.deepEqual([...life.directory.formerServices()], ['a'])
  assert.deepEqual(life.warnings, [])
})
