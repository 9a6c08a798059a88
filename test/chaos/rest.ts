import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { childrenOf, residentBytesOf } from '../support/processes.ts'
import { untilTrue } from '../support/store-table.ts'
import { until } from '../support/until.ts'
import { type Scene, WORKERS } from './scene.ts'

/** How long everything may take to be as before, once all faults are withdrawn. */
const WITHIN_MS = 30_000
/** Connections that a check of nodes, or a page of the admin listener, may have open at the moment. */
const DESCRIPTORS_MARGIN = 10
/** What V8 may keep of a round without having collected it. */
const MEMORY_MARGIN_BYTES = 64 * 1024 * 1024

/** Three times as long as the scene's gateway keeps idle connections. */
const IDLE_MS = 6_000

/** What the gateway holds without requests: of the process of it that holds most. */
export interface Holdings {
  readonly descriptors: number
  readonly residentBytes: number
}

/**
 * Checks a scene whose faults are all withdrawn: the nodes are registered, the table is that of etcd in every worker, no POST
 * was seen twice, and no process of the gateway holds more than `before`. What is wrong goes into the journal.
 */
export async function checkAtRest(scene: Scene, before?: Holdings): Promise<Holdings | undefined> {
  const { journal, cluster, nodes, gateway, clients } = scene
  const begunAt = performance.now()
  try {
    await cluster.untilHealthy()
    await scene.repeatWrites()
    await until('every node is registered', () => nodes.every(node => node.isRegistered), {
      withinMs: WITHIN_MS,
    })
    await untilTrue([gateway], cluster.members[0]!.url, WITHIN_MS)
    await until('every worker follows etcd, and every node is up', () => isCalm(scene), {
      withinMs: WITHIN_MS,
    })
    const tableMs = performance.now() - begunAt
    await clients.pause()
    for (const problem of auditPosts(scene)) journal.fail(problem)
    const holdings = await untilSettled(gateway.pid, before)
    journal.note(
      'rest',
      `table as in etcd after ${Math.round(tableMs)} ms; ${holdings.descriptors} descriptors, ${Math.round(holdings.residentBytes / 1e6)} MB`,
    )
    return holdings
  } catch (error) {
    journal.fail(`at rest: ${(error as Error).message}${causeOf(error)}`, begunAt)
    return undefined
  } finally {
    clients.resume()
  }
}

/** @throws Error that says what is not calm */
async function isCalm({ gateway, nodes }: Scene): Promise<true> {
  const { source, workers = [] } = await gateway.routes()
  const services = new Set(nodes.map(node => node.service))
  const pages = await Promise.all([...services].map(service => gateway.nodes(service)))
  const bad = pages.flat().filter(({ state, health }) => state !== 'up' || health !== 'healthy')
  const follows = workers.length === WORKERS && workers.every(({ connected, stale }) => connected && !stale)
  if (!follows || source.stale || source.drift > 0 || source.suspects > 0 || bad.length > 0) {
    throw new Error(JSON.stringify({ source, workers, bad }))
  }
  return true
}

/** Compares what nodes have received with what clients were told. */
function auditPosts({ postedFolder, clients }: Scene): string[] {
  const seen = new Map<string, number>()
  for (const file of readdirSync(postedFolder)) {
    for (const nonce of readFileSync(join(postedFolder, file), 'utf8').split('\n')) {
      if (nonce !== '') seen.set(nonce, (seen.get(nonce) ?? 0) + 1)
    }
  }
  return [
    ...[...seen]
      .filter(([, count]) => count > 1)
      .map(([nonce, count]) => `POST ${nonce} was seen ${count} times`),
    ...[...clients.answered]
      .filter(nonce => !seen.has(nonce))
      .map(nonce => `POST ${nonce} was answered, but not seen`),
  ]
}

/** Waits until no process of the gateway holds more than before; at first, until idle connections have been closed. */
async function untilSettled(pid: number, before: Holdings | undefined): Promise<Holdings> {
  const look = () => {
    const pids = [pid, ...childrenOf(pid)]
    return {
      descriptors: Math.max(...pids.map(each => readdirSync(`/proc/${each}/fd`).length)),
      residentBytes: Math.max(...pids.map(residentBytesOf)),
    }
  }
  if (before === undefined) {
    await delay(IDLE_MS)
    return look()
  }
  const isBack = ({ descriptors, residentBytes }: Holdings) =>
    descriptors <= before.descriptors + DESCRIPTORS_MARGIN &&
    residentBytes <= before.residentBytes + MEMORY_MARGIN_BYTES
  return until(
    `no process holds more than ${JSON.stringify(before)}`,
    () => {
      const holdings = look()
      if (!isBack(holdings)) throw new Error(`${JSON.stringify(holdings)}; ${describeSockets(pid)}`)
      return holdings
    },
    { withinMs: WITHIN_MS, everyMs: 250 },
  )
}

/** Describes the TCP sockets of the process of a gateway that has most: how many there are to each port, and in which state. */
function describeSockets(pid: number): string {
  const sockets = [pid, ...childrenOf(pid)].map(tcpSocketsOf).sort((a, b) => b.length - a.length)[0]!
  const counts = new Map<string, number>()
  for (const each of sockets) counts.set(each, (counts.get(each) ?? 0) + 1)
  return [...counts].map(([each, count]) => `${count} x ${each}`).join(', ')
}

/** Returns each TCP socket of a process as text: by whom it was opened, at which port, and its state as Linux numbers them. */
function tcpSocketsOf(pid: number): string[] {
  const rows = ['tcp', 'tcp6'].flatMap(name =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8')
      .split('\n')
      .slice(1, -1)
      .map(line => line.trim().split(/\s+/))
      .map(([, local = '', remote = '', state = '', , , , , , inode = '']) => {
        const [own = 0, peer = 0] = [local, remote].map(end => Number.parseInt(end.split(':')[1]!, 16))
        return { inode, own, peer, state }
      }),
  )
  const listening = new Set(rows.filter(({ state }) => state === '0A').map(({ own }) => own))
  const byInode = new Map(
    rows.map(({ inode, own, peer, state }) => {
      const direction = listening.has(own) ? `from a client to ${own}` : `to ${peer}`
      return [inode, `${direction} in state ${state}`]
    }),
  )
  return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      return (inode !== undefined && byInode.get(inode)) || []
    } catch {
      // It was closed meanwhile.
      return []
    }
  })
}

function causeOf(error: unknown): string {
  const { cause } = error as Error
  return cause === undefined ? '' : ` (${(cause as Error).message})`
}
