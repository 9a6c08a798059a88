import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRaw } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { type RunningGateway, startGateway } from '../support/waygate.ts'

interface Slow extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly node: Service
  /** Resolves when the slow request has reached the node. */
  readonly arrived: Promise<void>
  /** Lets the node answer it. */
  release(): void
}

/** Starts a gateway with a node that answers /slow when released, and other paths at once. */
async function startSlow(config: object): Promise<Slow> {
  const gateway = await startGateway({ config })
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const node = await startService('node', async (request, response) => {
    request.resume()
    if (request.url !== '/slow') {
      response.end('quick')
      return
    }
    arrived.resolve()
    await released.promise
    response.end('at last')
  })
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
  return {
    gateway,
    node,
    arrived: arrived.promise,
    release: released.resolve,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await node.close()
    },
  }
}

const GET_SLOW = 'GET /echo/slow HTTP/1.1\r\nHost: x\r\n\r\n'

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`on ${signal} a request in flight finishes, its connection is closed, and the gateway exits with 0`, async () => {
    await using slow = await startSlow({ drainMs: 300, shutdownTimeoutMs: 60_000 })
    const { gateway } = slow
    using connection = await openRaw(gateway.port)
    connection.write(GET_SLOW)
    await slow.arrived
    gateway.child.kill(signal)
    // After the drain time no connection is accepted anymore, but the request continues.
    await until('new connections are refused', () =>
      openRaw(gateway.port).then(
        other => other[Symbol.dispose](),
        () => true,
      ),
    )
    assert.equal(gateway.hasExited(), false)
    slow.release()
    const text = await connection.ended
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(text, /\r\nconnection: close\r\n/i)
    assert.match(text, /at last/)
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
    assert.equal(gateway.stderr(), '')
  })
}

test('while the gateway drains, it is not ready but healthy, and serves new connections', async () => {
  await using slow = await startSlow({ drainMs: 60_000 })
  const { gateway } = slow
  gateway.child.kill('SIGTERM')
  await gateway.logged(line => line.msg.startsWith('shutting down'))
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
  assert.equal((await fetch(`${gateway.admin}/healthz`)).status, 200)
  for (let i = 0; i < 3; i++) {
    using connection = await openRaw(gateway.port)
    connection.write('GET /echo/quick HTTP/1.1\r\nHost: x\r\n\r\n')
    // The gateway closes the connection although the client would have kept it.
    const text = await connection.ended
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(text, /\r\nconnection: close\r\n/i)
    assert.match(text, /quick/)
  }
  using refused = await openRaw(gateway.port)
  refused.write('GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await refused.ended, /^HTTP\/1\.1 404 .*\r\nconnection: close\r\n/is)
})

test('an idle kept connection does not delay the exit', async () => {
  await using slow = await startSlow({ drainMs: 0, shutdownTimeoutMs: 60_000 })
  const { gateway } = slow
  using connection = await openRaw(gateway.port)
  connection.write('GET /echo/quick HTTP/1.1\r\nHost: x\r\n\r\n')
  await connection.receives(text => text.includes('quick'))
  using silent = await openRaw(gateway.port)
  gateway.child.kill('SIGTERM')
  await Promise.all([connection.ended, silent.ended])
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
})

test('a request that takes longer than the shutdown timeout is cut off and counted', async () => {
  await using slow = await startSlow({ drainMs: 0, shutdownTimeoutMs: 200 })
  const { gateway } = slow
  using connection = await openRaw(gateway.port)
  connection.write(GET_SLOW)
  await slow.arrived
  gateway.child.kill('SIGTERM')
  assert.equal(await connection.ended, '')
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  assert.equal(gateway.log().find(({ msg }) => msg === 'requests were cut off')?.requests, 1)
})

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`a second signal (${signal}) ends the gateway at once`, async () => {
    await using slow = await startSlow({ drainMs: 60_000, shutdownTimeoutMs: 60_000 })
    const { gateway } = slow
    using connection = await openRaw(gateway.port)
    connection.write(GET_SLOW)
    await slow.arrived
    gateway.child.kill('SIGTERM')
    await gateway.logged(line => line.msg.startsWith('shutting down'))
    gateway.child.kill(signal)
    assert.deepEqual(await gateway.exited, { code, signal: null })
    await connection.ended
  })
}
