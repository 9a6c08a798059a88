import { setTimeout as delay } from 'node:timers/promises'
import type { TestCluster } from './etcd-cluster.ts'
import { startRegisteredService } from './registered-service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'

export interface LostQuorumOptions {
  readonly cluster: TestCluster
  /** Configured with every member as an endpoint. */
  readonly gateway: ServingGateway
  /** How long the leader and one follower are stopped. */
  readonly lostMs: number
  readonly getsPerSecond: number
  readonly ttlSeconds: number
}

export interface LostQuorumReport {
  readonly gets: number
  /** How many leases etcd let end; the number varies. */
  readonly ended: number
  /** Time from the return of the quorum until the gateway followed the cluster. */
  readonly followedAfterMs: number
  /** Time from then until every lease was renewed, and every node was registered and no longer a suspect. */
  readonly confirmedAfterMs: number
}

/**
 * Takes the quorum from a cluster for longer than leases live; its leader lets them end when it continues. Checks under
 * load that no GET fails, and that every node is registered in the end.
 */
export async function loseQuorumUnderLoad(options: LostQuorumOptions): Promise<LostQuorumReport> {
  const { cluster, gateway, lostMs, getsPerSecond, ttlSeconds } = options
  await using trio = await startRegisteredService({
    service: 'trio',
    ids: ['a', 'b', 'c'],
    etcd: cluster.urls,
    ttlSeconds,
    gateway,
    getsPerSecond,
  })
  const before = await trio.revisions()
  const leader = await cluster.leader()
  const stopped = [leader, cluster.others(leader)[0]!]
  await Promise.all(stopped.map(member => member.kill('SIGSTOP')))
  await delay(lostMs)
  await Promise.all(stopped.map(member => member.kill('SIGCONT')))
  await cluster.untilHealthy()
  const backAt = performance.now()
  await until('the gateway follows the cluster', async () => (await gateway.routes()).source.connected)
  const followedAfterMs = performance.now() - backAt
  // Until then, neither the registrar nor the gateway may know that the lease has ended.
  await trio.untilRenewed()
  await trio.untilUp()
  const confirmedAfterMs = performance.now() - backAt - followedAfterMs
  const after = await trio.revisions()
  const ended = [...before].filter(([key, revision]) => after.get(key) !== revision).length
  return { gets: await trio.traffic.finish(), ended, followedAfterMs, confirmedAfterMs }
}
