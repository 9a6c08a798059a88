import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SnapshotFile } from '../../../discovery/etcd/snapshot-file.ts'
import type { SyncState } from '../../../discovery/etcd/sync-state.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { Remembered } from '../../../discovery/registry.ts'
import { createNode } from '../../../internal/nodes/node.ts'

const CLUSTER = '14841639068965178418'
const NOTHING = { lastGood: [], documented: [] }

function stateOf(revision: bigint, ...keys: readonly string[]): SyncState {
  const table = new Map(keys.map(key => [key, { key, value: `value of ${key}`, modRevision: revision }]))
  return { revision, clusterId: CLUSTER, table }
}

async function setUp(t: TestContext, debounceMs?: number) {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-snapshot-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'data', 'nodes.json')
  const warnings: string[] = []
  const logger = {
    ...silentLogger,
    warn: (details: object, message: string) => warnings.push(`${message}: ${JSON.stringify(details)}`),
  }
  const file = (prefix = '/services/') => {
    const pathOf = (clusterId: string) => (clusterId === CLUSTER ? path : `${path}.of.${clusterId}`)
    return new SnapshotFile({ pathOf, prefix, logger, debounceMs })
  }
  return { path, folder: join(folder, 'data'), warnings, file }
}

test('a saved state is loaded with the same revisions', async t => {
  const { file, warnings } = await setUp(t)
  const saved = file()
  const state = stateOf(9_223_372_036_854_775_807n, '/services/a/1', '__proto__', '\u0000\ud83d\ude00')
  saved.save(state)
  await saved.flush()
  assert.deepEqual(file().load(CLUSTER), { ...state, remembered: NOTHING })
  assert.deepEqual(warnings, [])
})

test('a saved key has its lease again, so that one without a lease can be told apart before etcd answers', async t => {
  const { file } = await setUp(t)
  const saved = file()
  const { table, ...state } = stateOf(7n, '/services/a/1', '/services/a/2')
  const leased = new Map(table).set('/services/a/1', { ...table.get('/services/a/1')!, lease: '42' })
  saved.save({ ...state, table: leased })
  await saved.flush()
  assert.deepEqual(file().load(CLUSTER), { ...state, table: leased, remembered: NOTHING })
})

test('without a file there is nothing to load and no warning', async t => {
  const { file, warnings } = await setUp(t)
  assert.equal(file().load(CLUSTER), undefined)
  assert.deepEqual(warnings, [])
})

const GOOD = {
  prefix: '/services/',
  revision: '7',
  clusterId: CLUSTER,
  history: 0,
  keys: [['a', 'b', '7']],
  remembered: NOTHING,
}

/** Returns a file in the written format, with any content. */
function fileOf(content: unknown, version = 3): string {
  const text = JSON.stringify(content)
  const sha256 = createHash('sha256').update(text).digest('hex')
  return `${JSON.stringify({ version, sha256 })}\n${text}`
}

test('an unusable snapshot is a warning with its reason, and nothing is loaded', async t => {
  const { file, path, folder, warnings } = await setUp(t)
  await mkdir(folder)
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /it is empty/],
    ['\u0000\u0000\u0000', /not a snapshot/],
    ['null', /not a snapshot/],
    ['[]', /not a snapshot/],
    [JSON.stringify({ version: 1, ...GOOD }), /version is 1, not 3/],
    [fileOf(GOOD, 2), /version is 2, not 3/],
    [fileOf(GOOD, 4), /version is 4, not 3/],
    [fileOf(GOOD).split('\n')[0]!, /checksum does not match/],
    [fileOf({ ...GOOD, prefix: '/other/' }), /prefix \/other\//],
    [fileOf({ ...GOOD, revision: 7 }), /not a snapshot/],
    [fileOf({ ...GOOD, revision: '-1' }), /not a snapshot/],
    [fileOf({ ...GOOD, clusterId: '7' }), /of the cluster 7/],
    [fileOf({ ...GOOD, remembered: undefined }), /remembers nothing/],
    [fileOf({ ...GOOD, remembered: { lastGood: [{}], documented: [] } }), /last good value/],
    [fileOf({ ...GOOD, keys: {} }), /not a snapshot/],
    [fileOf({ ...GOOD, keys: [['a', 'b']] }), /not a snapshot/],
    [fileOf({ ...GOOD, keys: [['a', 1, '7']] }), /not a snapshot/],
    [fileOf({ ...GOOD, keys: [null] }), /not a snapshot/],
    [fileOf(null), /not a snapshot/],
  ]
  for (const [content, reason] of cases) {
    await writeFile(path, content)
    assert.equal(file().load(CLUSTER), undefined, content)
    assert.match(warnings.splice(0).join(), reason, content)
  }
  await writeFile(path, fileOf({ ...GOOD, history: 1 }))
  assert.equal(file().load(CLUSTER), undefined, 'of another history, which is said once for all files')
  await writeFile(path, fileOf(GOOD))
  assert.equal(file().load(CLUSTER)?.revision, 7n)
  assert.deepEqual(warnings, [])
})

test('a file that is cut anywhere, or has any byte changed, is not used', async t => {
  const { file, path, folder, warnings } = await setUp(t)
  await mkdir(folder)
  const good = Buffer.from(fileOf(GOOD))
  for (let at = 0; at < good.length; at++) {
    await writeFile(path, good.subarray(0, at))
    assert.equal(file().load(CLUSTER), undefined, `cut at ${at}`)
    const flipped = Buffer.from(good)
    flipped[at]! ^= 1 << (at % 8)
    await writeFile(path, flipped)
    assert.equal(file().load(CLUSTER), undefined, `another byte at ${at}`)
  }
  assert.equal(warnings.length, 2 * good.length)
})

test('a folder in its place, or a circular link, is a warning', async t => {
  const { file, path, warnings } = await setUp(t)
  await mkdir(path, { recursive: true })
  assert.equal(file().load(CLUSTER), undefined)
  assert.match(warnings.splice(0).join(), /EISDIR/)
  await rm(path, { recursive: true })
  await symlink(path, path)
  assert.equal(file().load(CLUSTER), undefined)
  assert.match(warnings.splice(0).join(), /ELOOP/)
})

test('many saves in a row are one write of the last one', async t => {
  const { file, folder } = await setUp(t, 60_000)
  const saved = file()
  for (let revision = 1n; revision <= 100n; revision++) saved.save(stateOf(revision, 'a'))
  await assert.rejects(readdir(folder), { code: 'ENOENT' }, 'nothing is written before its time')
  await saved.flush()
  assert.equal(file().load(CLUSTER)?.revision, 100n)
})

test('it is written by itself soon after the change', async t => {
  const { file, path } = await setUp(t, 1)
  const saved = file()
  // The timer alone does not keep a process alive.
  const alive = setInterval(() => {}, 1_000)
  t.after(() => clearInterval(alive))
  saved.save(stateOf(3n, 'a'))
  while ((await readFile(path, 'utf8').catch(() => '')) === '') await new Promise(setImmediate)
  assert.equal(file().load(CLUSTER)?.revision, 3n)
  await saved.flush()
})

test('a reader during a write finds a complete snapshot, and no temporary file stays', async t => {
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
    assert.ok(file().load(CLUSTER))
    reads++
    await new Promise(setImmediate)
  }
  await writing
  assert.ok(reads > 0)
  assert.deepEqual(await readdir(folder), ['nodes.json'])
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

test('what is remembered is loaded with the table, and is written when it changes alone', async t => {
  const { file } = await setUp(t, 60_000)
  const saved = file()
  const node = createNode({ service: 'a', id: '1', host: '127.0.0.1', port: 80, metadata: { v: '1' } })
  const remembered: Remembered = {
    lastGood: [
      { entry: { kind: 'route', key: '/r/a', id: 'a', document: { path: '/a' } }, revision: '3', since: 1 },
      { entry: { kind: 'nodes', key: '/s/a/1', nodes: [node], isLeased: true }, revision: '4', since: 2 },
      {
        entry: { kind: 'descriptors', key: '/d/a', name: 'a', bytes: Buffer.of(0, 255) },
        revision: '5',
        since: 3,
      },
      {
        entry: { kind: 'api-key', key: '/k/a', hash: 'a', document: { owner: 'o' } },
        revision: '6',
        since: 4,
      },
    ],
    documented: ['former', '__proto__'],
  }
  saved.remember({ lastGood: [], documented: ['too early'] })
  await saved.flush()
  assert.equal(file().load(CLUSTER), undefined, 'there is no table yet')
  saved.save(stateOf(3n, 'a'))
  await saved.flush()
  saved.remember(remembered)
  await saved.flush()
  assert.deepEqual(file().load(CLUSTER)?.remembered, remembered)
})

test('each cluster has its own file, and the copy of another one is left alone', async t => {
  const { file, warnings } = await setUp(t)
  const saved = file()
  for (const clusterId of [CLUSTER, '7']) {
    saved.save({ ...stateOf(BigInt(clusterId.length), 'a'), clusterId })
    await saved.flush()
  }
  assert.equal(file().load(CLUSTER)?.revision, 20n)
  assert.equal(file().load('7')?.revision, 1n)
  assert.deepEqual(warnings, [])
})
