import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import type { RememberedSource } from '../../discovery/registry.ts'
import { createRecall, decodeRemembered, encodeRemembered } from '../../discovery/remembered.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { until } from '../support/until.ts'
import { problemsOf } from './follow.ts'
import { live } from './life.ts'
import { storeAt } from './store.ts'

const ROUTES = '/waygate/routes/'
const GOOD = '{"service":"a","path":"/good"}'
const KEYS = '/waygate/api-keys/'
const HASH = 'a'.repeat(64)

async function setUp(t: TestContext) {
  const etcd = await startEmbeddedEtcd({ port: 0 })
  t.after(() => etcd.close())
  const store = storeAt(etcd.url)
  t.after(() => store.close())
  return { etcd, store, dataDir: tempFolder(t) }
}

test('last good values come back after a restart, also of values that were broken while nobody looked', async t => {
  const { etcd, store, dataDir } = await setUp(t)
  await store.put(`${ROUTES}seen`, GOOD)
  await store.put(`${ROUTES}unseen`, '{"service":"b","path":"/unseen"}')
  await store.put(`${KEYS}${HASH}`, '{"owner":"o"}')
  await store.put('/services/a/1', '{"ip":"127.0.0.1","port":80}')
  let since: string | undefined
  {
    await using life = await live(etcd, dataDir)
    await store.put(`${ROUTES}seen`, '{"service":"a"}')
    await life.caughtUp(store)
    since = life.directory.problems()[0]!.lastGood!.since
    assert.ok(life.paths().includes('/good'))
  }
  await store.put(`${ROUTES}unseen`, 'no JSON')
  await store.put(`${KEYS}${HASH}`, '{}')
  await store.put('/services/a/1', '{"ip":"127.0.0.1","port":0}')
  for (let restarts = 0; restarts < 2; restarts++) {
    await using life = await live(etcd, dataDir)
    assert.deepEqual(life.paths().slice(0, 2), ['/good', '/unseen'])
    assert.equal(life.directory.services().get('a')?.[0]?.port, 80)
    const problems = problemsOf(life.directory) as { key: string; isLastGoodInUse?: true }[]
    assert.deepEqual(
      problems.map(({ key, isLastGoodInUse }) => [key, isLastGoodInUse]),
      ['/services/a/1', `${KEYS}${HASH}`, `${ROUTES}seen`, `${ROUTES}unseen`].map(key => [key, true]),
    )
    const { lastGood } = life.directory.problems().find(({ key }) => key === `${ROUTES}seen`)!
    assert.equal(lastGood!.since, since, 'its age does not begin again')
  }
})

test('what was mended or deleted is forgotten', async t => {
  const { etcd, store, dataDir } = await setUp(t)
  await store.put(`${ROUTES}mended`, GOOD)
  await store.put(`${ROUTES}deleted`, '{"service":"b","path":"/b"}')
  {
    await using life = await live(etcd, dataDir)
    await store.put(`${ROUTES}mended`, '{}')
    await store.put(`${ROUTES}deleted`, '{}')
    await life.caughtUp(store)
    await until('both are remembered', () => life.remembered.get(ROUTES)?.lastGood.length === 2)
  }
  await store.put(`${ROUTES}mended`, '{"service":"a","path":"/mended"}')
  await store.delete(`${ROUTES}deleted`)
  {
    await using life = await live(etcd, dataDir)
    await until('it is remembered', () => life.remembered.get(ROUTES))
    assert.deepEqual(life.remembered.get(ROUTES)?.lastGood, [])
    assert.deepEqual(life.directory.problems(), [])
    await store.put(`${ROUTES}mended`, '{}')
    await store.put(`${ROUTES}deleted`, '{}')
    await life.caughtUp(store)
    assert.deepEqual(life.paths().slice(0, -1), ['/mended'], 'and not /good, nor /b')
  }
})

test('a process without a disk gets what the one before it has handed over', async t => {
  const { etcd, store } = await setUp(t)
  await store.put(`${ROUTES}a`, GOOD)
  await store.put(`${ROUTES}b`, '{"service":"former","path":"/b"}')
  let handed: RememberedSource[]
  {
    await using life = await live(etcd, undefined)
    await store.put(`${ROUTES}a`, '{}')
    await store.delete(`${ROUTES}b`)
    await life.caughtUp(store)
    await until('both are remembered', () => {
      const { documented = [], lastGood = [] } = life.remembered.get(ROUTES) ?? {}
      return documented.includes('former') && lastGood.length === 1
    })
    handed = [...life.remembered.values()].map(each => {
      const sent = JSON.parse(JSON.stringify(encodeRemembered(each)))
      return { ...decodeRemembered(sent), source: sent.source, store: sent.store }
    })
  }
  {
    await using life = await live(etcd, undefined, { handed })
    assert.equal(life.paths()[0], '/good')
    assert.deepEqual(life.directory.formerServices(), ['former'])
  }
  const ofOther = handed.map(each => ({ ...each, store: 'another cluster' }))
  await using other = await live(etcd, undefined, { handed: ofOther })
  assert.deepEqual([other.paths().includes('/good'), other.directory.formerServices()], [false, []])
})

test('what was handed over counts for a source without a store as well, such as a file', () => {
  const handed = [
    { source: 'routes', store: '', documented: ['mine'], lastGood: [] },
    { source: 'routes', store: 'another', documented: ['others'], lastGood: [] },
  ]
  const snapshot = {
    type: 'snapshot',
    source: 'routes',
    scope: 'routes',
    revision: '1',
    entries: [],
  } as const
  const recall = createRecall(
    { ...snapshot, from: 'store', afterLoss: false },
    { loaded: false, restored: false },
    handed,
  )
  assert.deepEqual(recall.documented, ['mine'])
})

test('a service that had a document stays a former one through restarts, but not with another etcd at the same endpoint', async t => {
  const { etcd, store, dataDir } = await setUp(t)
  await store.put(`${ROUTES}a`, GOOD)
  await store.put(`${ROUTES}refused`, '{"service":"refused"}')
  {
    await using life = await live(etcd, dataDir)
    assert.deepEqual(life.directory.formerServices(), [])
    await store.delete(`${ROUTES}a`)
    await store.delete(`${ROUTES}refused`)
    await life.caughtUp(store)
    assert.deepEqual(life.directory.formerServices(), ['a', 'refused'])
    assert.deepEqual([...life.directory.blockedServices()], [])
  }
  {
    await using life = await live(etcd, dataDir)
    assert.deepEqual(life.directory.formerServices(), ['a', 'refused'])
    await store.put(`${ROUTES}a`, GOOD)
    await life.caughtUp(store)
    assert.deepEqual(life.directory.formerServices(), ['refused'])
  }
  const { port } = etcd.address
  await etcd.close()
  await using anew = await startEmbeddedEtcd({ port })
  for (let restarts = 0; restarts < 2; restarts++) {
    await using life = await live(anew, dataDir)
    assert.deepEqual(life.paths(), [], 'the documents are gone')
    assert.deepEqual(life.directory.formerServices(), [])
  }
})

test('what is to be handed over is of the cluster that answers now', async t => {
  const { etcd, store } = await setUp(t)
  await store.put(`${ROUTES}a`, GOOD)
  await using life = await live(etcd, undefined)
  await until('it is remembered', () => life.remembered.has(ROUTES))
  const before = life.remembered.get(ROUTES)!
  const { port } = etcd.address
  await etcd.close()
  await using _ = await startEmbeddedEtcd({ port })
  await until('it is said of the other one', () => life.remembered.get(ROUTES)!.store !== before.store)
  assert.deepEqual(life.remembered.get(ROUTES)!.documented, ['a'])
})

test('the copy of another cluster is neither served nor spoiled; one of the same endpoints is served', async t => {
  const { etcd, store, dataDir } = await setUp(t)
  await store.put(`${ROUTES}a`, GOOD)
  {
    await using life = await live(etcd, dataDir)
    assert.deepEqual(life.paths(), ['/good'])
  }
  const files = () => globSync(join(dataDir, 'etcd-*/*.json')).sort()
  const before = files()
  const contents = await Promise.all(before.map(path => readFile(path, 'utf8')))
  const production = await startEmbeddedEtcd({ port: 0 })
  const productionUrl = production.url
  {
    const stored = storeAt(productionUrl)
    await stored.put(`${ROUTES}a`, '{"service":"b","path":"/production"}')
    stored.close()
    await using life = await live(production, dataDir)
    assert.deepEqual(life.paths(), ['/production'])
    assert.deepEqual(life.directory.formerServices(), [], 'staging says nothing about production')
  }
  await production.close()
  assert.equal(files().length, 2 * before.length, 'each has its own files')
  assert.deepEqual(await Promise.all(before.map(path => readFile(path, 'utf8'))), contents)
  {
    await using life = await live(productionUrl, dataDir)
    assert.deepEqual(life.paths(), ['/production'])
  }
  // It was never seen at this endpoint, where nobody answers.
  await using foreign = await live('http://127.0.0.1:1', dataDir, { isAwaited: false })
  await until('it says why', () => foreign.warnings.length > 0)
  const ports = `127.0.0.1:${etcd.address.port}, 127.0.0.1:${new URL(productionUrl).port}`
  assert.match(foreign.warnings.join(), /ignoring the snapshot on disk/)
  for (const port of ports.split(', ')) assert.ok(foreign.warnings.join().includes(port), port)
  assert.deepEqual(foreign.paths(), [])
})

test('a copy of another version is refused in words, and the next one is written', async t => {
  const { etcd, store, dataDir } = await setUp(t)
  await store.put(`${ROUTES}a`, GOOD)
  {
    await using _ = await live(etcd, dataDir)
  }
  for (const path of globSync(join(dataDir, 'etcd-*/*-*.json'))) {
    await writeFile(path, (await readFile(path, 'utf8')).replace('"version":3', '"version":2'))
  }
  {
    await using life = await live(etcd, dataDir)
    assert.match(life.warnings.join('\n'), /ignoring the snapshot on disk.*its version is 2, not 3/)
  }
  await using life = await live(etcd, dataDir)
  assert.deepEqual(life.warnings, [])
})
