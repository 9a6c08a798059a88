import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkLoaded } from '../../../cmd/gateway/check-loaded.ts'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { onPath } from '../../support/etcd.ts'
import { putDescriptors, startJsonGateway, untilSchemaKnown } from '../../support/json-gateway.ts'
import { until } from '../../support/until.ts'

const PROTOS = {
  'types.proto': 'syntax = "proto3"; package task.v1; message Task { int64 id = 1; string title = 2; }',
  'task.proto': `syntax = "proto3"; package task.v1;
import "types.proto"; import "google/protobuf/empty.proto";
service Tasks { rpc UpdateTask(Task) returns (Task); rpc Ping(google.protobuf.Empty) returns (google.protobuf.Empty); }`,
}

/** A folder with the .proto files, and a function that compiles them there to the file of the given name. */
function protos(t: TestContext, files: Readonly<Record<string, string | Buffer>> = {}) {
  const cwd = tempFolder(t, { ...PROTOS, ...files })
  const compile = (name: string, ...args: readonly string[]) =>
    execFileSync('protoc', ['-I', cwd, `--descriptor_set_out=${join(cwd, name)}`, ...args], { cwd })
  return { cwd, compile }
}

async function problemsOf(cwd: string): Promise<string[]> {
  const loaded = loadConfig({ env: {}, cwd, file: 'conf/waygate.yaml' })
  try {
    await checkLoaded(loaded)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message.split('\n').map(line => line.replaceAll(cwd, 'CWD'))
  }
}

test('files with descriptors are found from the working directory, as all files of a configuration', async t => {
  if (!onPath('protoc')) return t.skip('needs protoc')
  const { cwd, compile } = protos(t, {
    'conf/waygate.yaml': 'grpc: { descriptors: { task: sets/task.binpb } }',
    'sets/.keep': '',
  })
  compile('sets/task.binpb', '--include_imports', 'task.proto')
  const { config } = loadConfig({ env: {}, cwd, file: 'conf/waygate.yaml' })
  assert.equal(config.grpc.descriptors.task, join(cwd, 'sets/task.binpb'))
  assert.deepEqual(await problemsOf(cwd), [])
})

test('a set without its imports, a damaged one and one without a service are errors of the configuration', async t => {
  if (!onPath('protoc')) return t.skip('needs protoc')
  const names = ['alone', 'cut', 'text', 'empty', 'types', 'whole']
  const entries = names.map(name => `    ${name}: ${name}.binpb`).join('\n')
  const { cwd, compile } = protos(t, {
    'conf/waygate.yaml': `grpc:\n  descriptors:\n${entries}\n`,
    'text.binpb': PROTOS['task.proto'],
    'empty.binpb': '',
  })
  compile('alone.binpb', 'task.proto')
  compile('types.binpb', 'types.proto')
  compile('whole.binpb', '--include_imports', 'task.proto')
  execFileSync('sh', ['-c', 'head -c 150 whole.binpb > cut.binpb'], { cwd })
  const line = (name: string, reason: string) =>
    `conf/waygate.yaml:2: $.grpc.descriptors.${name}: CWD/${name}.binpb cannot be used: ${reason}; write it with protoc --include_imports --descriptor_set_out`
  assert.deepEqual(await problemsOf(cwd), [
    line('alone', 'the type .task.v1.Task, used in task.v1.Tasks, is missing'),
    line('cut', 'it is not a FileDescriptorSet'),
    line('text', 'it is not a FileDescriptorSet'),
    line('empty', 'it has no gRPC service'),
    line('types', 'it has no gRPC service'),
  ])
})

test('a file serves until etcd has descriptors of the same name, and again when they are gone', async t => {
  if (!onPath('protoc')) return t.skip('needs protoc')
  const { cwd, compile } = protos(t)
  compile('task.binpb', '--include_imports', 'task.proto')
  const gateway = await startJsonGateway(t, {
    node: { reflection: false },
    document: { grpc: { descriptors: { task: join(cwd, 'task.binpb') } } },
  })
  await untilSchemaKnown(gateway)
  const update = () => gateway.ask('POST', '/task/UpdateTask', { id: '7', title: 'x' })
  const get = () => gateway.ask('POST', '/task/GetTask', { id: '7' })
  assert.deepEqual((await update()).json, { id: '7', title: 'x' })
  assert.equal((await get()).json.code, 'WG_NO_METHOD')
  putDescriptors(gateway, 'task')
  await until('the set of etcd counts', async () => (await get()).status === 200)
  // An empty value in etcd must not take away what is known.
  putDescriptors(gateway, 'task', Buffer.alloc(0))
  await until('the value is a problem', () => gateway.gateway.table.problems().length === 1)
  assert.equal((await get()).status, 200)
  gateway.registry.deleteEntry('descriptors', '/waygate/descriptors/task')
  await until('the file counts again', async () => (await get()).status === 404)
  assert.equal((await update()).status, 200)
})
