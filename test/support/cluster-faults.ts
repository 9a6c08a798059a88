import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import type { ClusterMember, TestCluster } from './etcd-cluster.ts'
import { startRegisteredService } from './registered-service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'

/**
 * A fault and the member it happens to: a follower that serves a watch of the gateway, a follower that serves
 * registrars, or the leader. `cut off` = the member runs, but both of its peers are stopped.
 */
export interface ClusterFault {
  readonly member: 'watched' | 'leading' | 'beating'
  readonly fate: 'killed' | 'stopped' | 'cut off'
  /** Minimum duration of the fault. Default: until the gateway has seen a change. */
  readonly holdMs?: number
  /**
   * Whether registered keys may be missing afterwards, until their registrars notice. A leader that was stopped for
   * longer than a TTL revokes, when it continues, leases that its successor has renewed in the meantime
   * (https://github.com/etcd-io/etcd/issues/15247).
   */
  readonly mayLose?: boolean
}

export interface ClusterFaultsOptions {
  readonly cluster: TestCluster
  /** Configured with every member as an endpoint. */
  readonly gateway: ServingGateway
  readonly faults: readonly ClusterFault[]
  readonly getsPerSecond: number
  /** TTL of the three nodes, whose registrars know every member. */
  readonly ttlSeconds: number
  /** Called after each fault, so that a long run shows its progress. */
  readonly onSeen?: (seen: SeenChange) => void
}

export interface SeenChange {
  readonly fault: ClusterFault
  /**
   * Time from the fault until the change was seen. If the quorum was lost, from when the cluster accepted a write again:
   * how long its election takes says nothing about the gateway.
   */
  readonly afterMs: number
  /** Registered keys that are missing, or were missing for a moment. */
  readonly lost: readonly string[]
}

export interface ClusterFaultsReport {
  readonly gets: number
  readonly seen: readonly SeenChange[]
}

/** Minimum duration; shorter than what a lease of the smallest TTL has left between two beats. */
const QUORUM_LOST_MS = 2_000
const SERVICES = '/services/'
const ROUTES = '/waygate/routes/'

/**
 * Causes faults in the members of a cluster, one by one, under load. Checks that no GET fails, that no registered key
 * is ever missing, and that the gateway sees the changes made during each fault.
 */
export async function faultMembersUnderLoad(options: ClusterFaultsOptions): Promise<ClusterFaultsReport> {
  const { cluster, gateway, faults, getsPerSecond, ttlSeconds } = options
  const ids = ['a', 'b', 'c']
  await using trio = await startRegisteredService({
    service: 'trio',
    ids,
    etcd: cluster.urls,
    ttlSeconds,
    gateway,
    getsPerSecond,
  })
  const seen: SeenChange[] = []
  for (const [index, fault] of faults.entries()) {
    const before = await trio.revisions()
    const afterMs = await underFault(cluster, fault, reachable =>
      untilChangeIsSeen(gateway, reachable, `probe-${index}`),
    )
    await until('the gateway is well again', async () => (await gateway.routes()).source.connected)
    // A key that was deleted and put back has another revision.
    const after = await trio.revisions()
    const lost = [...before.keys()].filter(key => after.get(key) !== before.get(key))
    const change = { fault, afterMs, lost }
    seen.push(change)
    options.onSeen?.(change)
    if (fault.mayLose) await trio.untilUp()
  }
  const gets = await trio.traffic.finish()
  const unexpected = seen.filter(({ fault, lost }) => lost.length > 0 && !fault.mayLose)
  assert.deepEqual(unexpected.map(describeSeen), [], 'no key was ever absent')
  const nodes = await gateway.nodes('trio')
  assert.deepEqual(
    nodes.map(({ id, state }) => [id, state]),
    ids.map(id => [id, 'up']),
  )
  return { gets, seen }
}

export function describeSeen({ fault, afterMs, lost }: SeenChange): string {
  const absent = lost.length > 0 ? `; absent: ${lost.join()}` : ''
  const held = fault.holdMs === undefined ? '' : ` for ${fault.holdMs} ms`
  return `member ${fault.member} ${fault.fate}${held}: change seen after ${Math.round(afterMs)} ms${absent}`
}

/** @param during called with the members that accept writes; it resolves with a time, measured from the fault on */
async function underFault(
  cluster: TestCluster,
  { member: which, fate, holdMs = 0 }: ClusterFault,
  during: (reachable: readonly ClusterMember[]) => Promise<void>,
): Promise<number> {
  const member = await pick(cluster, which)
  const others = cluster.others(member)
  let since = performance.now()
  const heldUntil = since + holdMs
  switch (fate) {
    case 'killed':
      await member.kill('SIGKILL')
      break
    case 'stopped':
      await member.kill('SIGSTOP')
      break
    case 'cut off':
      await Promise.all(others.map(other => other.kill('SIGSTOP')))
      await delay(Math.max(QUORUM_LOST_MS, holdMs))
      await Promise.all(others.map(other => other.kill('SIGCONT')))
      await untilWritable(cluster.members)
      since = performance.now()
      break
    default:
      fate satisfies never
  }
  try {
    await during(fate === 'cut off' ? cluster.members : others)
    const afterMs = performance.now() - since
    await delay(Math.max(0, heldUntil - performance.now()))
    return afterMs
  } finally {
    if (fate === 'killed') await member.restart()
    else await Promise.all(cluster.members.map(each => each.kill('SIGCONT')))
    await cluster.untilHealthy()
  }
}

async function pick(cluster: TestCluster, which: ClusterFault['member']): Promise<ClusterMember> {
  switch (which) {
    case 'watched':
      return untilFollower(cluster, await cluster.serving('Watch'))
    case 'beating':
      return untilFollower(cluster, await cluster.serving('LeaseKeepAlive'))
    case 'leading':
      return cluster.leader()
    default:
      return which satisfies never
  }
}

async function untilFollower(cluster: TestCluster, member: ClusterMember): Promise<ClusterMember> {
  if ((await cluster.leader()) === member) await cluster.lead(cluster.others(member)[0]!)
  return member
}

/** Writes a node and a route, whose watches may be at different members, and waits until the gateway shows both. */
async function untilChangeIsSeen(
  gateway: ServingGateway,
  reachable: readonly ClusterMember[],
  id: string,
): Promise<void> {
  const client = createEtcdClient({ endpoints: reachable.map(({ url }) => url) })
  try {
    await putSoon(client, `${SERVICES}${id}/n1`, { id: 'n1', ip: '127.0.0.1', port: gateway.port })
    await putSoon(client, `${ROUTES}${id}`, { path: `/${id}/*`, service: id })
  } finally {
    client.close()
  }
  await until(`${id} is shown`, async () => {
    const [nodes, { routes }] = await Promise.all([gateway.nodes(id), gateway.routes()])
    return nodes.length === 1 && routes.some(route => route.id === id)
  })
}

/** Waits until the cluster has a leader that accepts writes. */
async function untilWritable(members: readonly ClusterMember[]): Promise<void> {
  const client = createEtcdClient({ endpoints: members.map(({ url }) => url) })
  try {
    await putSoon(client, '/quorum', {})
  } finally {
    client.close()
  }
}

/** Tries until the cluster has stored the key: without a leader, it accepts no writes. */
async function putSoon(client: Etcd3, key: string, value: object): Promise<void> {
  const request = { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) }
  await until(`${key} is put`, () => client.kv.put(request, { deadline: Date.now() + 500 }))
}
