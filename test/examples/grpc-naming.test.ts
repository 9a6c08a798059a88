import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grpcEndpointCodec } from '../../discovery/codecs/grpc-endpoint.ts'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { openRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'
import { startNodeProgram } from '../support/waygate.ts'
import { createExampleClient } from './grpc-client.ts'

const PROGRAM = new URL('../../examples/grpc/task/main.ts', import.meta.url).pathname

test('a gRPC example registers by the naming value of etcd, again when its lease is lost, and leaves when it is stopped', async () => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  using registry = openRegistry(etcd.url)
  await using program = await startNodeProgram({ file: PROGRAM, args: [], env: { WAYGATE_ETCD: etcd.url } })
  const registered = () =>
    until('it is registered', async () => {
      const { kvs } = await registry.client.getAll().prefix('/services/task/').exec()
      return kvs[0]
    })
  const { key, value, lease } = await registered()
  const port = Number(/:(\d+)$/.exec(key.toString())?.[1])
  assert.equal(key.toString(), `/services/task/127.0.0.1:${port}`)
  assert.equal(value.toString(), `{"Op":0,"Addr":"127.0.0.1:${port}","Metadata":null}`)
  using client = createExampleClient('task/v1/task.proto', 'task.v1.Tasks', port)
  assert.equal((await client.call('ListTasks', {}, 'anna')).status, 'OK')

  await registry.client.leaseClient.leaseRevoke({ ID: lease })
  const again = await registered()
  assert.notEqual(again.lease, lease)
  assert.deepEqual([again.key, again.value], [key, value])

  const watch = client.call('WatchTasks', {}, 'anna')
  program.child.kill('SIGTERM')
  assert.equal((await watch).status, 'UNAVAILABLE')
  assert.deepEqual(await program.exited, { code: 0, signal: null })
  assert.deepEqual(await registry.client.getAll().prefix('/services/').keys(), [])
})

test('a gRPC example registers the weight that it is given', async () => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  using registry = openRegistry(etcd.url)
  const env = { WAYGATE_ETCD: etcd.url, WAYGATE_WEIGHT: '3' }
  await using _ = await startNodeProgram({ file: PROGRAM, args: [], env })
  const value = await until('it is registered', async () => {
    const { kvs } = await registry.client.getAll().prefix('/services/task/').exec()
    return kvs[0]?.value.toString()
  })
  assert.equal(grpcEndpointCodec.decode('task/t1', value)[0]?.weight, 3)
})

test('a gRPC example serves while etcd is unreachable, and ends when it is stopped', async () => {
  await using program = await startNodeProgram({
    file: PROGRAM,
    args: [],
    env: { WAYGATE_ETCD: 'http://127.0.0.1:1' },
  })
  const { msg } = await program.logged(({ msg }) => msg.startsWith('listening on '))
  using client = createExampleClient('task/v1/task.proto', 'task.v1.Tasks', Number(msg.split(':')[1]))
  assert.equal((await client.call('ListTasks', {}, 'anna')).status, 'OK')
  program.child.kill('SIGINT')
  assert.deepEqual(await program.exited, { code: 0, signal: null })
})
