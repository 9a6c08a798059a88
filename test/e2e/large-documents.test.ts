import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkFile } from '../../cmd/commands/check.ts'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { send } from '../support/http.ts'
import { until } from '../support/until.ts'

const body = (character: string) => character.repeat(60_000)
/** Every field may be as it is. */
const errors = Object.fromEntries(
  ['WG_RATE_LIMITED', 'WG_NO_NODE', 'WG_OVERLOADED', 'WG_FORBIDDEN', 'WG_INTERNAL'].map((code, i) => [
    code,
    { body: body(String(i)) },
  ]),
)
const LARGE = { path: '/a', respond: { body: 'large' }, auth: 'none', errors }

test('a document in etcd of more than 256 KiB is refused by its size, and the last good one stays', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const client = createEtcdClient({ endpoints: [etcd.url] })
  t.after(() => client.close())
  const put = (key: string, value: object) => client.put(`/waygate/${key}`).value(JSON.stringify(value))
  await put('routes/r', { path: '/a', respond: { body: 'small' }, auth: 'none', policies: ['s'] })
  await put('policies/s', { responseHeaders: { set: { 'x-set': 'small' }, onErrors: true } })
  await using gateway = await startGatewayHere({ etcd: etcd.url })
  await put('routes/r', LARGE)
  await put('policies/s', { responseHeaders: { set: { 'x-set': 'large' }, onErrors: true }, errors })
  const problems = async () => (await gateway.routes()).problems
  await until('both are listed', async () => (await problems()).length === 2)
  for (const { reason } of await problems()) assert.match(reason, /\$: must not have more than 256 KiB/)
  const got = await send(gateway.port, { path: '/a' })
  assert.deepEqual([got.text, got.headers['x-set']], ['small', 'small'])
})

test('waygate check refuses it, wherever it is written', async t => {
  for (const [document, where] of [
    [LARGE, '$'],
    [{ errors }, '$'],
    [{ services: {}, routes: { r: LARGE } }, '$.routes.r'],
    [{ routes: { documents: { r: LARGE } } }, '$.routes.documents.r'],
    [{ routes: { policies: { s: { errors } } } }, '$.routes.policies.s'],
  ] as const) {
    const lines: string[] = []
    const cwd = tempFolder(t, { 'a.json': JSON.stringify(document) })
    const code = await checkFile(
      { file: 'a.json', kind: undefined },
      { env: {}, cwd, print: line => lines.push(line) },
    )
    assert.equal(code, 1, where)
    assert.ok(
      lines.some(line => line.includes(`${where}: must not have more than 256 KiB`)),
      lines.join('\n').slice(0, 500),
    )
  }
})

test('a document and its policy sets may be larger together', async t => {
  const set = { errors: Object.fromEntries(Object.entries(errors).slice(1)) }
  const route = { path: '/a', respond: { body: body('x') }, auth: 'none', policies: ['s'] }
  const document = { routes: { policies: { s: set }, documents: { r: route } } }
  const lines: string[] = []
  const cwd = tempFolder(t, { 'a.json': JSON.stringify(document) })
  await checkFile({ file: 'a.json', kind: undefined }, { env: {}, cwd, print: line => lines.push(line) })
  assert.deepEqual(lines, ['a.json: ok (config)'])
})
