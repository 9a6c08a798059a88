import { setTimeout as delay } from 'node:timers/promises'
import { createRevisions } from './create-revisions.ts'
import type { TestCluster } from './etcd-cluster.ts'
import { startRegisteredNode } from './registered-node.ts'
import { startTraffic } from './steady-traffic.ts'
import { until } from './until.ts'
import type { RunningGateway } from './waygate.ts'

export interface LostQuorumOptions {
  readonly cluster: TestCluster
  /** Given every member. */
  readonly gateway: RunningGateway
  /** How long the leader and one follower stand still. */
  readonly lostMs: number
  readonly getsPerSecond: number
  readonly ttlSeconds: number
}

export interface LostQuorumReport {
  readonly gets: number
  /** Leases that etcd let end; how many is up to it. */
  readonly ended: number
  /** From the quorum's return until the gateway followed the cluster. */
  readonly followedAfterMs: number
  /** From then until every node was registered and no longer in doubt. */
  readonly confirmedAfterMs: number
}

/**
 * A cluster has no quorum for longer than leases live, and its leader lets them end when it goes on. Checks
 * under load that no GET fails, and that every node is registered in the end.
 */
export async function loseQuorumUnderLoad(options: LostQuorumOptions): Promise<LostQuorumReport> {
  const { cluster, gateway, lostMs, getsPerSecond, ttlSeconds } = options
  await using stack = new AsyncDisposableStack()
  const ids = ['a', 'b', 'c']
  await Promise.all(
    ids.map(async id =>
      stack.use(await startRegisteredNode({ service: 'trio', id, etcd: cluster.urls, ttlSeconds })),
    ),
  )
  await gateway.untilNodes('trio', ids)
  const before = await createRevisions(cluster.urls, 'trio')
  const traffic = stack.use(
    startTraffic({ ports: [gateway.port], paths: ['/trio/'], perSecond: getsPerSecond }),
  )
  const leader = await cluster.leader()
  const stopped = [leader, cluster.others(leader)[0]!]
  await Promise.all(stopped.map(member => member.kill('SIGSTOP')))
  await delay(lostMs)
  await Promise.all(stopped.map(member => member.kill('SIGCONT')))
  await cluster.untilHealthy()
  const backAt = performance.now()
  await until('the gateway follows the cluster', async () => (await gateway.routes()).source.connected)
  const followedAfterMs = performance.now() - backAt
  // A beat of every registrar later, at the latest, each knows whether its lease has ended.
  await delay((ttlSeconds * 1_000) / 3)
  await until('every node is registered', async () => {
    const nodes = await gateway.nodes('trio')
    return nodes.length === ids.length && nodes.every(({ state }) => state === 'up')
  })
  const confirmedAfterMs = performance.now() - backAt - followedAfterMs
  const after = await createRevisions(cluster.urls, 'trio')
  const ended = [...before].filter(([key, revision]) => after.get(key) !== revision).length
  return { gets: await traffic.finish(), ended, followedAfterMs, confirmedAfterMs }
}
