import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDurable } from '../../../discovery/embedded-etcd/durable.ts'
import { keyRange } from '../../../discovery/embedded-etcd/key-range.ts'
import { LeaseTable } from '../../../discovery/embedded-etcd/lease-table.ts'
import { type EmbeddedEtcdOptions, startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { Store } from '../../../discovery/embedded-etcd/store.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { maySetUpDisks } from '../../support/durable-kills.ts'
import { until } from '../../support/until.ts'
import { type Answer, RawClient } from './raw-client.ts'

const b = (text: string) => Buffer.from(text)
const ALL = { key: b('\0'), range_end: b('\0') }

/** A server over a folder, and a client of it. */
async function open(dataFolder: string, options: Partial<EmbeddedEtcdOptions> = {}) {
  const stack = new AsyncDisposableStack()
  const etcd = stack.use(await startEmbeddedEtcd({ port: 0, dataFolder, ...options }))
  const client = stack.use(new RawClient(etcd.url))
  return {
    client,
    put: (key: string, value: string, more: object = {}) =>
      client.call('KV', 'Put', { key: b(key), value: b(value), ...more }),
    async all(): Promise<Record<string, string>> {
      const { kvs } = await client.call('KV', 'Range', ALL)
      return Object.fromEntries(kvs.map(({ key, value }: Answer) => [String(key), String(value)]))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Returns the keys in a folder, without a server. */
async function restore(folder: string): Promise<Record<string, string>> {
  const store = new Store({
    historyEvents: 1_000,
    historyBytes: 1 << 20,
    quotaBytes: Number.POSITIVE_INFINITY,
  })
  const clock = { now: () => 0, wallNow: () => 0, randomId: () => 1n, minTtlSeconds: 1n }
  const leases = new LeaseTable(clock)
  const ids = { clusterId: 1n, memberId: 1n }
  const durable = await openDurable({
    folder,
    store,
    leases,
    ids,
    logger: silentLogger,
    growthBytes: 1 << 20,
  })
  await durable.close()
  const kvs = store.range(keyRange(ALL.key, ALL.range_end))
  return Object.fromEntries(kvs.map(({ key, value }) => [String(key), String(value)]))
}

const folderFor = (t: TestContext) => join(tempFolder(t, {}), 'etcd')

test('after a restart it is the same cluster at the same revision, with the same keys, and history goes on', async t => {
  const folder = folderFor(t)
  const binary = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
  let before: Answer
  {
    await using etcd = await open(folder)
    await etcd.put('a', '1')
    await etcd.client.call('KV', 'Put', { key: binary, value: binary })
    await etcd.put('a', '2')
    await etcd.client.call('KV', 'DeleteRange', { key: b('a') })
    await etcd.put('a', 'ä€')
    before = await etcd.client.call('KV', 'Range', ALL)
  }
  await using etcd = await open(folder)
  assert.deepEqual(await etcd.client.call('KV', 'Range', ALL), before)
  assert.equal(
    (await etcd.client.call('KV', 'Range', { key: b('a'), revision: 4 })).kvs[0].value.toString(),
    '2',
  )
  using watch = etcd.client.watch()
  watch.send({ create_request: { ...ALL, start_revision: 3, prev_kv: true } })
  await etcd.put('a', 'new')
  const events = await watch.events(5)
  assert.deepEqual(
    events.map(({ type, kv, prev_kv }) => [type, kv.mod_revision, kv.version, prev_kv?.mod_revision]),
    [
      ['Put', '3', '1', undefined],
      ['Put', '4', '2', '2'],
      ['Delete', '5', '0', '4'],
      ['Put', '6', '1', undefined],
      ['Put', '7', '2', '6'],
    ],
  )
})

test('what was compacted stays compacted, by a call or by the bounds of the history', async t => {
  const folder = folderFor(t)
  const bounds = { historyEvents: 20, growthBytes: 1_000 }
  const answers: unknown[] = []
  const compactedAt = async ({ client }: Awaited<ReturnType<typeof open>>) => {
    using watch = client.watch()
    watch.send({ create_request: { ...ALL, start_revision: 1 } })
    await watch.next()
    return (await watch.next()).compact_revision
  }
  {
    await using etcd = await open(folder, bounds)
    for (let n = 0; n < 10; n++) await etcd.put('a', String(n))
    await etcd.client.call('KV', 'Compact', { revision: 5 })
    answers.push(await compactedAt(etcd))
  }
  {
    await using etcd = await open(folder, bounds)
    answers.push(await compactedAt(etcd))
    for (let n = 0; n < 45; n++) await etcd.put('a', 'x'.repeat(100))
    answers.push(await compactedAt(etcd))
    assert.ok(readFileSync(join(folder, 'journal')).length < 6_000, 'the file is bounded')
  }
  await using etcd = await open(folder, bounds)
  answers.push(await compactedAt(etcd))
  assert.equal(answers[0], '5')
  assert.equal(answers[1], '5')
  assert.ok(Number(answers[2]) > 30, String(answers[2]))
  assert.equal(answers[3], answers[2])
  assert.equal((await etcd.client.call('KV', 'Range', { key: b('a') })).kvs[0].version, '55')
})

test('the file is bounded over restarts too, however little each life writes', async t => {
  const folder = folderFor(t)
  const journal = join(folder, 'journal')
  const bounds = { growthBytes: 1_000 }
  for (let life = 0; life < 20; life++) {
    await using etcd = await open(folder, { ...bounds, historyEvents: 4 })
    for (let n = 0; n < 2; n++) await etcd.put('a', 'x'.repeat(150))
  }
  assert.ok(readFileSync(journal).length < 4_000, String(readFileSync(journal).length))
  assert.deepEqual(readdirSync(folder).sort(), ['journal', 'lock'])
})

test('a last write that is torn at any byte is cut off, alone, and a later write takes its place', async t => {
  const folder = folderFor(t)
  const journal = join(folder, 'journal')
  let whole: Buffer
  {
    await using etcd = await open(folder)
    await etcd.put('a', '1')
    whole = readFileSync(journal)
    await etcd.put('b', '2')
  }
  const last = readFileSync(journal).subarray(whole.length)
  for (let length = 0; length < last.length; length++) {
    writeFileSync(journal, Buffer.concat([whole, last.subarray(0, length)]))
    assert.deepEqual(await restore(folder), { a: '1' }, `${length} of ${last.length} bytes`)
    assert.equal(readFileSync(journal).length, whole.length)
  }
  // The length of a file may reach the disk before its content.
  for (const [from, to] of [
    [0, last.length],
    [10, 20],
    [20, last.length - 1],
  ] as const) {
    writeFileSync(journal, Buffer.concat([whole, Buffer.from(last).fill(0, from, to)]))
    await using etcd = await open(folder)
    assert.deepEqual(await etcd.all(), { a: '1' })
    await etcd.put('c', '3')
  }
  await using etcd = await open(folder)
  assert.deepEqual(await etcd.all(), { a: '1', c: '3' })
})

test('damage anywhere else is an error that names the file, the place and the cure, and changes nothing', async t => {
  const folder = folderFor(t)
  const journal = join(folder, 'journal')
  {
    await using etcd = await open(folder)
    for (const key of ['a', 'b', 'c']) await etcd.put(key, key)
  }
  const whole = readFileSync(journal)
  const lines = whole.toString().split(/(?<=\n)/)
  const flipped = (at: number) => Buffer.from(whole).fill(whole[at]! ^ 1, at, at + 1)
  for (const [what, content] of Object.entries({
    'a bit of the first line': flipped(40),
    'a bit of a later line': flipped(lines[0]!.length + 20),
    'a bit of the last line': flipped(whole.length - 3),
    'a line is missing': Buffer.from(lines.toSpliced(1, 1).join('')),
    'two lines are exchanged': Buffer.from([lines[0], lines[2], lines[1], lines[3]].join('')),
    'the end of the first part is missing': whole.subarray(0, 30),
    'it is empty': Buffer.alloc(0),
    'it is something else': Buffer.from('hello\nworld\n'),
    'it is of a later version': Buffer.from(lines[0]!.replace('"start",1', '"start",2')),
  })) {
    writeFileSync(journal, content)
    await assert.rejects(
      open(folder),
      (error: Error) => {
        assert.match(
          error.message,
          /damaged, in .*journal from byte \d+ on: .*; restore .* or move it away/,
          what,
        )
        return true
      },
      what,
    )
    assert.deepEqual(readFileSync(journal), content, what)
  }
  writeFileSync(journal, whole)
  await using etcd = await open(folder)
  assert.deepEqual(await etcd.all(), { a: 'a', b: 'b', c: 'c' })
})

test('a file that was not finished is left alone, and makes room for the next', async t => {
  const folder = folderFor(t)
  {
    await using etcd = await open(folder)
    await etcd.put('a', '1')
  }
  writeFileSync(join(folder, 'journal.new'), 'half')
  await using etcd = await open(folder, { growthBytes: 100 })
  for (let n = 0; n < 5; n++) await etcd.put('a', 'x'.repeat(100))
  assert.deepEqual(Object.keys(await etcd.all()), ['a'])
})

test('a second one in the same folder is refused while the first one runs', async t => {
  const folder = folderFor(t)
  {
    await using etcd = await open(folder)
    await assert.rejects(
      open(folder),
      /lock is locked: another process uses this folder: .*--embedded-etcd-data/,
    )
    await etcd.put('a', '1')
  }
  await using etcd = await open(folder)
  assert.deepEqual(await etcd.all(), { a: '1' })
})

test('a folder that cannot be used is an error that names it', async t => {
  const folder = tempFolder(t, { file: '' })
  await assert.rejects(
    open(join(folder, 'file', 'etcd')),
    /cannot keep its data in .*file.*: ENOTDIR.*; name another folder with --embedded-etcd-data, or keep nothing/,
  )
})

test('many puts of one turn share one write, and are kept all the same', async t => {
  const folder = folderFor(t)
  const journal = join(folder, 'journal')
  {
    await using etcd = await open(folder)
    const before = readFileSync(journal).toString().split('\n').length
    await Promise.all(Array.from({ length: 200 }, (_, n) => etcd.put(`k${n}`, 'v')))
    const writes = readFileSync(journal).toString().split('\n').length - before
    t.diagnostic(`200 puts in ${writes} writes`)
    assert.ok(writes < 100)
  }
  await using etcd = await open(folder)
  assert.equal(Object.keys(await etcd.all()).length, 200)
})

test('a lease that nobody renewed keeps its end over restarts, and its keys go with it', async t => {
  const folder = folderFor(t)
  let wall = 1_000_000
  const at = { wallNow: () => wall }
  const left = async ({ client }: Awaited<ReturnType<typeof open>>) =>
    Number((await client.call('Lease', 'LeaseTimeToLive', { ID: 7 })).TTL)
  {
    await using etcd = await open(folder, at)
    await etcd.client.call('Lease', 'LeaseGrant', { ID: 7, TTL: 600 })
    await etcd.put('a', '1', { lease: 7 })
  }
  wall += 400_000
  {
    await using etcd = await open(folder, at)
    const seconds = await left(etcd)
    assert.ok(seconds > 150 && seconds <= 200, String(seconds))
  }
  // A clock that was set back does not make it last longer than it was granted.
  wall -= 5_000_000
  {
    await using etcd = await open(folder, at)
    assert.ok((await left(etcd)) <= 600)
  }
  wall += 5_400_000
  await using etcd = await open(folder, at)
  await until('its key is gone', async () => Object.keys(await etcd.all()).length === 0)
  assert.equal(await left(etcd), -1)
})

test('a lease that was renewed has its whole time again after a restart, once, unless it is renewed again', async t => {
  const folder = folderFor(t)
  const journal = join(folder, 'journal')
  let wall = 1_000_000
  const at = { wallNow: () => wall }
  const left = async ({ client }: Awaited<ReturnType<typeof open>>) =>
    Number((await client.call('Lease', 'LeaseTimeToLive', { ID: 7 })).TTL)
  {
    await using etcd = await open(folder, at)
    await etcd.client.call('Lease', 'LeaseGrant', { ID: 7, TTL: 600 })
    const beats = etcd.client.stream('Lease', 'LeaseKeepAlive')
    beats.send({ ID: 7 })
    assert.equal((await beats.next()).TTL, '600')
    const { length } = readFileSync(journal)
    for (let n = 0; n < 5; n++) {
      beats.send({ ID: 7 })
      assert.equal((await beats.next()).TTL, '600')
    }
    assert.equal(readFileSync(journal).length, length, 'only the first renewal is written')
    beats[Symbol.dispose]()
  }
  wall += 3_600_000
  {
    await using etcd = await open(folder, at)
    assert.ok((await left(etcd)) > 550)
  }
  wall += 400_000
  await using etcd = await open(folder, at)
  const seconds = await left(etcd)
  assert.ok(seconds > 150 && seconds <= 200, `restarts do not renew it: ${seconds}`)
})

test('a full disk refuses changes with the words of etcd, and reads, watches and renewals go on; with space, it goes on', async t => {
  if (!maySetUpDisks()) return t.skip('file systems cannot be mounted here')
  const disk = mkdtempSync(join(tmpdir(), 'waygate-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk])
  t.after(() => {
    execFileSync('umount', [disk])
    rmdirSync(disk)
  })
  const folder = join(disk, 'etcd')
  const value = 'v'.repeat(10_000)
  const REFUSED = /^Error: 8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded$/
  let before: Record<string, string>
  {
    await using etcd = await open(folder)
    const { client } = etcd
    await client.call('Lease', 'LeaseGrant', { ID: 7, TTL: 600 })
    await etcd.put('a', '1', { lease: 7 })
    using watch = client.watch()
    watch.send({ create_request: ALL })
    await watch.next()
    await writeFile(join(disk, 'filler'), Buffer.alloc(1 << 20)).catch(() => {})
    await assert.rejects(async () => {
      for (let n = 0; n < 100; n++) await etcd.put(`k${n}`, value)
    }, REFUSED)
    const { alarms } = await client.call('Maintenance', 'Alarm')
    assert.deepEqual(
      alarms.map(({ alarm }: Answer) => alarm),
      ['Nospace'],
    )
    before = await etcd.all()
    const { header } = await client.call('KV', 'Range', { key: b('a') })
    await assert.rejects(etcd.put('a', value), REFUSED)
    await assert.rejects(
      client.call('KV', 'Txn', { success: [{ request_put: { key: b('a'), value: b(value) } }] }),
      REFUSED,
    )
    const txn = await client.call('KV', 'Txn', { success: [{ request_range: { key: b('a') } }] })
    assert.equal(txn.responses[0].response_range.kvs[0].value.toString(), '1')
    assert.deepEqual(await etcd.all(), before)
    assert.equal((await client.call('KV', 'Range', { key: b('a') })).header.revision, header.revision)
    const { keys } = await client.call('Lease', 'LeaseTimeToLive', { ID: 7, keys: true })
    assert.deepEqual(keys.map(String), ['a'])
    using beats = client.stream('Lease', 'LeaseKeepAlive')
    beats.send({ ID: 7 })
    assert.equal((await beats.next()).TTL, '600')
    const events = await watch.events(Object.keys(before).length - 1)
    assert.ok(
      events.every(({ kv }) => String(kv.key) in before),
      'no event of what was refused',
    )
  }
  {
    await using etcd = await open(folder)
    assert.deepEqual(await etcd.all(), before, 'it starts on a full disk')
    await rm(join(disk, 'filler'))
    await etcd.put('a', value)
    assert.deepEqual((await etcd.client.call('Maintenance', 'Alarm')).alarms, [])
  }
  await using etcd = await open(folder)
  assert.deepEqual(await etcd.all(), { ...before, a: value })
})

test('changes are refused while the file is not in its place, since a start would not see them', async t => {
  const folder = folderFor(t)
  const journal = join(folder, 'journal')
  {
    await using etcd = await open(folder)
    await etcd.put('a', '1')
    await rename(journal, `${journal}.moved`)
    await assert.rejects(etcd.put('a', '2'), /the data folder cannot be written: ENOENT/)
    await writeFile(journal, '')
    await assert.rejects(etcd.put('a', '3'), /the data folder cannot be written: ESTALE/)
    assert.deepEqual(await etcd.all(), { a: '1' })
    await rename(`${journal}.moved`, journal)
    await etcd.put('a', '4')
  }
  assert.deepEqual(await restore(folder), { a: '4' })
})

test('what other programs append to the file is not taken for its own', async t => {
  const folder = folderFor(t)
  {
    await using etcd = await open(folder)
    await etcd.put('a', '1')
  }
  appendFileSync(join(folder, 'journal'), 'note\n')
  await assert.rejects(open(folder), /damaged/)
})
