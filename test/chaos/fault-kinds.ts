import { etcdctl } from '../support/etcd.ts'
import type { ClusterMember } from '../support/etcd-cluster.ts'
import { malformedValues } from '../support/malformed-values.ts'
import { childrenOf } from '../support/processes.ts'
import type { CutKind } from '../support/tcp-proxy.ts'
import type { ChaosNode } from './node.ts'
import { type Scene, SDK_ROUTE } from './scene.ts'

/** A fault that has begun. */
export interface Begun {
  /** What it happens to, for the timeline. */
  readonly where: string
  /** Ends it. Resolves when its own part works again. Default: it is over as soon as it has begun. */
  withdraw?(): Promise<unknown>
}

/** Begins a fault; undefined = it cannot happen at the moment. */
export type Begin = (scene: Scene, random: () => number) => Promise<Begun> | undefined

const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!

/** Something that happens to etcd or to the way to it, which the oracle is told. */
async function underEtcdFault(
  { oracle }: Scene,
  where: string,
  begin: () => Promise<unknown>,
  end: () => Promise<unknown>,
): Promise<Begun> {
  oracle.beginEtcdFault()
  await begin()
  return { where, withdraw: () => end().then(() => oracle.endEtcdFault()) }
}

/** A signal to so many members at once. One that it ends is restarted, one that it stops continues. */
export function ofMembers(count: number, signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP'): Begin {
  const end = (member: ClusterMember) => (signal === 'SIGSTOP' ? member.kill('SIGCONT') : member.restart())
  return (scene, random) => {
    const free = scene.cluster.members.filter(member => !scene.faultyMembers.has(member))
    if (free.length < count) return undefined
    const first = Math.floor(random() * free.length)
    const members = [...free, ...free].slice(first, first + count)
    for (const member of members) scene.faultyMembers.add(member)
    return underEtcdFault(
      scene,
      members.map(({ name }) => name).join(),
      () => Promise.all(members.map(member => member.kill(signal))),
      async () => {
        await Promise.all(members.map(end))
        for (const member of members) scene.faultyMembers.delete(member)
      },
    )
  }
}

/** A fault of the ways between the gateway and etcd: of all, or of one. */
export function ofWays(how: CutKind | 'hold' | 'delay'): Begin {
  return (scene, random) => {
    const ways = random() < 0.5 ? scene.ways : [pick(scene.ways, random)]
    return underEtcdFault(
      scene,
      ways.length > 1 ? 'to every member' : 'to one member',
      async () => {
        for (const way of ways) {
          if (how === 'hold') way.hold()
          else if (how === 'delay') way.delay(200)
          else way.cut(how)
        }
      },
      async () => {
        for (const way of ways) {
          way.delay(0)
          way.mend()
        }
      },
    )
  }
}

/**
 * A command to etcd that disturbs nobody who follows it properly. Returns what it was done to. etcd may refuse it, as a second
 * compaction at the same revision, which then is no fault.
 */
export function ofEtcd(run: (scene: Scene, random: () => number) => Promise<string>): Begin {
  return (scene, random) => {
    if (scene.faultyMembers.size > 0) return undefined
    return run(scene, random).then(
      where => ({ where }),
      (error: Error) => ({ where: `refused by etcd: ${error.message.trim().split('\n').at(-1)}` }),
    )
  }
}

export const moveLeader = ofEtcd(async ({ cluster }, random) => {
  const member = pick(cluster.others(await cluster.leader()), random)
  await cluster.lead(member)
  return member.name
})

export const compact = ofEtcd(async ({ cluster }) => {
  const { url } = cluster.members[0]!
  const revision = String(JSON.parse(await etcdctl(url, 'get', '/', '-w', 'json')).header.revision)
  await etcdctl(url, 'compact', revision)
  return `to revision ${revision}`
})

export const defragment = ofEtcd(async ({ cluster }, random) => {
  const { name, url } = pick(cluster.members, random)
  await etcdctl(url, 'defrag')
  return name
})

/** Something that is done to a node. */
type Deed = (node: ChaosNode, scene: Scene, random: () => number) => Promise<unknown>

/** A fault of one node of a service that has another good one. `rough` = it may cost a request that is sent once. */
export function ofNode(
  cost: 'rough' | 'smooth',
  begin: Deed,
  end: Deed,
  can: (node: ChaosNode) => boolean = () => true,
): Begin {
  return (scene, random) => {
    const { nodes, oracle } = scene
    const hasOther = (node: ChaosNode) => oracle.goodNodes(node.service).some(other => other !== node)
    const free = nodes.filter(node => !node.isBusy && can(node) && hasOther(node))
    if (free.length === 0) return undefined
    const node = pick(free, random)
    node.isBusy = true
    node.goodSince = Number.POSITIVE_INFINITY
    if (cost === 'rough') node.roughUntil = Number.POSITIVE_INFINITY
    return begin(node, scene, random).then(() => ({
      where: node.name,
      async withdraw() {
        await end(node, scene, random)
        node.isBusy = false
        if (cost === 'rough') node.roughUntil = performance.now()
      },
    }))
  }
}

export const isHttp = ({ protocol }: ChaosNode) => protocol === 'http'
export const isProxied = ({ proxy }: ChaosNode) => proxy !== undefined

export const kill: Deed = node => node.kill()
export const leave: Deed = node => node.leave()
export const start: Deed = node => node.start()
export const stop: Deed = node => node.signal('SIGSTOP')
export const goOn: Deed = node => node.signal('SIGCONT')
export const slowDown: Deed = (node, _, random) => node.answer({ delayMs: 100 + random() * 2_000 })
export const fail: Deed = node => node.answer({ status: 503 })
export const answer: Deed = node => node.answer()
export const cut: Deed = async ({ proxy }) => proxy!.cut('rst')
export const silence: Deed = async ({ proxy }) => proxy!.hold()
export const mend: Deed = async ({ proxy }) => proxy!.mend()
export const changeWeight: Deed = (node, scene, random) => scene.setWeight(node, Math.floor(random() * 4))
export const resetWeight: Deed = (node, scene) => scene.setWeight(node, 1)
export const deleteKey: Deed = ({ name }, scene) => scene.takeAway(`/services/${name}`)
/** Its registrar puts the key back. */
export const leaveAlone: Deed = async () => {}

/** Something that happens to the gateway, one at a time. Returns what it was done to. */
export function ofGateway(run: (scene: Scene, random: () => number) => Promise<string>): Begin {
  return (scene, random) => {
    // A gateway that is started during an outage has the table of before, which the oracle does not know.
    if (scene.isGatewayBusy || !scene.oracle.isEtcdWell) return undefined
    scene.isGatewayBusy = true
    return run(scene, random).then(where => ({
      where,
      async withdraw() {
        scene.isGatewayBusy = false
      },
    }))
  }
}

export const killWorker = ofGateway(async ({ gateway, oracle, journal }, random) => {
  const pid = pick(childrenOf(gateway.pid), random)
  journal.forgive('worker crashed')
  oracle.workerKilled()
  process.kill(pid, 'SIGKILL')
  return String(pid)
})

export const reload = ofGateway(async ({ gateway, gatewayName, journal }) => {
  const active = journal.logged(gatewayName, 'new configuration', 90_000)
  gateway.child.kill('SIGHUP')
  await active
  return gatewayName
})

export const replaceGateway = ofGateway(async scene => {
  await scene.replaceGateway()
  return scene.gatewayName
})

export const putRoute: Begin = async (scene, random) => {
  const id = `extra-${Math.floor(random() * 2 ** 31)}`
  const key = `/waygate/routes/${id}`
  await scene.put(key, JSON.stringify({ path: `/${id}/*`, service: 'sdk' }))
  return { where: key, withdraw: () => scene.delete(key) }
}

export const breakRoute: Begin = async (scene, random) => {
  const { key, value } = SDK_ROUTE
  await scene.put(key, value.slice(0, Math.floor(random() * value.length)))
  return { where: key, withdraw: () => scene.put(key, value) }
}

export const putGarbage: Begin = async (scene, random) => {
  const all = malformedValues(10_000)
  const chosen = Array.from({ length: 3 }, () => pick(all, random))
  for (const { key, value } of chosen) await scene.put(key, value)
  return {
    where: chosen.map(({ key }) => JSON.stringify(String(key)).slice(0, 40)).join(),
    withdraw: () => Promise.all(chosen.map(({ key }) => scene.delete(key))),
  }
}
