import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SyncState } from '../../../discovery/etcd/prefix-sync.ts'
import { SnapshotFile } from '../../../discovery/etcd/snapshot-file.ts'
import { silentLogger } from '../../../discovery/logger.ts'

function stateOf(revision: bigint, ...keys: readonly string[]): SyncState {
  const table = new Map(keys.map(key => [key, { key, value: `value of ${key}`, modRevision: revision }]))
  return { revision, clusterId: '14841639068965178418', table }
}

async function setUp(t: TestContext, debounceMs?: number) {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-snapshot-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'data', 'etcd-nodes.json')
  const warnings: string[] = []
  const logger = {
    ...silentLogger,
    warn: (details: object, message: string) => warnings.push(`${message}: ${JSON.stringify(details)}`),
  }
  const file = (prefix = '/services/') => new SnapshotFile({ path, prefix, logger, debounceMs })
  return { path, folder: join(folder, 'data'), warnings, file }
}

test('what was saved is loaded, with its revisions as they were', async t => {
  const { file, warnings } = await setUp(t)
  const saved = file()
  const state = stateOf(9_223_372_036_854_775_807n, '/services/a/1', '__proto__', '\u0000\ud83d\ude00')
  saved.save(state)
  await saved.flush()
  assert.deepEqual(await file().load(), state)
  assert.deepEqual(warnings, [])
})

test('without a file there is nothing to load and nothing to warn of', async t => {
  const { file, warnings } = await setUp(t)
  assert.equal(await file().load(), undefined)
  assert.deepEqual(warnings, [])
})

test('a file that is no usable snapshot is a warning with its reason, and nothing is loaded', async t => {
  const { file, path, folder, warnings } = await setUp(t)
  await mkdir(folder)
  const good = { version: 1, prefix: '/services/', revision: '7', clusterId: 'c', keys: [['a', 'b', '7']] }
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /JSON/],
    [JSON.stringify(good).slice(0, -9), /JSON/],
    ['\u0000\u0000\u0000', /JSON|token/],
    ['null', /not a snapshot/],
    ['[]', /not a snapshot/],
    [JSON.stringify({ ...good, version: 2 }), /version is 2/],
    [JSON.stringify({ ...good, prefix: '/other/' }), /prefix \/other\//],
    [JSON.stringify({ ...good, revision: 7 }), /not a snapshot/],
    [JSON.stringify({ ...good, revision: '-1' }), /not a snapshot/],
    [JSON.stringify({ ...good, clusterId: null }), /not a snapshot/],
    [JSON.stringify({ ...good, keys: {} }), /not a snapshot/],
    [JSON.stringify({ ...good, keys: [['a', 'b']] }), /not a snapshot/],
    [JSON.stringify({ ...good, keys: [['a', 1, '7']] }), /not a snapshot/],
    [JSON.stringify({ ...good, keys: [null] }), /not a snapshot/],
  ]
  for (const [content, reason] of cases) {
    await writeFile(path, content)
    assert.equal(await file().load(), undefined, content)
    assert.match(warnings.splice(0).join(), reason, content)
  }
  await writeFile(path, JSON.stringify(good))
  assert.equal((await file().load())?.revision, 7n)
})

test('many saves in a row are one write, of the last', async t => {
  const { file, folder } = await setUp(t, 60_000)
  const saved = file()
  for (let revision = 1n; revision <= 100n; revision++) saved.save(stateOf(revision, 'a'))
  await assert.rejects(readdir(folder), { code: 'ENOENT' }, 'nothing is written before its time')
  await saved.flush()
  assert.equal((await file().load())?.revision, 100n)
})

test('it is written without being asked, soon after the change', async t => {
  const { file, path } = await setUp(t, 1)
  const saved = file()
  // The debounce does not keep a process alive by itself.
  const alive = setInterval(() => {}, 1_000)
  t.after(() => clearInterval(alive))
  saved.save(stateOf(3n, 'a'))
  while ((await readFile(path, 'utf8').catch(() => '')) === '') await new Promise(setImmediate)
  assert.equal((await file().load())?.revision, 3n)
  await saved.flush()
})

test('whoever reads while it is written finds a whole snapshot, and no temporary file stays', async t => {
  const { file, path, folder } = await setUp(t)
  const saved = file()
  saved.save(stateOf(1n, 'a'))
  await saved.flush()
  let isWriting = true
  const writing = (async () => {
    for (let revision = 2n; revision < 30n; revision++) {
      saved.save(stateOf(revision, ...Array.from({ length: 500 }, (_, i) => `k${i}`)))
      await saved.flush()
    }
    isWriting = false
  })()
  let reads = 0
  while (isWriting) {
    JSON.parse(await readFile(path, 'utf8'))
    reads++
  }
  await writing
  assert.ok(reads > 0)
  assert.deepEqual(await readdir(folder), ['etcd-nodes.json'])
  assert.equal((await stat(path)).mode & 0o077, 0, 'not for other users of the machine')
})

test('a folder that cannot be written to is one warning, not an error', async t => {
  const { file, folder, warnings } = await setUp(t)
  await writeFile(folder, 'a file where the folder should be')
  const saved = file()
  for (let revision = 1n; revision < 4n; revision++) {
    saved.save(stateOf(revision, 'a'))
    await saved.flush()
  }
  assert.equal(warnings.length, 1)
})
