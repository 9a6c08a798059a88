import { setTimeout as delay } from 'node:timers/promises'
import { etcdctl } from '../support/etcd.ts'
import type { ClusterMember } from '../support/etcd-cluster.ts'
import { malformedValues } from '../support/malformed-values.ts'
import { childrenOf } from '../support/processes.ts'
import type { CutKind } from '../support/tcp-proxy.ts'
import type { ChaosNode } from './node.ts'
import { type Scene, SDK_ROUTE } from './scene.ts'

/** A fault that has begun. */
export interface Begun {
  /** What it happened to, for the timeline. */
  readonly where: string
  /** Ends it. Resolves when its own part works again. */
  withdraw(): Promise<void>
}

/** One line of {@link FAULTS}. */
export interface Fault {
  readonly name: string
  /** How often it is chosen, compared with the others. */
  readonly weight: number
  /** How long it lasts: at least and at most. */
  readonly holdMs: readonly [number, number]
  /** Begins it; undefined = it cannot happen at the moment. */
  begin(scene: Scene, random: () => number): Promise<Begun> | undefined
}

const pick = <T>(list: readonly T[], random: () => number): T | undefined =>
  list[Math.floor(random() * list.length)]
const nothing = async () => {}

/** Something that happens to etcd or to the way to it, which the oracle is told. */
async function underEtcdFault(
  scene: Scene,
  where: string,
  begin: () => Promise<void> | void,
  withdraw: () => Promise<void> | void,
): Promise<Begun> {
  scene.oracle.beginEtcdFault()
  await begin()
  return {
    where,
    async withdraw() {
      await withdraw()
      scene.oracle.endEtcdFault()
    },
  }
}

/** A fault of so many members at once. */
function ofMembers(
  count: number,
  begin: (member: ClusterMember) => Promise<void>,
  end: (member: ClusterMember) => Promise<void>,
): Fault['begin'] {
  return (scene, random) => {
    const free = scene.cluster.members.filter(member => !scene.faultyMembers.has(member))
    if (free.length < count) return undefined
    const members = free.toSorted(() => random() - 0.5).slice(0, count)
    for (const member of members) scene.faultyMembers.add(member)
    return underEtcdFault(
      scene,
      members.map(({ name }) => name).join(),
      async () => void (await Promise.all(members.map(begin))),
      async () => {
        await Promise.all(members.map(end))
        for (const member of members) scene.faultyMembers.delete(member)
      },
    )
  }
}

/** A fault of the ways between the gateway and etcd. Connections stay dead for the gateway to notice. */
function ofWays(how: CutKind | 'hold' | 'delay'): Fault['begin'] {
  return (scene, random) => {
    const [first, ...rest] = scene.ways
    // All of them, or one.
    const ways = random() < 0.5 ? [first!, ...rest] : [pick(scene.ways, random)!]
    return underEtcdFault(
      scene,
      ways.length > 1 ? 'to every member' : 'to one member',
      () => {
        for (const way of ways) {
          if (how === 'hold') way.hold()
          else if (how === 'delay') way.delay(200)
          else way.cut(how)
        }
      },
      () => {
        for (const way of ways) {
          way.delay(0)
          way.mend()
        }
      },
    )
  }
}

/** A fault of one node of a service that has another good one. `rough` = it may cost a request that is sent once. */
function ofNode(
  { rough, may = () => true }: { readonly rough: boolean; readonly may?: (node: ChaosNode) => boolean },
  begin: (node: ChaosNode, scene: Scene, random: () => number) => Promise<() => Promise<void>>,
): Fault['begin'] {
  return (scene, random) => {
    const free = scene.nodes.filter(
      node => !node.isBusy && may(node) && scene.oracle.goodNodes(node.service).some(other => other !== node),
    )
    const node = pick(free, random)
    if (node === undefined) return undefined
    node.isBusy = true
    node.goodSince = Number.POSITIVE_INFINITY
    if (rough) node.roughUntil = Number.POSITIVE_INFINITY
    return begin(node, scene, random).then(withdraw => ({
      where: node.name,
      async withdraw() {
        await withdraw()
        node.isBusy = false
        if (rough) node.roughUntil = performance.now()
      },
    }))
  }
}

const isHttp = ({ protocol }: ChaosNode) => protocol === 'http'
const isProxied = ({ proxy }: ChaosNode) => proxy !== undefined

/** A command to etcd that disturbs nobody who follows it properly. */
function etcdCommand(run: (scene: Scene, random: () => number) => Promise<string>): Fault['begin'] {
  return (scene, random) =>
    scene.faultyMembers.size > 0
      ? undefined
      : run(scene, random).then(where => ({ where, withdraw: nothing }))
}

let isGatewayBusy = false

/** Something that happens to the gateway, one at a time. */
function ofGateway(begin: (scene: Scene, random: () => number) => Promise<string>): Fault['begin'] {
  return (scene, random) => {
    // A gateway that is started during an outage has the table of before, which the oracle does not know.
    if (isGatewayBusy || !scene.oracle.isEtcdWell) return undefined
    isGatewayBusy = true
    return begin(scene, random).then(where => ({
      where,
      async withdraw() {
        isGatewayBusy = false
      },
    }))
  }
}

let writes = 0

/** Everything that can happen. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'member of etcd killed',
    weight: 3,
    holdMs: [1_000, 15_000],
    begin: ofMembers(
      1,
      member => member.kill('SIGKILL'),
      member => member.restart(),
    ),
  },
  {
    name: 'member of etcd restarted',
    weight: 2,
    holdMs: [0, 1_000],
    begin: ofMembers(
      1,
      member => member.kill('SIGTERM'),
      member => member.restart(),
    ),
  },
  {
    name: 'member of etcd stopped',
    weight: 3,
    holdMs: [1_000, 15_000],
    begin: ofMembers(
      1,
      member => member.kill('SIGSTOP'),
      member => member.kill('SIGCONT'),
    ),
  },
  {
    name: 'quorum of etcd lost',
    weight: 2,
    holdMs: [1_000, 15_000],
    begin: ofMembers(
      2,
      member => member.kill('SIGSTOP'),
      member => member.kill('SIGCONT'),
    ),
  },
  {
    name: 'leader of etcd moved',
    weight: 1,
    holdMs: [0, 0],
    begin: etcdCommand(async ({ cluster }, random) => {
      const member = pick(cluster.others(await cluster.leader()), random)!
      await cluster.lead(member)
      return member.name
    }),
  },
  {
    name: 'etcd compacted',
    weight: 2,
    holdMs: [0, 0],
    begin: etcdCommand(async ({ cluster }) => {
      const { url } = cluster.members[0]!
      const answer = JSON.parse(await etcdctl(url, 'get', '/', '-w', 'json'))
      const revision = String(answer.header.revision)
      await etcdctl(url, 'compact', revision)
      return `to revision ${revision}`
    }),
  },
  {
    name: 'etcd defragmented',
    weight: 1,
    holdMs: [0, 0],
    begin: etcdCommand(async ({ cluster }, random) => {
      const { name, url } = pick(cluster.members, random)!
      await etcdctl(url, 'defrag')
      return name
    }),
  },
  { name: 'way to etcd reset', weight: 2, holdMs: [0, 12_000], begin: ofWays('rst') },
  { name: 'way to etcd closed', weight: 1, holdMs: [0, 12_000], begin: ofWays('fin') },
  { name: 'way to etcd silent', weight: 2, holdMs: [1_000, 12_000], begin: ofWays('hold') },
  { name: 'way to etcd slow', weight: 2, holdMs: [1_000, 12_000], begin: ofWays('delay') },
  {
    name: 'node killed',
    weight: 4,
    holdMs: [0, 12_000],
    begin: ofNode({ rough: true }, async node => {
      await node.kill()
      return () => node.start()
    }),
  },
  {
    name: 'node stopped',
    weight: 3,
    holdMs: [500, 12_000],
    begin: ofNode({ rough: true }, async node => {
      node.signal('SIGSTOP')
      return async () => node.signal('SIGCONT')
    }),
  },
  {
    name: 'node restarted',
    weight: 4,
    holdMs: [0, 3_000],
    begin: ofNode({ rough: false }, async node => {
      await node.leave()
      return () => node.start()
    }),
  },
  {
    name: 'node slow',
    weight: 2,
    holdMs: [1_000, 10_000],
    begin: ofNode({ rough: true, may: isHttp }, async (node, _scene, random) => {
      await node.answer({ delayMs: 100 + Math.floor(random() * 2_000) })
      return () => node.answer()
    }),
  },
  {
    name: 'node answers 503',
    weight: 2,
    holdMs: [1_000, 10_000],
    begin: ofNode({ rough: true, may: isHttp }, async node => {
      await node.answer({ status: 503 })
      return () => node.answer()
    }),
  },
  {
    name: 'way to node reset',
    weight: 2,
    holdMs: [0, 10_000],
    begin: ofNode({ rough: true, may: isProxied }, async ({ proxy }) => {
      proxy!.cut('rst')
      return async () => proxy!.mend()
    }),
  },
  {
    name: 'way to node silent',
    weight: 2,
    holdMs: [500, 10_000],
    begin: ofNode({ rough: true, may: isProxied }, async ({ proxy }) => {
      proxy!.hold()
      return async () => proxy!.mend()
    }),
  },
  {
    name: 'weight of node changed',
    weight: 3,
    holdMs: [1_000, 10_000],
    begin: ofNode({ rough: false }, async (node, scene, random) => {
      const key = `/services/${node.name}`
      const weight = Math.floor(random() * 4)
      await scene.edit(key, value => ({ ...value, weight }))
      return () => scene.edit(key, value => ({ ...value, weight: 1 }))
    }),
  },
  {
    name: 'key of node deleted',
    weight: 2,
    holdMs: [0, 2_000],
    begin: ofNode({ rough: false }, async (node, scene) => {
      await scene.delete(`/services/${node.name}`)
      return nothing
    }),
  },
  {
    name: 'route document put',
    weight: 2,
    holdMs: [0, 10_000],
    begin: async scene => {
      const key = `/waygate/routes/extra-${++writes}`
      await scene.put(key, JSON.stringify({ path: `/extra-${writes}/*`, service: 'sdk' }))
      return { where: key, withdraw: () => scene.delete(key) }
    },
  },
  {
    name: 'route document malformed',
    weight: 3,
    holdMs: [500, 15_000],
    begin: async (scene, random) => {
      await scene.put(SDK_ROUTE.key, SDK_ROUTE.value.slice(0, Math.floor(random() * SDK_ROUTE.value.length)))
      return { where: SDK_ROUTE.key, withdraw: () => scene.put(SDK_ROUTE.key, SDK_ROUTE.value) }
    },
  },
  {
    name: 'garbage written',
    weight: 2,
    holdMs: [500, 15_000],
    begin: async (scene, random) => {
      const all = malformedValues(10_000)
      const chosen = Array.from({ length: 3 }, () => pick(all, random)!)
      for (const { key, value } of chosen) await scene.put(key, value)
      return {
        where: chosen.map(({ key }) => JSON.stringify(String(key)).slice(0, 40)).join(),
        withdraw: async () => {
          for (const { key } of chosen) await scene.delete(key)
        },
      }
    },
  },
  {
    name: 'worker killed',
    weight: 2,
    holdMs: [2_000, 4_000],
    begin: ofGateway(async ({ gateway, oracle, journal }, random) => {
      const pid = pick(childrenOf(gateway.pid), random)!
      journal.forgive('worker crashed')
      oracle.workerKilled()
      process.kill(pid, 'SIGKILL')
      return String(pid)
    }),
  },
  {
    name: 'configuration reloaded',
    weight: 2,
    holdMs: [0, 1_000],
    begin: ofGateway(async ({ gateway, gatewayName, journal }) => {
      const active = journal.logged(gatewayName, 'new configuration', 90_000)
      gateway.child.kill('SIGHUP')
      await active
      return gatewayName
    }),
  },
  {
    name: 'gateway restarted behind another port',
    weight: 1,
    holdMs: [0, 1_000],
    begin: ofGateway(async scene => {
      await scene.replaceGateway()
      return scene.gatewayName
    }),
  },
]

/** Begins one fault after the other, some at a time, until `untilMs`. Resolves when all are withdrawn. */
export async function runFaults(
  scene: Scene,
  faults: readonly Fault[],
  random: () => number,
  untilMs: number,
): Promise<number> {
  const running = new Set<Promise<void>>()
  let count = 0
  while (performance.now() < untilMs) {
    const fault = running.size < MOST_AT_ONCE ? choose(faults, random) : undefined
    // Both are drawn in any case, so that one fault that cannot happen changes less of what follows.
    const [hold, pause] = [random(), random()]
    const begun = fault?.begin(scene, random)
    if (fault !== undefined && begun !== undefined) {
      count++
      const run = runOne(scene, fault, begun, hold, untilMs).finally(() => running.delete(run))
      running.add(run)
    }
    await delay(200 + pause * 3_000)
  }
  await Promise.all(running)
  return count
}

const MOST_AT_ONCE = 4

async function runOne(
  { journal }: Scene,
  { name, holdMs: [least, most] }: Fault,
  begun: Promise<Begun>,
  hold: number,
  untilMs: number,
): Promise<void> {
  const begunAt = performance.now()
  try {
    journal.note('fault', `${name} ...`)
    const { where, withdraw } = await begun
    journal.note('fault', `${name}: ${where}`)
    const holdMs = least + hold * (most - least)
    await delay(Math.max(0, Math.min(holdMs, untilMs - performance.now())))
    await withdraw()
    journal.note('over', `${name}: ${where}`)
  } catch (error) {
    journal.fail(`${name}: ${(error as Error).message}`, begunAt)
  }
}

function choose(faults: readonly Fault[], random: () => number): Fault {
  let left = random() * faults.reduce((sum, { weight }) => sum + weight, 0)
  for (const fault of faults) {
    left -= fault.weight
    if (left < 0) return fault
  }
  return faults.at(-1)!
}
