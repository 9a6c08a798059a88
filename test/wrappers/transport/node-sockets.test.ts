import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { nodeSockets } from '../../../wrappers/transport/node-sockets.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { rawCall } from '../../support/raw-call.ts'
import { until } from '../../support/until.ts'
import { startPool } from '../http1/pool-scene.ts'

const usualMax = nodeSockets.max

/** Lets the process have so many sockets to nodes until the end of the test. */
function allow(t: TestContext, sockets: number) {
  nodeSockets.max = sockets
  t.after(() => {
    nodeSockets.max = usualMax
  })
}

test('an idle connection to one node makes room for a connection to another', async t => {
  const [first, second] = [await startNode(t, reply), await startNode(t, reply)]
  const pools = [startPool(t, first.port), startPool(t, second.port)] as const
  allow(t, 1)
  for (let turn = 1; turn <= 3; turn++) {
    for (const { get } of pools) {
      const exchange = get()
      await exchange.over
      assert.equal(exchange.failure, undefined)
    }
    assert.deepEqual([first.connections, second.connections], [turn, turn])
  }
})

test('a connection that is in use makes no room', async t => {
  const node = await startNode(t, () => {})
  const { get } = startPool(t, node.port)
  allow(t, 1)
  const busy = get()
  await until('it has its connection', () => busy.connection !== undefined)
  const refused = get()
  await refused.over
  assert.equal(refused.failure?.kind, 'unsendable')
  assert.match(describeCause(refused.failure), /no file descriptor is left/)
  assert.equal(busy.failure, undefined)
})

test('a connection that has just been cut makes room before its end is told', async t => {
  const node = await startNode(t, () => {})
  allow(t, 1)
  const open = () => nodeSockets.open(() => connect(node.port, '127.0.0.1'))
  const cut = open()
  await once(cut, 'connect')
  cut.destroy()
  const next = open()
  t.after(() => next.destroy())
  assert.equal(next.errored, null)
  await once(next, 'connect')
})

test('without a file descriptor the gateway answers 503 itself, and no node, breaker or check is blamed', async t => {
  const node = await startNode(t, reply)
  const { port, gateway, registry, logged, log } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port, 'user/u2': node.port },
    routes: { user: { path: '/user/*', service: 'user', healthCheck: { tcp: true, intervalMs: 100 } } },
  })
  gateway.health.startChecking()
  const page = async () => (await gateway.pages.services()).services
  const healths = async () =>
    (await page()).find(({ name }) => name === 'user')!.nodes.map(each => each.health)
  await until('the nodes are healthy', async () => (await healths()).every(health => health === 'healthy'))

  allow(t, 0)
  // Later than that, since the gateway asks the gRPC node for its descriptors at once.
  for (const protocol of ['grpc', 'h2c'] as const) {
    const { port } = node
    await registry.register({ service: protocol, id: 'n1', host: '127.0.0.1', port, weight: 1, protocol })
  }
  const lacking = nodeSockets.outOfFiles
  const known = log.length
  for (const [i, method] of ['GET', 'POST', 'GET', 'POST', 'GET', 'GET'].entries()) {
    const headers = { 'x-request-id': `id-${i}` }
    const { status, headers: fields, text } = await send(port, { method, path: '/user/x', headers })
    assert.equal(status, 503)
    assert.equal(fields['retry-after'], '1')
    assert.match(text, /"code":"WG_OVERLOADED".*The gateway is at its limit/)
    const { attempts, reason } = await logged(`id-${i}`)
    assert.deepEqual([attempts, reason], [1, 'no file descriptor is left for a connection to a node'])
  }
  assert.equal((await send(port, { path: '/h2c/x' })).status, 503)
  const call = await rawCall(port, 'grpc', { path: '/grpc/a.B/C' })
  assert.equal(call.grpcStatus, 14)
  await until('checks were due', () => nodeSockets.outOfFiles > lacking + 12)
  for (const { name, nodes } of await page()) {
    for (const each of nodes) assert.deepEqual([name, each.failures, each.breaker], [name, 0, 'closed'])
  }
  assert.deepEqual(await healths(), ['healthy', 'healthy'])
  assert.ok(log.slice(known).every(({ msg }) => msg !== 'health changed'))
  allow(t, 100)
  assert.equal((await send(port, { path: '/user/x' })).status, 200)
})

test('EMFILE of the system counts as a lack of file descriptors, for nodes and for suspects', {
  skip: process.platform === 'win32',
}, async () => {
  const file = join(import.meta.dirname, '../../support/no-files-process.ts')
  const args = ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, file]
  const { stdout } = await promisify(execFile)('sh', args)
  assert.deepEqual(JSON.parse(stdout), { code: 'EMFILE', counted: 1, dismissed: 0 })
})

function describeCause(error: unknown): string {
  return error instanceof Error && error.cause ? describeCause(error.cause) : String(error)
}

function reply(socket: { write(text: string): unknown }): void {
  socket.write(answer())
}
