import assert from 'node:assert/strict'
import type { TestEtcd } from './etcd.ts'
import { openEtcdClient } from './etcd-client.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'

export interface EndedGraceOptions {
  readonly etcd: TestEtcd
  /** Must have `discovery.suspectGraceMs` set to `graceMs`. */
  readonly gateway: ServingGateway
  /** Longer than `ttlSeconds`, which is how long the leases live after a restart of etcd. */
  readonly graceMs: number
  readonly ttlSeconds: number
}

export interface EndedGraceReport {
  /** Time from a delete in normal operation until the node was gone. */
  readonly calmDeleteMs: number
  /** Time from a delete right after the gateway had reconnected to etcd until the node was gone. */
  readonly earlyDeleteMs: number
  /** Time from the first suspects until none was left. */
  readonly suspectForMs: number
}

/**
 * Restarts etcd and lets the leases of running nodes end without ever being renewed. Checks that these nodes stay in
 * use as suspects until their grace ends, and that a node which is deleted on purpose is gone at once, before and
 * after the restart.
 */
export async function endGrace({
  etcd,
  gateway,
  graceMs,
  ttlSeconds,
}: EndedGraceOptions): Promise<EndedGraceReport> {
  await using stack = new AsyncDisposableStack()
  const client = openEtcdClient(etcd.url)
  const lease = client.lease(ttlSeconds)
  for (const id of ['a', 'b']) {
    const { port } = stack.use(await startService(id))
    await lease.put(`/services/left/${id}`).value(JSON.stringify({ id, ip: '127.0.0.1', port }))
  }
  await gateway.untilNodes('left', ['a', 'b'])
  using registry = openRegistry(etcd.url)
  for (const id of ['a', 'b', 'c']) await registry.putNode('kept', id, { port: gateway.port })
  await gateway.untilNodes('kept', ['a', 'b', 'c'])
  const timeDelete = async (id: string, left: readonly string[]) => {
    await registry.deleteNode('kept', id)
    const deletedAt = performance.now()
    await gateway.untilNodes('kept', left)
    return performance.now() - deletedAt
  }
  const calmDeleteMs = await timeDelete('a', ['b', 'c'])
  await etcd.kill('SIGKILL')
  client.close()
  await until('the outage is noticed', async () => !(await gateway.routes()).source.connected)
  await etcd.restart()
  await until('it follows etcd', async () => (await gateway.routes()).source.connected)
  const earlyDeleteMs = await until('etcd takes a delete', () => timeDelete('b', ['c']))
  await until('both are in doubt', async () => {
    const states = (await gateway.nodes('left')).map(({ state }) => state)
    return states.join() === 'suspect,suspect'
  })
  const doubtedAt = performance.now()
  assert.equal(await registry.client.getAll().prefix('/services/left/').count(), 0)
  assert.equal((await fetch(`${gateway.url}/left/`)).status, 200, 'it is still in use')
  await gateway.untilNodes('left', [], graceMs + 10_000)
  assert.equal((await fetch(`${gateway.url}/left/`)).status, 404)
  return { calmDeleteMs, earlyDeleteMs, suspectForMs: performance.now() - doubtedAt }
}
