import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { runDescriptors } from '../../../cmd/commands/descriptors.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import { readDescriptorSet, writeDescriptorSet } from '../../../wrappers/descriptors/repair.ts'
import { createSchema } from '../../../wrappers/descriptors/schema.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { openEtcdClient } from '../../support/etcd-client.ts'
import { startTaskNode } from '../../support/task-node.ts'

const TASK = join(import.meta.dirname, '../../fixtures/grpc/task.binpb')

/** Runs `waygate descriptors` in this process. */
async function run(t: TestContext, ...args: readonly string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = []
  const log = t.mock.method(console, 'log', (line: string) => lines.push(line))
  const error = t.mock.method(console, 'error', (line: string) => lines.push(line))
  try {
    const command = parseCommandLine(['descriptors', ...args])
    assert.equal(command.command, 'descriptors')
    return { code: await runDescriptors(command as Parameters<typeof runDescriptors>[0]), lines }
  } finally {
    log.mock.restore()
    error.mock.restore()
  }
}

test('descriptors of a file and of a node are put into etcd, where gateways find them', async t => {
  const etcd = await startEmbeddedEtcd({ host: '127.0.0.1', port: 0 })
  t.after(() => etcd.close())
  await using node = await startTaskNode()
  const at = ['--etcd', etcd.url]
  const put = await run(t, 'put', 'task', TASK, ...at)
  assert.deepEqual(put, { code: 0, lines: ['task: task.v1.Tasks (8 methods)'] })
  const asked = await run(t, 'put', 'asked', '--from', `127.0.0.1:${node.port}`, ...at)
  assert.deepEqual(asked, { code: 0, lines: ['asked: task.v1.Tasks (8 methods)'] })
  const list = await run(t, 'list', '--rules', ...at)
  assert.equal(list.code, 0)
  assert.equal(list.lines[0], 'asked: task.v1.Tasks (8 methods)')
  assert.ok(list.lines.includes('  GET /v1/tasks -> task.v1.Tasks/ListTasks (answer tasks)'))
  const copy = join(tempFolder(t, {}), 'copy.binpb')
  assert.deepEqual(await run(t, 'get', 'task', copy, ...at), { code: 0, lines: [] })
  assert.equal(createSchema(readDescriptorSet(readFileSync(copy))).methods.length, 8)
  const missing = await run(t, 'get', 'other', copy, ...at)
  assert.deepEqual(missing, {
    code: 1,
    lines: ['/waygate/descriptors/other: there are no descriptors of this name'],
  })
  const registry = new EtcdRegistry({ endpoints: [etcd.url], descriptorsPrefix: '/waygate/descriptors/' })
  t.after(() => registry.close())
  const ending = new AbortController()
  for await (const event of registry.watch(ending.signal)) {
    if (event.scope !== 'descriptors' || event.type !== 'snapshot') continue
    const names = [...event.entries].map(entry => (entry.kind === 'descriptors' ? entry.name : entry.kind))
    assert.deepEqual(names, ['asked', 'task'])
    ending.abort()
  }
})

test('what others have written is listed without what a terminal obeys', async t => {
  const etcd = await startEmbeddedEtcd({ host: '127.0.0.1', port: 0 })
  t.after(() => etcd.close())
  const client = openEtcdClient(etcd.url)
  t.after(() => client.close())
  await client.put('/waygate/descriptors/a\u001b[2Jb').value('none')
  const file = create(FileDescriptorProtoSchema, { name: 'x.proto', service: [{ name: 'A\u001b[2JB' }] })
  await client.put('/waygate/descriptors/c').value(writeDescriptorSet([file]).toString('base64'))
  const { lines } = await run(t, 'list', '--etcd', etcd.url)
  assert.equal(lines.length, 2)
  for (const line of lines) assert.doesNotMatch(line, /\p{Cc}/u)
})

test('a node is asked over TLS, and its certificate is verified as upstream.tls says', async t => {
  const etcd = await startEmbeddedEtcd({ host: '127.0.0.1', port: 0 })
  t.after(() => etcd.close())
  const authority = makeAuthority(t)
  const { cert, key } = authority.issue('node', { names: 'IP:127.0.0.1' })
  await using node = await startTaskNode({ tls: { cert: readFileSync(cert), key: readFileSync(key) } })
  const put = ['put', 'task', '--from', `grpcs://127.0.0.1:${node.port}`, '--etcd', etcd.url]
  const folder = tempFolder(t, { 'tls.yaml': JSON.stringify({ upstream: { tls: { ca: authority.ca } } }) })
  const trusting = await run(t, ...put, '--config', join(folder, 'tls.yaml'))
  assert.deepEqual(trusting, { code: 0, lines: ['task: task.v1.Tasks (8 methods)'] })
  await assert.rejects(run(t, ...put), /not from a trusted authority/)
})

test('a file is checked without etcd', async t => {
  const well = await run(t, 'check', TASK)
  assert.deepEqual(well, { code: 0, lines: ['task.v1.Tasks (8 methods)'] })
  const folder = tempFolder(t, { 'bad.binpb': 'no set' })
  await assert.rejects(run(t, 'check', join(folder, 'bad.binpb')), /it is not a FileDescriptorSet/)
})

test('arguments that do not fit are refused', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /must be one of put, get, list, check, and is missing/],
    [['drop'], /must be one of put, get, list, check, not drop/],
    [['put'], /NAME is missing/],
    [['put', 'a'], /FILE is missing/],
    [['get', 'a'], /FILE is missing/],
    [['check'], /FILE is missing/],
    [['list', 'a'], /unexpected argument a/],
    [['put', 'a', 'b', '--from', 'h:1'], /unexpected argument b/],
    [['put', 'a', '--from', 'h'], /--from: /],
    [['list', '--from', 'h:1'], /--from belongs to put/],
  ]
  for (const [args, message] of cases)
    assert.throws(() => parseCommandLine(['descriptors', ...args]), message)
})
