import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { childrenOf } from '../support/processes.ts'
import { openRaw, type RawConnection } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { type Service, startService } from '../support/service.ts'
import { type RunningGateway, startGateway } from '../support/waygate.ts'

// Longer than it takes to stop the gateway, however busy the machine is.
const DRAIN_MS = 2_000
const GET = 'GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi'

interface Scene extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly node: Service
}

async function startScene(workers: number): Promise<Scene> {
  const config = { workers, drainMs: DRAIN_MS, shutdownTimeoutMs: 60_000 }
  const gateway = await startGateway({ config })
  const node = await startService('node')
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
  return {
    gateway,
    node,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await node.close()
    },
  }
}

/** Stops the gateway while it drains, until its drain time is over, and runs `meanwhile` in that time. */
async function standStill(gateway: RunningGateway, meanwhile: () => Promise<void>): Promise<void> {
  gateway.child.kill('SIGTERM')
  await gateway.logged(line => line.msg.startsWith('shutting down'))
  const processes = [gateway.pid, ...childrenOf(gateway.pid)]
  for (const pid of processes) process.kill(pid, 'SIGSTOP')
  await meanwhile()
  await delay(DRAIN_MS)
  for (const pid of processes) process.kill(pid, 'SIGCONT')
}

async function answeredOnce(connection: RawConnection): Promise<void> {
  const text = await connection.ended
  assert.match(text.slice(text.lastIndexOf('HTTP/1.1')), /^HTTP\/1\.1 200 .*connection: close\r\n.*node$/is)
}

for (const workers of [1, 2]) {
  test(`a request that arrived on a kept connection before the end of the drain time is answered, however busy a gateway with --workers ${workers} is`, async () => {
    await using scene = await startScene(workers)
    const { gateway, node } = scene
    const kept = await Promise.all(Array.from({ length: 20 }, () => openRaw(gateway.port)))
    for (const connection of kept) {
      connection.write(GET)
      await connection.receives(text => text.endsWith('node'))
    }
    await standStill(gateway, async () => {
      for (const connection of kept) connection.write(POST)
    })
    await Promise.all(kept.map(answeredOnce))
    assert.equal(node.count, 2 * kept.length, 'each arrived once')
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  })

  test(`a request on a connection that a gateway with --workers ${workers} had not accepted yet is answered, even when its bytes arrive a moment later`, async () => {
    await using scene = await startScene(workers)
    const { gateway, node } = scene
    let fresh: readonly RawConnection[] = []
    await standStill(gateway, async () => {
      fresh = await Promise.all(Array.from({ length: 20 }, () => openRaw(gateway.port)))
      for (const connection of fresh.slice(10)) connection.write(POST)
    })
    for (const connection of fresh.slice(0, 10)) connection.write(POST)
    await Promise.all(fresh.map(answeredOnce))
    assert.equal(node.count, fresh.length, 'each arrived once')
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  })
}
