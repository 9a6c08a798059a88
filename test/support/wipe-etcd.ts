import assert from 'node:assert/strict'
import { register } from '../../discovery/register.ts'
import { startEtcd } from './etcd.ts'
import { listKeys } from './etcd-json.ts'
import { startGatewayHere } from './gateway-here.ts'
import { startRegisteredNode } from './registered-node.ts'
import { startService } from './service.ts'
import { startTraffic } from './steady-traffic.ts'
import { until } from './until.ts'

export interface WipeEtcdOptions {
  readonly ttlSeconds: number
  /** How long the gateway keeps a node that is alive but does not register again. */
  readonly suspectGraceMs: number
}

export interface WipeEtcdReport {
  readonly requests: number
  /** Time from the empty etcd being healthy until every node with a registrar had registered again. */
  readonly registeredMs: number
  /** Time from the empty etcd being healthy until a node that accepts no connections was gone from the gateway. */
  readonly deadGoneMs: number
  /** Time from the empty etcd being healthy until a live node without a registrar was gone from the gateway. */
  readonly forgottenGoneMs: number
}

const PATHS = ['/trio/', '/solo/', '/inside/']

/**
 * Restarts etcd without its data. Checks that services of one node and of several, kept registered by sidecars and by
 * the library, come back by themselves without a failed request; that a node which died in the meantime is removed; and
 * that a live node without a registrar is removed when its grace ends.
 */
export async function wipeEtcd({ ttlSeconds, suspectGraceMs }: WipeEtcdOptions): Promise<WipeEtcdReport> {
  // Each of the many child processes adds an exit listener to this one.
  process.setMaxListeners(50)
  await using stack = new AsyncDisposableStack()
  const etcd = stack.use(await startEtcd())
  const gateway = stack.use(
    await startGatewayHere({ etcd: etcd.url, config: { accessLog: false, discovery: { suspectGraceMs } } }),
  )
  const start = async (service: string, id: string) =>
    stack.use(await startRegisteredNode({ service, id, etcd: etcd.url, ttlSeconds }))
  const inside = stack.use(await startService('inside'))
  const [, , , dead, forgotten] = await Promise.all([
    start('trio', 'a'),
    start('trio', 'b'),
    start('solo', 'only'),
    start('trio', 'dead'),
    start('trio', 'forgotten'),
    register({
      name: 'inside',
      id: 'inside',
      address: `127.0.0.1:${inside.port}`,
      etcd: etcd.url,
      ttlSeconds,
    }).then(registration => stack.defer(() => registration.unregister())),
  ])
  await gateway.untilNodes('trio', ['a', 'b', 'dead', 'forgotten'])
  await gateway.untilNodes('solo', ['only'])
  await gateway.untilNodes('inside', ['inside'])
  const traffic = stack.use(startTraffic({ ports: [gateway.port], paths: PATHS }))

  await etcd.kill('SIGKILL')
  await Promise.all([dead.node.kill('SIGKILL'), dead.sidecar.stop(), forgotten.sidecar.stop()])
  await etcd.restart({ wipe: true })
  const healthyAt = performance.now()
  const since = () => performance.now() - healthyAt

  const registered = untilRegistered(etcd.url, [
    '/services/inside/inside',
    '/services/solo/only',
    '/services/trio/a',
    '/services/trio/b',
  ]).then(since)
  const deadGone = until('the dead node is gone', async () => {
    const ids = (await gateway.nodes('trio')).map(({ id }) => id)
    assert.ok(ids.includes('a') && ids.includes('b'), 'the living ones stay in use')
    return !ids.includes('dead')
  }).then(since)
  const doubted = until('the forgotten node is doubted', async () =>
    (await gateway.nodes('trio')).some(({ id, state }) => id === 'forgotten' && state === 'suspect'),
  )
  const forgottenGone = gateway.untilNodes('trio', ['a', 'b'], suspectGraceMs + 20_000).then(since)
  const [registeredMs, deadGoneMs, forgottenGoneMs] = await Promise.all([
    registered,
    deadGone,
    forgottenGone,
    doubted,
  ])
  const living = await Promise.all(['trio', 'solo', 'inside'].map(name => gateway.nodes(name)))
  assert.deepEqual(
    living.flat().map(({ id, state }) => `${id} ${state}`),
    ['a up', 'b up', 'only up', 'inside up'],
  )
  const requests = await traffic.finish()
  return { requests, registeredMs, deadGoneMs, forgottenGoneMs }
}

/** Formats the report as one line. */
export function describeWipe({
  requests,
  registeredMs,
  deadGoneMs,
  forgottenGoneMs,
}: WipeEtcdReport): string {
  const [registered, dead, forgotten] = [registeredMs, deadGoneMs, forgottenGoneMs].map(Math.round)
  return `${requests} requests, 0 failed; registered again after ${registered} ms, dead node gone after ${dead} ms, forgotten one after ${forgotten} ms`
}

async function untilRegistered(url: string, keys: readonly string[]): Promise<void> {
  await until('every living node is registered', async () => {
    const found = await listKeys(url, '/services/')
    return found.map(([key]) => key).join() === keys.join()
  })
}
