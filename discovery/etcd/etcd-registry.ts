import { join } from 'node:path'
import type { Etcd3 } from 'etcd3'
import { createNode, type NodeInput } from '../../internal/node.ts'
import type { Codec } from '../codecs/codec.ts'
import { codecNamed } from '../codecs/codecs.ts'
import { EventQueue } from '../event-queue.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type {
  RegisterOptions,
  Registration,
  Registry,
  RegistryEntry,
  RegistryEvent,
  RegistryScope,
  ScopeStatus,
  Service,
} from '../registry.ts'
import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { decodeNodes, decodeRoute } from './entries.ts'
import { PrefixSync, type SyncState, type SyncTimings } from './prefix-sync.ts'
import { checkPrefix, DEFAULT_ROUTES_PREFIX, DEFAULT_SERVICES_PREFIX } from './prefixes.ts'
import { Registrar } from './registrar.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { startRegistrar } from './start-registrar.ts'
import { createSyncTransport, type StoredKey } from './transport.ts'

/** How long the store may take at a start before what is on disk is served. */
const DISK_AFTER_MS = 1_000
const PAGE_SIZE = 1_000

export interface EtcdRegistryOptions extends EtcdClientOptions {
  /** Default `/services/`; ends in `/`. */
  readonly servicesPrefix?: string | undefined
  /** Default `/waygate/routes/`; ends in `/`. */
  readonly routesPrefix?: string | undefined
  /** The name of the value format; default `auto`. */
  readonly format?: string | undefined
  /** Where the last table outlives an outage; undefined = nowhere. */
  readonly dataDir?: string | undefined
  readonly logger?: Logger | undefined
  readonly timings?: Partial<SyncTimings> | undefined
  /** How often a registration looks whether its key is still there. Default 30,000. */
  readonly checkMs?: number | undefined
}

const NEVER_WATCHED: ScopeStatus = {
  connected: false,
  revision: undefined,
  ageMs: undefined,
  relists: new Map(),
  drift: 0,
}

/** A registry in etcd, or in whatever speaks its v3 API. */
export class EtcdRegistry implements Registry {
  readonly name = 'etcd'
  readonly #client: Etcd3
  readonly #options: EtcdRegistryOptions
  readonly #logger: Logger
  readonly #codec: Codec
  readonly #prefixes: Readonly<Record<RegistryScope, string>>
  readonly #registrars = new Set<Registrar>()
  readonly #closing = new AbortController()
  readonly #stopping = new Set<Promise<unknown>>()
  #syncs: Readonly<Record<RegistryScope, PrefixSync>> | undefined

  /** @throws TypeError when the options cannot work */
  constructor(options: EtcdRegistryOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#codec = codecNamed(options.format ?? 'auto')
    const nodes = checkPrefix(options.servicesPrefix ?? DEFAULT_SERVICES_PREFIX)
    const routes = checkPrefix(options.routesPrefix ?? DEFAULT_ROUTES_PREFIX)
    if (nodes.startsWith(routes) || routes.startsWith(nodes)) {
      throw new TypeError(`the prefixes of services and routes overlap: ${nodes} and ${routes}`)
    }
    this.#prefixes = { nodes, routes }
    this.#client = createEtcdClient(options)
  }

  async init(): Promise<void> {}

  async register(input: NodeInput, options: RegisterOptions = {}): Promise<Registration> {
    const { signal, ttlSeconds } = options
    signal?.throwIfAborted()
    const key = this.#keyOf(createNode(input))
    const former = this.#registered(key)
    const registrar: Registrar = new Registrar({
      client: this.#client,
      key,
      node: input,
      ttlSeconds,
      logger: this.#logger,
      checkMs: this.#options.checkMs,
      onLeave: () => this.#registrars.delete(registrar),
    })
    this.#registrars.add(registrar)
    await startRegistrar(registrar, signal)
    // Only now that the key has its new lease: the node was not away in between.
    await Promise.all(former.map(each => each.unregister()))
    return registrar
  }

  async unregister(service: string, id: string): Promise<void> {
    const key = this.#keyOf({ service, id })
    await Promise.all(this.#registered(key).map(registrar => registrar.unregister()))
    await this.#client.kv.deleteRange({ key: Buffer.from(key) })
  }

  async getService(name: string): Promise<Service | undefined> {
    const transport = createSyncTransport(this.#client, `${this.#prefixes.nodes}${name}/`)
    const items: StoredKey[] = []
    let page = await transport.readPage({ limit: PAGE_SIZE })
    const { revision } = page
    items.push(...page.items)
    while (page.next) {
      page = await transport.readPage({ from: page.next, revision, limit: PAGE_SIZE })
      items.push(...page.items)
    }
    const nodes = items
      .map(item => this.#decode('nodes', item))
      .flatMap(entry => (entry.kind === 'nodes' ? entry.nodes : []))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return nodes.length > 0 ? { name, nodes } : undefined
  }

  watch(signal: AbortSignal): AsyncIterable<RegistryEvent> {
    const ending = AbortSignal.any([signal, this.#closing.signal])
    const stops: (() => Promise<void>)[] = []
    const queue = new EventQueue<RegistryEvent>(ending, () => {
      for (const stop of stops) this.#track(stop())
    })
    if (ending.aborted) return queue
    const nodes = this.#follow('nodes', queue, stops)
    const routes = this.#follow('routes', queue, stops)
    this.#syncs = { nodes, routes }
    return queue
  }

  status(scope: RegistryScope): ScopeStatus {
    return this.#syncs?.[scope].status() ?? NEVER_WATCHED
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#registrars].map(registrar => registrar.unregister()))
    await Promise.all(this.#stopping)
    this.#client.close()
  }

  #follow(
    scope: RegistryScope,
    queue: EventQueue<RegistryEvent>,
    stops: (() => Promise<void>)[],
  ): PrefixSync {
    const { dataDir, timings } = this.#options
    const prefix = this.#prefixes[scope]
    const logger = this.#logger
    const file =
      dataDir === undefined
        ? undefined
        : new SnapshotFile({ path: join(dataDir, `etcd-${scope}.json`), prefix, logger })
    const decode = (item: StoredKey) => this.#decode(scope, item)
    const sync = new PrefixSync({
      transport: createSyncTransport(this.#client, prefix),
      logger,
      timings,
      listener: {
        onSnapshot: state => {
          queue.push(snapshotEvent(scope, state, decode, 'store'))
          file?.save(state)
        },
        onChange: (puts, deletes, state) => {
          const revision = String(state.revision)
          queue.push({ type: 'change', scope, revision, puts: puts.map(decode), deletes })
          file?.save(state)
        },
        onConnected: (connected, reason) => queue.push({ type: 'status', scope, connected, reason }),
      },
    })
    const serveDisk = setTimeout(async () => {
      const state = await file?.load()
      if (!state || sync.state) return
      this.#logger.warn(
        { scope, revision: String(state.revision) },
        'etcd does not answer; serving what is on disk',
      )
      queue.push(snapshotEvent(scope, state, decode, 'disk'))
    }, DISK_AFTER_MS)
    serveDisk.unref()
    stops.push(async () => {
      clearTimeout(serveDisk)
      await sync.stop()
      await file?.flush()
    })
    sync.start()
    return sync
  }

  #decode(scope: RegistryScope, item: StoredKey): RegistryEntry {
    const prefix = this.#prefixes[scope]
    return scope === 'nodes' ? decodeNodes(this.#codec, prefix, item) : decodeRoute(prefix, item)
  }

  #registered(key: string): readonly Registrar[] {
    return [...this.#registrars].filter(registrar => registrar.key === key)
  }

  #keyOf({ service, id }: { service: string; id: string }): string {
    return `${this.#prefixes.nodes}${service}/${id}`
  }

  #track(work: Promise<unknown>): void {
    this.#stopping.add(work)
    void work.finally(() => this.#stopping.delete(work))
  }
}

function snapshotEvent(
  scope: RegistryScope,
  state: SyncState,
  decode: (item: StoredKey) => RegistryEntry,
  from: 'store' | 'disk',
): RegistryEvent {
  const entries = [...state.table.values()].map(decode)
  return { type: 'snapshot', scope, revision: String(state.revision), entries, from }
}
