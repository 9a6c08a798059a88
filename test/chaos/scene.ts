import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { type ClusterMember, startEtcdCluster, type TestCluster } from '../support/etcd-cluster.ts'
import { ECHO } from '../support/grpc-echo.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { type RunningGateway, startGateway } from '../support/waygate.ts'
import { ChaosClients } from './clients.ts'
import type { Journal } from './journal.ts'
import { ChaosNode, endGently } from './node.ts'
import { Oracle } from './oracle.ts'

export const WORKERS = 2

/** As docs/operations.md recommends, with shorter times so that a fault is over sooner. */
const CONFIG = {
  routes: { defaults: { tryTimeoutMs: 2_000 } },
  breaker: { openMs: 1_000, maxOpenMs: 4_000 },
  // What was deleted during an outage is gone by the check at rest.
  discovery: { suspectGraceMs: 15_000 },
  // Idle connections are closed soon, so that those of a moment without requests can be counted.
  upstream: { keepAliveMs: 2_000 },
}

/** The document of a service that has one; another one has automatic routes. */
export const SDK_ROUTE = {
  key: '/waygate/routes/sdk',
  value: JSON.stringify({ path: '/sdk/*', service: 'sdk', stripPrefix: '/sdk' }),
}
const CALLS_ROUTE = {
  key: '/waygate/routes/calls',
  value: JSON.stringify({
    path: `/${ECHO}/*`,
    service: 'calls',
    grpc: { idempotent: [`${ECHO}/Unary`] },
  }),
}

/** How the nodes are registered, and what they speak. */
const NODES = [
  { service: 'sdk', by: 'sdk', protocol: 'http' },
  { service: 'car', by: 'sidecar', protocol: 'http' },
  { service: 'calls', by: 'sdk', protocol: 'grpc' },
] as const

const IDS = ['a', 'b', 'c']

/** Everything that faults happen to: etcd, the ways to it, a gateway, nodes, and clients of the gateway. */
export class Scene implements AsyncDisposable {
  readonly journal: Journal
  readonly cluster: TestCluster
  /** Between the gateway and each member, in the order of the members. */
  readonly ways: readonly TcpProxy[]
  readonly nodes: readonly ChaosNode[]
  /** Has one file per node, with the bodies of its POSTs. */
  readonly postedFolder: string
  readonly oracle: Oracle
  readonly clients: ChaosClients
  /** Members that have a fault at the moment. */
  readonly faultyMembers = new Set<ClusterMember>()
  /** Whether something happens to the gateway at the moment. */
  isGatewayBusy = false
  readonly #store: Etcd3
  /** What keys were to hold in the end, by key; undefined = nothing. */
  readonly #written = new Map<string, Buffer | undefined>()
  #gateway: RunningGateway
  #gateways = 1
  #isClosing = false

  private constructor(
    parts: Pick<Scene, 'journal' | 'cluster' | 'ways' | 'nodes' | 'postedFolder'>,
    store: Etcd3,
    gateway: RunningGateway,
  ) {
    this.journal = parts.journal
    this.cluster = parts.cluster
    this.ways = parts.ways
    this.nodes = parts.nodes
    this.postedFolder = parts.postedFolder
    this.#store = store
    this.#gateway = gateway
    this.oracle = new Oracle(this.nodes, this.cluster.members, this.journal)
    this.clients = new ChaosClients(() => this.#gateway.port, this.oracle)
    this.#watchGateway()
  }

  static async start(journal: Journal): Promise<Scene> {
    const cluster = await startEtcdCluster()
    const postedFolder = await mkdtemp(join(tmpdir(), 'posted-'))
    const ways = await Promise.all(cluster.members.map(({ url }) => startTcpProxy(Number(new URL(url).port))))
    const store = createEtcdClient({ endpoints: cluster.members.map(({ url }) => url) })
    for (const { key, value } of [SDK_ROUTE, CALLS_ROUTE]) await store.put(key).value(value)
    const gateway = await openGateway(ways)
    const kinds = NODES.flatMap(kind => IDS.map(id => ({ ...kind, id })))
    const nodes = await Promise.all(
      kinds.map(kind => {
        const postedFile = join(postedFolder, `${kind.service}-${kind.id}`)
        return ChaosNode.create({ ...kind, postedFile, etcd: cluster.urls, journal })
      }),
    )
    for (const { service } of NODES) await gateway.untilNodes(service, IDS, 60_000)
    return new Scene({ journal, cluster, ways, nodes, postedFolder }, store, gateway)
  }

  get gateway(): RunningGateway {
    return this.#gateway
  }

  /** The name of the gateway in the journal. */
  get gatewayName(): string {
    return `gateway ${this.#gateways}`
  }

  /** Starts a second gateway, sends clients there, and ends the first one with SIGTERM. */
  async replaceGateway(): Promise<void> {
    const old = this.#gateway
    const next = await openGateway(this.ways)
    this.#gateway = next
    this.#gateways++
    this.#watchGateway()
    await endGently('the gateway', old)
  }

  /** Writes a key, as soon as etcd takes it. */
  async put(key: string | Buffer, value: string | Buffer): Promise<void> {
    const request = { key: Buffer.from(key as string), value: Buffer.from(value as string) }
    this.#written.set(request.key.toString('latin1'), request.value)
    await untilDone(`${key} is put`, deadline => this.#store.kv.put(request, { deadline }))
  }

  async delete(key: string | Buffer): Promise<void> {
    this.#written.set(Buffer.from(key as string).toString('latin1'), undefined)
    await this.takeAway(key)
  }

  /** Deletes a key that its owner puts back. */
  async takeAway(key: string | Buffer): Promise<void> {
    const request = { key: Buffer.from(key as string) }
    await untilDone(`${key} is deleted`, deadline => this.#store.kv.deleteRange(request, { deadline }))
  }

  /** Changes the weight of a node in etcd, as an operator does. A key that is gone is put back by its registrar first. */
  async setWeight({ name }: ChaosNode, weight: number): Promise<void> {
    const key = Buffer.from(`/services/${name}`)
    await untilDone(`${name} has weight ${weight}`, async deadline => {
      const [kv] = (await this.#store.kv.range({ key }, { deadline })).kvs
      if (kv === undefined) return undefined
      const value = Buffer.from(JSON.stringify({ ...JSON.parse(String(kv.value)), weight }))
      return this.#store.kv.put({ key, value, ignore_lease: true }, { deadline })
    })
  }

  /**
   * Makes once more what was written. A member of etcd that was stopped with a write that nobody waited for any longer makes
   * it when it goes on, after all that was written since.
   */
  async repeatWrites(): Promise<void> {
    for (const [name, value] of this.#written) {
      const key = Buffer.from(name, 'latin1')
      await (value === undefined ? this.takeAway(key) : this.put(key, value))
    }
    for (const node of this.nodes) await this.setWeight(node, 1)
    this.#written.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true
    await this.clients.close()
    this.oracle.close()
    this.#store.close()
    await this.#gateway.stop()
    await Promise.all([...this.nodes, ...this.ways].map(each => each[Symbol.asyncDispose]()))
    await this.cluster.stop()
    await rm(this.postedFolder, { recursive: true, force: true })
  }

  #watchGateway(): void {
    const gateway = this.#gateway
    this.journal.watch(this.gatewayName, gateway)
    void gateway.exited.then(({ code, signal }) => {
      if (this.#gateway === gateway && !this.#isClosing)
        this.journal.fail(`the gateway ended by itself: ${code ?? signal}`)
    })
  }
}

function openGateway(ways: readonly TcpProxy[]): Promise<RunningGateway> {
  const etcd = ways.map(({ url }) => url).join()
  return startGateway({ etcd, config: CONFIG, args: ['--workers', String(WORKERS)] })
}

/** Repeats a call to etcd, which takes no writes while it has no leader. */
async function untilDone(fact: string, call: (deadline: number) => Promise<unknown>): Promise<void> {
  await until(fact, () => call(Date.now() + 1_000), { withinMs: 60_000, everyMs: 100 })
}
