import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { exportKeys, importKeys } from '../../../discovery/etcd/dump.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { openEtcdClient } from '../../support/etcd-client.ts'
import { startProgram } from '../../support/waygate.ts'

const BINARY = Buffer.from(Array.from({ length: 256 }, (_, n) => n))

async function setUp(t: TestContext) {
  const etcd = await startEmbeddedEtcd({ port: 0 })
  t.after(() => etcd.close())
  const client = openEtcdClient(etcd.url)
  t.after(() => client.close())
  const to = { endpoints: [etcd.url] }
  return { url: etcd.url, client, exported: () => exportedFrom(to), imported: importer(to) }
}

async function exportedFrom(etcd: { readonly endpoints: readonly string[] }) {
  let text = ''
  const output = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk
      done()
    },
  })
  const result = await exportKeys(etcd, output)
  return { lines: text.split('\n').slice(0, -1), result }
}

const importer =
  (etcd: { readonly endpoints: readonly string[] }) =>
  async (lines: readonly string[], overwrite = false) => {
    const kept: string[] = []
    const input = Readable.from([Buffer.from(lines.map(line => `${line}\n`).join(''))])
    const imported = await importKeys(etcd, input, { overwrite, onKept: key => kept.push(key) })
    assert.equal(imported.kept, kept.length)
    return { ...imported, kept }
  }

test('the command line says what is to be done, and no more', () => {
  const { command, action, overwrite } = parseCommandLine(['etcd', 'import', '--overwrite']) as never
  assert.deepEqual({ command, action, overwrite }, { command: 'etcd', action: 'import', overwrite: true })
  for (const [args, message] of [
    [['etcd'], /must be one of export, import, and is missing/],
    [['etcd', 'move'], /must be one of export, import, not move/],
    [['etcd', 'export', 'file'], /unexpected argument file/],
    [['etcd', 'export', '--overwrite'], /--overwrite belongs to import/],
  ] as const) {
    assert.throws(() => parseCommandLine(args), message)
  }
})

test('all keys without a lease are moved to a real etcd, whatever bytes they have', async t => {
  if (!requireEtcd(t)) return
  const { client, exported } = await setUp(t)
  await client.put('/waygate/routes/user').value('{"path":"/user/*","service":"user"}')
  await client.put(BINARY).value(BINARY)
  await client.put('empty').value('')
  const { ID } = await client.leaseClient.leaseGrant({ TTL: 60 })
  await client.put('/services/user/n1').value('127.0.0.1:1').lease(ID)
  const { lines, result } = await exported()
  assert.deepEqual({ ...result, revision: 0n }, { keys: 3, leased: 1, revision: 0n })
  assert.equal(
    lines.find(line => line.includes('user')),
    '{"key":"/waygate/routes/user","value":"{\\"path\\":\\"/user/*\\",\\"service\\":\\"user\\"}"}',
  )

  await using real = await startEtcd()
  const to = { endpoints: [real.url] }
  const moved = await importer(to)(lines)
  assert.deepEqual(moved, { written: 3, unchanged: 0, kept: [] })
  assert.deepEqual((await exportedFrom(to)).lines, lines)
})

test('an import goes on where it stopped, and keeps other values unless it is told not to', async t => {
  const { client, exported, imported } = await setUp(t)
  await client.put('a').value('mine')
  await client.put('b').value('2')
  const lines = ['{"key":"a","value":"1"}', '', '{"key":"b","value":"2"}', '{"key":"c","value":"3"}']
  assert.deepEqual(await imported(lines), { written: 1, unchanged: 1, kept: ['a'] })
  assert.deepEqual(await imported(lines, true), { written: 1, unchanged: 2, kept: [] })
  assert.deepEqual(
    (await exported()).lines,
    lines.filter(line => line !== ''),
  )
})

test('more keys than a page holds are exported in order, at one revision', async t => {
  const { exported, imported } = await setUp(t)
  const lines = Array.from(
    { length: 600 },
    (_, n) => `{"key":"k${String(n).padStart(4, '0')}","value":"${n}"}`,
  )
  assert.equal((await imported(lines)).written, 600)
  const { lines: back, result } = await exported()
  assert.deepEqual(back, lines)
  assert.equal(result.revision, 601n)
})

for (const [line, message] of [
  ['{', /line 2 is not valid JSON; waygate etcd export writes/],
  ['7', /line 2 is not an object/],
  ['{"key":"a"}', /line 2 has neither value nor valueBase64/],
  ['{"key":"","value":"x"}', /line 2 has an empty key/],
  ['{"keyBase64":"L3g=.","value":"x"}', /line 2 has a keyBase64 that is not base64/],
  ['{"key":"b","valueBase64":"//8"}', /line 2 has a valueBase64 that is not base64/],
  ['{"key":"\\ud800","value":"x"}', /line 2 has a key with half a character/],
] as const) {
  test(`refused: ${line}`, async t => {
    const { imported } = await setUp(t)
    await assert.rejects(imported(['{"key":"a","value":"1"}', line]), message)
  })
}

/** Puts 20 MiB in keys of 128 KiB. */
async function putMuch(client: Etcd3): Promise<void> {
  for (let n = 0; n < 160; n++) await client.put(`much/${n}`).value('x'.repeat(128 << 10))
}

test('an export reads from etcd what its reader takes, and little more', async t => {
  const { url, client } = await setUp(t)
  await putMuch(client)
  let read = 0
  const counting = createServer(near => {
    const far = connect(Number(new URL(url).port), '127.0.0.1')
    far.on('data', ({ length }) => {
      read += length
    })
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => socket.destroy())
  }).listen(0, '127.0.0.1')
  t.after(() => counting.close())
  await once(counting, 'listening')
  const { port } = counting.address() as { port: number }
  let [taken, ahead] = [0, 0]
  const slow = new Writable({
    decodeStrings: false,
    async write({ length }: string, _encoding, done) {
      await pause(50)
      ahead = Math.max(ahead, read - taken)
      taken += length
      done()
    },
  })
  const { keys } = await exportKeys({ endpoints: [`http://127.0.0.1:${port}`] }, slow)
  assert.equal(keys, 160)
  assert.ok(ahead < 12 << 20, `${ahead} bytes were ahead of ${taken}`)
})

test('an export whose reader goes away, or is slower than etcd compacts, says that it is not whole', async t => {
  const { url, client } = await setUp(t)
  await putMuch(client)
  const program = await startProgram({ args: ['etcd', 'export', '--etcd', url] })
  t.after(() => program[Symbol.asyncDispose]())
  program.child.stdout!.once('data', () => program.child.stdout!.destroy())
  const [code] = await once(program.child, 'exit')
  assert.deepEqual([code, program.stderr()], [1, 'waygate: the output ended before the export did (EPIPE)\n'])

  let isCompacted = false
  const compacting = new Writable({
    async write(_chunk, _encoding, done) {
      if (!isCompacted) {
        isCompacted = true
        const { header } = await client.put('later').value('x')
        await client.kv.compact({ revision: header.revision, physical: true })
      }
      done()
    },
  })
  await assert.rejects(
    exportKeys({ endpoints: [url] }, compacting),
    /^DumpError: etcd has compacted revision 161 before all of it was read; write the export to a file first$/,
  )
})
