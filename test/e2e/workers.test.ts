import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { MethodsPage } from '../../routes/admin/page-types.ts'
import { childrenOf, isRunning } from '../support/processes.ts'
import { openRaw } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { startBefore } from '../support/start-before.ts'
import { until } from '../support/until.ts'
import { runProgram } from '../support/waygate.ts'
import { startWithWorkers } from '../support/workers.ts'

const GET_KEPT = 'GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n'
const GET_SLOW = 'GET /echo/slow HTTP/1.1\r\nHost: x\r\n\r\n'

/** Returns the prefix of the request id, which is the same for all ids of a worker. */
function workerOf(answer: string): string {
  return /^x-request-id: (\w+)-/im.exec(answer)![1]!
}

/** Creates a node that answers /slow when released, and other paths at once. */
function slowNode() {
  const released = Promise.withResolvers<void>()
  let waiting = 0
  return {
    release: released.resolve,
    waiting: () => waiting,
    async handler(
      request: import('node:http').IncomingMessage,
      response: import('node:http').ServerResponse,
    ) {
      request.resume()
      if (request.url === '/slow') {
        waiting++
        await released.promise
      }
      response.end('answered')
    },
  }
}

describe('a gateway with two workers', () => {
  const slow = slowNode()
  const scene = startBefore(() => startWithWorkers({ shutdownTimeoutMs: 60_000 }, slow))

  test('workers share the connections, and the counts of all workers are added up', async () => {
    const { gateway, metric } = scene()
    const shares = new Map<string, number>()
    for (let i = 0; i < 100; i++) {
      using connection = await openRaw(gateway.port)
      connection.write(GET_KEPT)
      const worker = workerOf(await connection.receives(text => text.endsWith('answered')))
      shares.set(worker, (shares.get(worker) ?? 0) + 1)
    }
    assert.equal(shares.size, 2)
    // The system chooses a worker. In docs/workers.md are the shares that were measured.
    for (const count of shares.values()) assert.ok(count >= 10, `${[...shares.values()]}`)

    assert.equal(await metric('waygate_requests_total'), 100)
    assert.equal(await metric('waygate_node_tries_total'), 100)
    assert.equal(await metric('waygate_request_duration_seconds_count'), 100)
    assert.equal(await metric('waygate_table_nodes'), 1)
    assert.equal(await metric('waygate_workers'), 2)
    const page = await gateway.routes()
    const [route] = page.routes
    assert.deepEqual([page.routes.length, route?.nodes.length, route?.nodes[0]?.requests], [1, 1, 100])
    assert.deepEqual([...page.workers!.map(({ pid }) => pid)].sort(), [...childrenOf(gateway.pid)].sort())
    for (const { revision, connected, stale } of page.workers!)
      assert.deepEqual([typeof revision, connected, stale], ['string', true, false])
    assert.equal((await gateway.nodes('echo'))[0]?.requests, 100)
    assert.equal((await fetch(`${gateway.admin}/services/echo/methods`)).status, 404)
    assert.equal((await gateway.logged('waygate is listening')).workers, 2)
    assert.equal(gateway.log().filter(({ msg }) => msg === 'waygate is listening').length, 1)
  })

  test('the methods of a service are those that the workers know', async () => {
    const set = readFileSync(join(import.meta.dirname, '../fixtures/grpc/task.binpb'))
    const { gateway } = scene()
    using registry = openRegistry(gateway.etcd)
    await registry.put('/waygate/descriptors/task', set.toString('base64'))
    await registry.put('/services/task/t1', JSON.stringify({ ip: '127.0.0.1', port: 9, protocol: 'grpc' }))
    const page = async () =>
      (await fetch(`${gateway.admin}/services/task/methods`)).json() as Promise<MethodsPage>
    await until('the methods are known', async () => (await page()).descriptors?.methods === 8)
    assert.equal((await page()).methods.length, 8)
  })

  test('without its primary, a worker finishes its requests in flight and exits', async () => {
    const { gateway, workers } = scene()
    const pids = await workers()
    using connection = await openRaw(gateway.port)
    connection.write(GET_SLOW)
    await until('it has reached the node', () => slow.waiting() === 1)
    gateway.child.kill('SIGKILL')
    await until('the worker without requests has ended', () => pids.filter(isRunning).length === 1)
    slow.release()
    assert.match(await connection.ended, /^HTTP\/1\.1 200 .*answered$/s)
    await until('nothing is left running', () => !pids.some(isRunning))
  })
})

test('on SIGTERM the requests in flight of all workers finish, and no process is left running', async () => {
  const slow = slowNode()
  await using scene = await startWithWorkers({ drainMs: 200, shutdownTimeoutMs: 60_000 }, slow)
  const { gateway, workers } = scene
  const pids = await workers()
  const connections = await Promise.all(Array.from({ length: 6 }, () => openRaw(gateway.port)))
  for (const connection of connections) connection.write(GET_SLOW)
  await until('all of them have reached the node', () => slow.waiting() === 6)
  gateway.child.kill('SIGTERM')
  await gateway.logged(line => line.msg.startsWith('shutting down'))
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
  await until('new connections are refused', () =>
    openRaw(gateway.port).then(
      other => other[Symbol.dispose](),
      () => true,
    ),
  )
  slow.release()
  const answers = await Promise.all(connections.map(connection => connection.ended))
  assert.equal(new Set(answers.map(workerOf)).size, 2)
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 200 .*connection: close\r\n.*answered/is)
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  assert.deepEqual(pids.filter(isRunning), [])
  assert.equal(gateway.stderr(), '')
})

test('a second signal ends all processes at once', async () => {
  const slow = slowNode()
  await using scene = await startWithWorkers({ drainMs: 60_000, shutdownTimeoutMs: 60_000 }, slow)
  const { gateway, workers } = scene
  const pids = await workers()
  gateway.child.kill('SIGTERM')
  await gateway.logged(line => line.msg.startsWith('shutting down'))
  gateway.child.kill('SIGTERM')
  assert.deepEqual(await gateway.exited, { code: 143, signal: null })
  await until('nothing is left running', () => !pids.some(isRunning))
})

test('a port that is taken gives one line on stderr and exit code 1', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  try {
    const { port } = other.address() as import('node:net').AddressInfo
    const { code, stderr } = await runProgram({
      args: `start --workers 2 --host 127.0.0.1 --port ${port} --admin-port 0 --embedded-etcd 127.0.0.1:0`.split(
        ' ',
      ),
    })
    assert.equal(code, 1)
    assert.match(
      stderr,
      new RegExp(`^waygate: cannot listen on 127\\.0\\.0\\.1:${port}: it is in use; .*\\n$`),
    )
  } finally {
    other.close()
  }
})
