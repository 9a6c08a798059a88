import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { etcdctl } from './etcd.ts'
import { type EtcdProcess, type EtcdProcessOptions, isPortTaken, spawnEtcd } from './etcd-process.ts'
import { freePort } from './free-port.ts'
import { freeze } from './processes.ts'
import { until } from './until.ts'

const MEMBERS = ['m1', 'm2', 'm3']

export interface EtcdClusterOptions {
  /** Additional flags for every member. */
  readonly args?: readonly string[]
  /** How long to wait until all members are healthy. Default 30,000. */
  readonly startTimeoutMs?: number
}

/** The stream that shows which member serves a gateway, or a registration. */
export type StreamMethod = 'Watch' | 'LeaseKeepAlive'

export interface ClusterMember {
  readonly name: string
  readonly url: string
  /** Undefined while the member is down. */
  readonly pid: number | undefined
  /** Sends a signal. SIGSTOP and SIGCONT stop and continue it; for any other, resolves when the process has exited. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Restarts it with its data; resolves when it is healthy. */
  restart(): Promise<void>
  /** Counts the open streams of this kind. Rejects while the member does not answer. */
  openStreams(method: StreamMethod): Promise<number>
}

/** A real etcd of three members, on loopback. The caller calls `stop()`, or uses `await using`. */
export interface TestCluster extends AsyncDisposable {
  readonly members: readonly ClusterMember[]
  /** The URLs of all members, separated by commas. */
  readonly urls: string
  /** Resolves with the leader, as soon as there is one. */
  leader(): Promise<ClusterMember>
  /** Makes a member the leader; resolves when it is. */
  lead(member: ClusterMember): Promise<void>
  /** Resolves with the member that serves the most streams of this kind, as soon as one serves any. */
  serving(method: StreamMethod): Promise<ClusterMember>
  others(member: ClusterMember): readonly ClusterMember[]
  /** Resolves when every member is healthy. */
  untilHealthy(): Promise<void>
  /** Ends all members and removes their data. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts three members on free loopback ports, and resolves when they are healthy. Election timeouts are etcd's
 * defaults: shorter ones fail on a busy machine.
 *
 * @throws Error with the last output of a member that does not become healthy
 */
export async function startEtcdCluster(options: EtcdClusterOptions = {}): Promise<TestCluster> {
  const { args = [], startTimeoutMs = 30_000 } = options
  const root = await mkdtemp(join(tmpdir(), 'waygate-etcd-cluster-'))
  let members: readonly Member[] = []
  // A test run that is cut short must leave no etcd and no data behind.
  const onExit = () => {
    for (const member of members) member.process.child.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', onExit)
  const stop = async () => {
    process.off('exit', onExit)
    await Promise.all(members.map(member => member.process.end('SIGKILL')))
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  }
  for (let attempt = 1; ; attempt++) {
    members = await spawnMembers(join(root, String(attempt)), args, startTimeoutMs)
    try {
      await Promise.all(members.map(member => member.process.untilHealthy(startTimeoutMs)))
      break
    } catch (error) {
      await Promise.all(members.map(member => member.process.end('SIGKILL')))
      if (isPortTaken(error) && attempt < 5) continue
      await stop()
      throw error
    }
  }
  const leader = () =>
    until('one member leads', async () => {
      const leads = await Promise.all(members.map(member => member.leads()))
      return members[leads.indexOf(true)]
    })
  return {
    members,
    urls: members.map(({ url }) => url).join(),
    leader,
    async lead(member) {
      const list = await etcdctl(member.url, 'member', 'list')
      const id = list
        .split('\n')
        .find(line => line.includes(` ${member.name},`))
        ?.split(',')[0]
      await etcdctl((await leader()).url, 'move-leader', String(id))
      await until(`${member.name} leads`, async () => (await leader()) === member)
    },
    serving: method =>
      until(`a member serves a ${method} stream`, async () => {
        const counts = await Promise.all(members.map(member => member.openStreams(method).catch(() => 0)))
        const most = Math.max(...counts)
        return most > 0 && members[counts.indexOf(most)]
      }),
    others: member => members.filter(other => other !== member),
    async untilHealthy() {
      await Promise.all(members.map(member => member.process.untilHealthy(startTimeoutMs)))
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function spawnMembers(
  root: string,
  args: readonly string[],
  startTimeoutMs: number,
): Promise<readonly Member[]> {
  const places = await Promise.all(
    MEMBERS.map(async name => ({ name, port: await freePort(), peerPort: await freePort() })),
  )
  const initialCluster = places.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`).join()
  return places.map(
    place => new Member({ ...place, dataDir: join(root, place.name), initialCluster, args }, startTimeoutMs),
  )
}

class Member implements ClusterMember {
  readonly name: string
  readonly url: string
  readonly #options: EtcdProcessOptions
  readonly #startTimeoutMs: number
  process: EtcdProcess

  constructor(options: EtcdProcessOptions, startTimeoutMs: number) {
    this.name = options.name
    this.url = `http://127.0.0.1:${options.port}`
    this.#options = options
    this.#startTimeoutMs = startTimeoutMs
    this.process = spawnEtcd(options)
  }

  get pid(): number | undefined {
    return this.process.ended() ? undefined : this.process.child.pid
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (signal === 'SIGSTOP') await freeze(this.process.child.pid!)
    else if (signal === 'SIGCONT') this.process.child.kill(signal)
    else await this.process.end(signal)
  }

  async restart(): Promise<void> {
    await this.process.end('SIGKILL')
    this.process = spawnEtcd(this.#options)
    await this.process.untilHealthy(this.#startTimeoutMs)
  }

  async openStreams(method: StreamMethod): Promise<number> {
    const metrics = await this.#metrics()
    const sum = (name: string) => {
      const rows = metrics.matchAll(
        new RegExp(`^${name}\\{[^}]*grpc_method="${method}"[^}]*\\} (\\d+)`, 'gm'),
      )
      return [...rows].reduce((total, [, count]) => total + Number(count), 0)
    }
    return sum('grpc_server_started_total') - sum('grpc_server_handled_total')
  }

  async leads(): Promise<boolean> {
    return /^etcd_server_is_leader 1$/m.test(await this.#metrics().catch(() => ''))
  }

  async #metrics(): Promise<string> {
    const response = await fetch(`${this.url}/metrics`, {
      // A kept connection would not survive a restart.
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(1_000),
    })
    return response.text()
  }
}
