import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { Etcd3 } from 'etcd3'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { exportKeys, importKeys } from '../../../discovery/etcd/dump.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'

const BINARY = Buffer.from(Array.from({ length: 256 }, (_, n) => n))

async function setUp(t: TestContext) {
  const etcd = await startEmbeddedEtcd({ port: 0 })
  t.after(() => etcd.close())
  const client = new Etcd3({ hosts: etcd.url })
  t.after(() => client.close())
  const exported = async () => {
    const lines: string[] = []
    const result = await exportKeys({ endpoints: [etcd.url] }, line => lines.push(line))
    return { lines, result }
  }
  const imported = (lines: readonly string[], overwrite = false) =>
    importKeys({ endpoints: [etcd.url] }, Readable.from(lines), { overwrite })
  return { url: etcd.url, client, exported, imported }
}

test('the command line says what is to be done, and no more', () => {
  const { command, action, overwrite } = parseCommandLine(['etcd', 'import', '--overwrite']) as never
  assert.deepEqual({ command, action, overwrite }, { command: 'etcd', action: 'import', overwrite: true })
  for (const [args, message] of [
    [['etcd'], /export or import/],
    [['etcd', 'move'], /export or import, not move/],
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
  const moved = await importKeys(to, Readable.from(lines), { overwrite: false })
  assert.deepEqual(moved, { written: 3, unchanged: 0, kept: [] })
  const back: string[] = []
  await exportKeys(to, line => back.push(line))
  assert.deepEqual(back, lines)
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
] as const) {
  test(`refused: ${line}`, async t => {
    const { imported } = await setUp(t)
    await assert.rejects(imported(['{"key":"a","value":"1"}', line]), message)
  })
}
