import { setTimeout as delay } from 'node:timers/promises'
import { register } from '../../index.ts'
import { startEtcd } from './etcd.ts'
import { askEtcd } from './etcd-json.ts'
import { startGatewayHere } from './gateway-here.ts'
import { runLoad } from './load.ts'
import { type Service, startService } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'

/** A service of a scene. */
export interface SceneService {
  readonly nodes: number
  /** The median time that it takes to answer, milliseconds. */
  readonly ms: number
}

/** A steady stream of requests. */
export interface SceneTraffic {
  readonly path: string
  readonly method?: 'GET' | 'POST'
  readonly perSecond: number
}

export interface SceneOptions {
  readonly services: Readonly<Record<string, SceneService>>
  /** Route documents by id. */
  readonly routes: Readonly<Record<string, object>>
  readonly traffic: readonly SceneTraffic[]
  /** Further content of the configuration. */
  readonly config?: object
}

/** A gateway with an etcd, services under leases and traffic, as the dashboard shows it. */
export interface Scene extends AsyncDisposable {
  readonly gateway: ServingGateway
  /** By `service/id`, such as `user/n1`. */
  readonly nodes: ReadonlyMap<string, SceneNode>
  /** Writes a key. A text is written as it is, everything else as JSON. */
  put(key: string, value: unknown): Promise<void>
}

/** A node of a scene, which can be made to fail. */
export interface SceneNode {
  readonly service: Service
  /** The share of requests that it answers with 500, 0 to 1. */
  failing: number
  ms: number
}

/** Starts a scene. The caller disposes of it. */
export async function startScene({ services, routes, traffic, config }: SceneOptions): Promise<Scene> {
  await using building = new AsyncDisposableStack()
  const etcd = building.use(await startEtcd())
  const put = async (key: string, value: unknown) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    await askEtcd(etcd.url, 'kv/put', { key: base64(key), value: base64(text) })
  }
  for (const [id, document] of Object.entries(routes)) await put(`/waygate/routes/${id}`, document)
  const gateway = building.use(
    await startGatewayHere({ etcd: etcd.url, config: { accessLog: false, ...config } }),
  )
  const nodes = new Map<string, SceneNode>()
  for (const [name, { nodes: count, ms }] of Object.entries(services)) {
    for (let index = 1; index <= count; index++) {
      const id = `n${index}`
      const node = await startNode(id, ms)
      building.use(node.service)
      nodes.set(`${name}/${id}`, node)
      const registration = await register({
        ...{ name, id, address: `127.0.0.1:${node.service.port}`, etcd: [etcd.url], ttlSeconds: 10 },
        ...{ weight: index === 1 ? 3 : 1, metadata: { zone: 'abc'[index % 3]!, version: '1.4.2' } },
      })
      building.defer(() => registration.unregister())
    }
  }
  for (const [name, { nodes: count }] of Object.entries(services)) {
    await gateway.untilNodes(
      name,
      Array.from({ length: count }, (_, index) => `n${index + 1}`),
    )
  }
  const stopping = new AbortController()
  const loads = traffic.map(each =>
    runLoad({ ...each, port: gateway.port, durationMs: Infinity, signal: stopping.signal }),
  )
  building.defer(async () => {
    stopping.abort()
    await Promise.all(loads)
  })
  const everything = building.move()
  return { gateway, nodes, put, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}

async function startNode(id: string, ms: number): Promise<SceneNode> {
  const service = await startService(id, async (request, response) => {
    request.resume()
    // Most answers come near the median, and some take several times as long.
    await delay(node.ms * (0.6 + 0.4 / (1.02 - Math.random() ** 2)))
    response.statusCode = Math.random() < node.failing ? 500 : request.url?.endsWith('/missing') ? 404 : 200
    response.end(JSON.stringify({ from: id }))
  })
  const node: SceneNode = { service, failing: 0, ms }
  return node
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
