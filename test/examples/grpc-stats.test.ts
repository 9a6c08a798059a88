import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { onPath } from '../support/etcd.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { until } from '../support/until.ts'
import { runProgram, startProgram } from '../support/waygate.ts'
import { createExampleClient } from './grpc-client.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/grpc')

/** Debian's python3-grpcio belongs to /usr/bin/python3, which need not be the first one on PATH. */
const python = ['python3', '/usr/bin/python3'].find(command => {
  try {
    return execFileSync(command, ['-c', 'import grpc, google.protobuf'], { stdio: 'ignore' }) !== undefined
  } catch {
    return false
  }
})

test('a Python service without reflection takes gRPC and JSON by its sidecar and its descriptors', async t => {
  if (!python || !onPath('protoc')) return t.skip('needs protoc, and a python3 with grpcio')
  const folder = await mkdtemp(join(tmpdir(), 'waygate-stats-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const set = join(folder, 'stats.binpb')
  execFileSync('protoc', [
    ...['-I', join(EXAMPLES, 'proto'), '--include_imports', `--descriptor_set_out=${set}`],
    'stats/v1/stats.proto',
  ])
  await using gateway = await startGatewayHere()
  const put = await runProgram({ args: ['descriptors', 'put', 'stats', set, '--etcd', gateway.etcd] })
  assert.equal(put.code, 0, put.stderr)

  const port = await freePort()
  const node = [
    '--name',
    'stats',
    '--address',
    `127.0.0.1:${port}`,
    '--protocol',
    'grpc',
    '--etcd',
    gateway.etcd,
  ]
  await using sidecar = await startProgram({
    args: ['register', ...node, '--', python, join(EXAMPLES, 'stats/stats.py'), set],
    env: { PORT: String(port) },
  })
  await gateway.untilNodes('stats', [`stats-127.0.0.1-${port}`])

  using client = createExampleClient('stats/v1/stats.proto', 'stats.v1.Stats', gateway.port)
  const values = [1, 2, 3, 10]
  const description = { count: 4, min: 1, max: 10, mean: 4, median: 2.5 }
  const called = await until('its methods are known', async () => {
    const result = await client.call('Describe', { values })
    return result.status === 'UNIMPLEMENTED' ? undefined : result
  })
  assert.deepEqual([called.status, called.replies], ['OK', [description]])

  const json = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${gateway.url}/stats${path}`, init)
    return { status: response.status, body: await response.text() }
  }
  const post = { method: 'POST', headers: { 'content-type': 'application/json' } }
  const wanted = { status: 200, body: JSON.stringify(description) }
  assert.deepEqual(await json('/v1/describe', { ...post, body: JSON.stringify({ values }) }), wanted)
  assert.deepEqual(await json('/v1/describe?values=1&values=2&values=3&values=10'), wanted)
  const empty = await json('/v1/describe', { ...post, body: '{}' })
  assert.equal(empty.status, 400)
  assert.equal(JSON.parse(empty.body).detail, 'values must not be empty')
  const followed = await json('/v1/describe:follow?values=1&values=2')
  assert.deepEqual(
    followed.body
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).count),
    [1, 2],
  )

  sidecar.child.kill('SIGTERM')
  assert.deepEqual(await sidecar.exited, { code: 0, signal: null })
  assert.deepEqual(await gateway.nodes('stats'), [])
})
