import { type EtcdOptions, startEtcd, type TestEtcd } from './etcd.ts'
import { startGatewayHere } from './gateway-here.ts'
import { openRegistry } from './registry.ts'
import { type Service, startService } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { startTraffic, type Traffic } from './steady-traffic.ts'
import { tableOfGateway, untilTrue } from './store-table.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'

export interface SceneOptions {
  /** How many gateways follow the etcd; each gives one measurement per fault. Default 1. */
  readonly gateways?: number
  /** Whether the gateways reach etcd only through `proxy`. Default true. */
  readonly proxied?: boolean
  readonly etcd?: EtcdOptions
  /** Configuration of the gateways. */
  readonly config?: object
}

/** Requests per second for each of three paths, over all gateways. */
const PER_SECOND = 20

/**
 * A real etcd, gateways that follow it, and traffic through them: to `solo` with one node, and to `trio` with three, by
 * its automatic route and by a document. Nodes are keys without a lease. Disposing of the scene ends everything.
 */
export interface StoreScene extends AsyncDisposable {
  readonly etcd: TestEtcd
  readonly proxy: TcpProxy
  readonly gateways: readonly ServingGateway[]
  readonly gateway: ServingGateway
  readonly traffic: Traffic
  /** Adds, removes and changes nodes and routes in etcd. */
  change(): Promise<void>
  /** Resolves when every gateway shows that it is disconnected, with the time of each. */
  untilStale(withinMs?: number): Promise<readonly number[]>
  /** Resolves when no gateway is stale anymore. */
  untilLive(): Promise<void>
  /** Returns the differences found by comparisons (`source.drift`), summed over all gateways. */
  drift(): Promise<number>
}

export async function startStoreScene(options: SceneOptions = {}): Promise<StoreScene> {
  const { gateways: count = 1, proxied = true, config } = options
  await using building = new AsyncDisposableStack()
  const etcd = building.use(await startEtcd(options.etcd))
  const proxy = building.use(await startTcpProxy(etcd.port))
  const nodes = new Map<string, Service>()
  for (const name of ['one', 'a', 'b', 'c', 'd']) nodes.set(name, building.use(await startService(name)))
  const url = proxied ? proxy.url : etcd.url
  const gateways = await Promise.all(
    Array.from({ length: count }, async () =>
      building.use(
        await startGatewayHere({ etcd: url, config: { accessLog: false, logLevel: 'debug', ...config } }),
      ),
    ),
  )
  {
    using store = openRegistry(etcd.url)
    await store.putNode('solo', 'one', nodes.get('one')!)
    for (const id of ['a', 'b', 'c']) await store.putNode('trio', id, nodes.get(id)!)
    await store.putRoute('trio', { path: '/api/trio/*', service: 'trio', stripPrefix: '/api/trio' })
    await store.putRoute('auto', { path: '/trio/*', service: 'trio', stripPrefix: '/trio' })
    await store.putRoute('old', { path: '/old/*', service: 'solo' })
    await store.putRoute('solo', { path: '/solo/*', service: 'solo', stripPrefix: '/solo' })
  }
  await untilTrue(gateways, etcd.url)
  const traffic = building.use(
    startTraffic({
      ports: gateways.map(({ port }) => port),
      paths: ['/solo/', '/trio/', '/api/trio/'],
      perSecond: PER_SECOND / count,
    }),
  )
  const everything = building.move()
  let changes = 0
  return {
    etcd,
    proxy,
    gateways,
    gateway: gateways[0]!,
    traffic,
    async change() {
      using store = openRegistry(etcd.url)
      const even = changes++ % 2 === 0
      const [comes, goes] = even ? (['d', 'c'] as const) : (['c', 'd'] as const)
      await store.putNode('trio', comes, nodes.get(comes)!)
      await store.deleteNode('trio', goes)
      await store.putNode('trio', 'a', { port: nodes.get('a')!.port, weight: 10 + changes })
      const [born, dies] = even ? ['new', 'old'] : ['old', 'new']
      await store.putRoute(born!, { path: `/${born}/*`, service: 'solo' })
      await store.client.delete().key(`/waygate/routes/${dies}`)
      await store.putRoute('extra', { path: `/extra${changes}/*`, service: 'trio' })
    },
    untilStale: withinMs =>
      Promise.all(
        gateways.map(async each => {
          await until('a gateway shows that it is cut off', () => isCutOff(each), {
            everyMs: 10,
            ...(withinMs !== undefined && { withinMs }),
          })
          return performance.now()
        }),
      ),
    untilLive: async () => {
      await Promise.all(
        gateways.map(each =>
          until('a gateway is live', async () => {
            const { connected, stale } = (await each.routes()).source
            return connected && !stale
          }),
        ),
      )
    },
    async drift() {
      const pages = await Promise.all(gateways.map(each => each.routes()))
      return pages.reduce((sum, { source }) => sum + (source as unknown as { drift: number }).drift, 0)
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

/** Reports whether a gateway shows that it is disconnected and serves its last table. */
export async function isCutOff(gateway: ServingGateway): Promise<boolean> {
  const { connected, stale } = (await gateway.routes()).source
  return !connected && stale
}

/** Reads the tables of all gateways of a scene. */
export function tablesOf(scene: StoreScene): Promise<readonly (readonly string[])[]> {
  return Promise.all(scene.gateways.map(tableOfGateway))
}
