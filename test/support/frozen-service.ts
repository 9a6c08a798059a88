import { setTimeout as delay } from 'node:timers/promises'
import { openRegistry } from './registry.ts'
import { startSelfRegistered } from './self-registered.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { startTraffic } from './steady-traffic.ts'
import { until } from './until.ts'

export interface FrozenServiceOptions {
  readonly gateway: ServingGateway
  readonly getsPerSecond: number
  readonly ttlSeconds: number
  /** How long the process stays stopped after its key is gone. */
  readonly goneForMs: number
}

export interface FrozenServiceReport {
  readonly gets: number
  /** Time from SIGCONT until the key is back. */
  readonly keyAfterMs: number
  /** Time from then until the gateway shows the node. */
  readonly shownAfterMs: number
}

/**
 * Stops one of two self-registered nodes for longer than its lease lives, and continues it. Checks under load that no
 * GET fails, and that the gateway drops the node and takes it back.
 */
export async function freezeServiceUnderLoad(options: FrozenServiceOptions): Promise<FrozenServiceReport> {
  const { gateway, getsPerSecond, ttlSeconds, goneForMs } = options
  await using stack = new AsyncDisposableStack()
  const start = async (id: string) =>
    stack.use(await startSelfRegistered({ service: 'duo', id, etcd: gateway.etcd, ttlSeconds }))
  const [, frozen] = await Promise.all([start('awake'), start('frozen')])
  await gateway.untilNodes('duo', ['awake', 'frozen'])
  using registry = openRegistry(gateway.etcd)
  const hasKey = async () => (await registry.client.get('/services/duo/frozen').string()) !== null

  const traffic = stack.use(
    startTraffic({ ports: [gateway.port], paths: ['/duo/'], perSecond: getsPerSecond }),
  )
  frozen.kill('SIGSTOP')
  await gateway.untilNodes('duo', ['awake'])
  await delay(goneForMs)
  frozen.kill('SIGCONT')
  const wokenAt = performance.now()
  const atOnce = { everyMs: 2 }
  const [keyAt, shownAt] = await Promise.all([
    until('its key is back', hasKey, atOnce).then(() => performance.now()),
    until('it is shown', async () => (await gateway.nodes('duo')).length === 2, atOnce).then(() =>
      performance.now(),
    ),
  ])
  const gets = await traffic.finish()
  return { gets, keyAfterMs: keyAt - wokenAt, shownAfterMs: Math.max(0, shownAt - keyAt) }
}
