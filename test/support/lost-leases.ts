import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestEtcd } from './etcd.ts'
import { type RegisteredNode, startRegisteredNode } from './registered-node.ts'
import { openRegistry } from './registry.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { startTraffic } from './steady-traffic.ts'
import { startTcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'

export interface LostLeasesOptions {
  readonly etcd: TestEtcd
  /** A gateway that connects to `etcd` directly. */
  readonly gateway: ServingGateway
  /** How long etcd is down. */
  readonly downMs: number
  readonly getsPerSecond: number
  readonly ttlSeconds: number
}

export interface LostLeasesReport {
  readonly gets: number
  /** Time from etcd being healthy again until the gateway followed it. */
  readonly followedAfterMs: number
  /** Time from the end of the last lease until the dead node was gone. */
  readonly deadGoneAfterMs: number
  /** Time from the moment the registrars could reach etcd until every live node was confirmed. */
  readonly confirmedAfterMs: number
}

/**
 * Takes etcd down and brings it back, and lets every lease end before the registrars can reach etcd again. One of three
 * nodes dies in the meantime. Checks under load that no GET fails, that the live nodes stay in use as suspects and are
 * confirmed when they register again, and that the dead one is removed.
 *
 * The service with one node gets no traffic: if its lease is the first to end, its node counts as gone until the other
 * leases have ended, a moment later.
 */
export async function loseLeasesUnderLoad(options: LostLeasesOptions): Promise<LostLeasesReport> {
  const { etcd, gateway, downMs, getsPerSecond, ttlSeconds } = options
  await using stack = new AsyncDisposableStack()
  // Between the registrars and etcd.
  const wire = stack.use(await startTcpProxy(etcd.port))
  const start = async (service: string, id: string): Promise<RegisteredNode> =>
    stack.use(await startRegisteredNode({ service, id, etcd: wire.url, ttlSeconds }))
  const [, , dying] = await Promise.all([
    start('trio', 'a'),
    start('trio', 'b'),
    start('trio', 'dying'),
    start('solo', 'single'),
  ])
  await gateway.untilNodes('trio', ['a', 'b', 'dying'])
  await gateway.untilNodes('solo', ['single'])

  const traffic = stack.use(
    startTraffic({ ports: [gateway.port], paths: ['/trio/'], perSecond: getsPerSecond }),
  )
  await Promise.all([etcd.kill('SIGKILL'), wire.cut('rst')])
  await until('the outage is noticed', async () => !(await gateway.routes()).source.connected)
  await delay(downMs)
  await Promise.all([dying.node.kill('SIGKILL'), dying.sidecar.stop()])
  await etcd.restart()
  const healthyAt = performance.now()
  await until('the gateway follows etcd', async () => (await gateway.routes()).source.connected)
  const followedAfterMs = performance.now() - healthyAt

  using registry = openRegistry(etcd.url)
  await until(
    'every lease has ended',
    async () => (await registry.client.getAll().prefix('/services/').count()) === 0,
  )
  const endedAt = performance.now()
  await untilStates(gateway, 'trio', { a: 'suspect', b: 'suspect' })
  const deadGoneAfterMs = performance.now() - endedAt
  await untilStates(gateway, 'solo', { single: 'suspect' })
  wire.mend()
  const mendedAt = performance.now()
  await untilStates(gateway, 'trio', { a: 'up', b: 'up' })
  await untilStates(gateway, 'solo', { single: 'up' })
  const confirmedAfterMs = performance.now() - mendedAt
  const gets = await traffic.finish()
  return { gets, followedAfterMs, deadGoneAfterMs, confirmedAfterMs }
}

/** Resolves when a service has exactly these nodes in these states. */
async function untilStates(
  gateway: ServingGateway,
  service: string,
  states: Readonly<Record<string, string>>,
): Promise<void> {
  let last: unknown
  await until(`${service} has the nodes ${JSON.stringify(states)}`, async () => {
    last = Object.fromEntries((await gateway.nodes(service)).map(({ id, state }) => [id, state]))
    return JSON.stringify(last) === JSON.stringify(states)
  }).catch(error => assert.fail(`${error.message}, but ${JSON.stringify(last)}`))
}
