import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { createRevisions } from './create-revisions.ts'
import { startRegisteredNode } from './registered-node.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { startTraffic, type Traffic } from './steady-traffic.ts'
import { until } from './until.ts'

export interface RegisteredServiceOptions {
  readonly service: string
  readonly ids: readonly string[]
  /** etcd URLs, separated by commas. */
  readonly etcd: string
  readonly ttlSeconds: number
  /** Has every node when the service is started, and traffic to them from then on. */
  readonly gateway: ServingGateway
  readonly getsPerSecond: number
}

/** A service under load whose nodes are kept registered, each by its own process. */
export interface RegisteredService extends AsyncDisposable {
  readonly traffic: Traffic
  /** Returns the keys in etcd, see {@link createRevisions}. */
  revisions(): Promise<ReadonlyMap<string, string>>
  /** Resolves when every node has a lease that was renewed after the call. */
  untilRenewed(): Promise<void>
  /** Resolves when the gateway has every node, and none is a suspect. */
  untilUp(): Promise<void>
}

export async function startRegisteredService(options: RegisteredServiceOptions): Promise<RegisteredService> {
  const { service, ids, etcd, ttlSeconds, gateway, getsPerSecond } = options
  await using building = new AsyncDisposableStack()
  await Promise.all(
    ids.map(async id => building.use(await startRegisteredNode({ service, id, etcd, ttlSeconds }))),
  )
  await gateway.untilNodes(service, ids)
  const traffic = building.use(
    startTraffic({ ports: [gateway.port], paths: [`/${service}/`], perSecond: getsPerSecond }),
  )
  const everything = building.move()
  return {
    traffic,
    revisions: () => createRevisions(etcd, service),
    async untilRenewed() {
      const client = createEtcdClient({ endpoints: etcd.split(',') })
      try {
        await Promise.all(ids.map(id => untilRenewed(client, `/services/${service}/${id}`)))
      } finally {
        client.close()
      }
    },
    async untilUp() {
      await until(`every node of ${service} is up`, async () => {
        const nodes = await gateway.nodes(service)
        return nodes.length === ids.length && nodes.every(({ state }) => state === 'up')
      })
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

/** Waits until the lease of a key has more time left than a moment ago. */
async function untilRenewed(client: Etcd3, key: string): Promise<void> {
  let before: { readonly lease: string; readonly left: number } | undefined
  await until(`the lease of ${key} is renewed`, async () => {
    const [found] = (await client.kv.range({ key: Buffer.from(key) })).kvs
    if (!found) return false
    const left = Number((await client.leaseClient.leaseTimeToLive({ ID: found.lease })).TTL)
    const isRenewed = before?.lease === found.lease && left > before.left
    before = { lease: found.lease, left }
    return isRenewed
  })
}
