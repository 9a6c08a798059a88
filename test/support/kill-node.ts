import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { runLoad } from './load.ts'
import { startServiceProcess } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'
import { startProgram } from './waygate.ts'

export interface KillNodeOptions {
  readonly gateway: ServingGateway
  readonly getsPerSecond: number
  readonly postsPerSecond: number
  readonly durationMs: number
  /** Time from the start of the load until the node is killed. */
  readonly killAfterMs: number
  /** TTL of the three nodes. */
  readonly ttlSeconds: number
}

export interface KillNodeReport {
  readonly gets: number
  readonly posts: number
  readonly failedPosts: number
  /** Time from the kill until the node was gone from the gateway. */
  readonly goneAfterMs: number
}

/** How much longer than its TTL a lease may live: etcd checks twice a second, and a watch reports the end. */
const LEASE_SLACK_MS = 2_000

/**
 * Kills one of three nodes together with its registrar, under load. Checks that no GET fails, that no POST arrives
 * twice, that the node's breaker opens, and that the node is gone when its lease has ended.
 */
export async function killNodeUnderLoad(options: KillNodeOptions): Promise<KillNodeReport> {
  const { gateway, durationMs, ttlSeconds } = options
  await using stack = new AsyncDisposableStack()
  const ids = ['a', 'b', 'c']
  const members = await Promise.all(
    ids.map(async id => {
      const node = stack.use(await startServiceProcess(id))
      const address = `127.0.0.1:${node.port}`
      const sidecar = stack.use(
        await startProgram({
          args: ['register', '--name', 'trio', '--id', id, '--address', address].concat(
            '--ttl',
            String(ttlSeconds),
            '--etcd',
            gateway.etcd,
          ),
        }),
      )
      return { node, sidecar }
    }),
  )
  await gateway.untilNodes('trio', ids)

  const load = { port: gateway.port, durationMs, path: '/trio/' }
  const gets = runLoad({ ...load, perSecond: options.getsPerSecond })
  const posts = runLoad({
    ...load,
    perSecond: options.postsPerSecond,
    method: 'POST',
    body: n => `post-${n}`,
  })
  await delay(options.killAfterMs)
  const [{ node: victim, sidecar }] = members as [(typeof members)[number]]
  await Promise.all([victim.kill('SIGKILL'), sidecar.stop()])
  const killedAt = performance.now()
  await gateway.logged(line => line.msg === 'breaker opened' && line.node === 'a')
  await gateway.untilNodes('trio', ['b', 'c'], ttlSeconds * 1_000 + LEASE_SLACK_MS)
  const goneAfterMs = performance.now() - killedAt
  const page = await gateway.routes()
  assert.ok(!page.routes.some(route => route.nodes.some(({ id }) => id === 'a')), 'gone from /routes')

  const [gotten, posted] = await Promise.all([gets, posts])
  assert.deepEqual([...gotten.errors], [], 'no GET without an answer')
  assert.deepEqual([...gotten.statuses.keys()], [200], 'no GET with an error')
  assert.deepEqual([...gotten.bodies.keys()].sort(), ids, 'every node had its share')

  const arrived = (await Promise.all(members.map(({ node }) => node.posted()))).flat()
  assert.equal(new Set(arrived).size, arrived.length, 'no POST arrived twice')
  const answered = posted.statuses.get(200) ?? 0
  assert.ok(arrived.length >= answered, 'every POST that was answered arrived')
  assert.ok(answered > posted.sent / 2)
  await until('nothing is in flight', async () =>
    (await gateway.nodes('trio')).every(({ inFlight }) => inFlight === 0),
  )
  return { gets: gotten.sent, posts: posted.sent, failedPosts: posted.sent - answered, goneAfterMs }
}

/** Formats the report as one line. */
export function describeReport({ gets, posts, failedPosts, goneAfterMs }: KillNodeReport): string {
  return `${gets} GETs, 0 failed; ${posts} POSTs, ${failedPosts} not answered; gone after ${Math.round(goneAfterMs)} ms`
}
