import { join } from 'node:path'
import type { Etcd3 } from 'etcd3'
import { createNode, type NodeInput } from '../../internal/node.ts'
import { codecNamed } from '../codecs/codecs.ts'
import { EventQueue } from '../event-queue.ts'
import { type Logger, silentLogger } from '../logger.ts'
import {
  type Entries,
  NEVER_WATCHED,
  type RegisterOptions,
  type Registration,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
  type RegistrySource,
  type Service,
  type SourceStatus,
} from '../registry.ts'
import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { decodeNodes, decodeRoute } from './entries.ts'
import { isOlderOrOther, PrefixSync, type SyncState, type SyncTimings } from './prefix-sync.ts'
import {
  checkPrefix,
  DEFAULT_ROUTES_PREFIX,
  DEFAULT_SERVICES_PREFIX,
  type ServicesPrefix,
  servicesPrefixes,
} from './prefixes.ts'
import { Registrar } from './registrar.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { startRegistrar } from './start-registrar.ts'
import { createSyncTransport, type StoredKey, type SyncTransport } from './transport.ts'

/** How long the store may be silent at a start before what is on disk is served; after a failure it is at once. */
const DISK_AFTER_MS = 500
const PAGE_SIZE = 1_000

export interface EtcdRegistryOptions extends EtcdClientOptions {
  /** Default `/services/`; ends in `/`. */
  readonly servicesPrefix?: string | undefined
  /** Default `/waygate/routes/`; ends in `/`. */
  readonly routesPrefix?: string | undefined
  /** The name of the value format under `servicesPrefix`; default `auto`. */
  readonly format?: string | undefined
  /** Further prefixes that nodes are read from, each in its own format. */
  readonly sources?: readonly ServicesPrefix[] | undefined
  /** False when only nodes are wanted. Default true. */
  readonly withRoutes?: boolean | undefined
  /** Where the last table outlives an outage; undefined = nowhere. */
  readonly dataDir?: string | undefined
  readonly logger?: Logger | undefined
  readonly timings?: Partial<SyncTimings> | undefined
  /** How often a registration looks whether its key is still there. Default 30,000. */
  readonly checkMs?: number | undefined
}

/** A prefix that is followed, and how its keys are read. */
interface Followed extends RegistrySource {
  readonly decode: (item: StoredKey) => RegistryEntry
  /** Where its last state is kept on disk. */
  readonly fileName: string
}

/** A registry in etcd, or in whatever speaks its v3 API. */
export class EtcdRegistry implements Registry {
  readonly name = 'etcd'
  readonly keptBy = 'services'
  readonly #client: Etcd3
  readonly #options: EtcdRegistryOptions
  readonly #logger: Logger
  readonly #servicesPrefix: string
  readonly #nodeSources: readonly ServicesPrefix[]
  readonly #followed: readonly Followed[]
  readonly #registrars = new Set<Registrar>()
  readonly #closing = new AbortController()
  readonly #stopping = new Set<Promise<unknown>>()
  readonly #syncs = new Map<string, PrefixSync>()

  /** @throws TypeError when the options cannot work */
  constructor(options: EtcdRegistryOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#servicesPrefix = checkPrefix(options.servicesPrefix ?? DEFAULT_SERVICES_PREFIX)
    const routesPrefix = checkPrefix(options.routesPrefix ?? DEFAULT_ROUTES_PREFIX)
    this.#nodeSources = servicesPrefixes(
      { prefix: this.#servicesPrefix, format: options.format },
      options.sources ?? [],
      routesPrefix,
    )
    this.#followed = [
      ...this.#nodeSources.map(source => followNodes(source, this.#servicesPrefix)),
      ...(options.withRoutes === false ? [] : [followRoutes(routesPrefix)]),
    ]
    this.#client = createEtcdClient(options)
  }

  get sources(): readonly RegistrySource[] {
    return this.#followed
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
    const reads = this.#nodeSources.map(async (source, index) => {
      if (source.service !== undefined && source.service !== name) return []
      const prefix = source.service === undefined ? `${source.prefix}${name}/` : source.prefix
      const items = await readAll(createSyncTransport(this.#client, prefix))
      return items.map(this.#followed[index]!.decode)
    })
    const nodes = (await Promise.all(reads))
      .flat()
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
    for (const source of this.#followed) this.#syncs.set(source.name, this.#follow(source, queue, stops))
    return queue
  }

  status(source: string): SourceStatus {
    return this.#syncs.get(source)?.status() ?? NEVER_WATCHED
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#registrars].map(registrar => registrar.unregister()))
    await Promise.all(this.#stopping)
    this.#client.close()
  }

  #follow(
    { name: source, scope, decode, fileName }: Followed,
    queue: EventQueue<RegistryEvent>,
    stops: (() => Promise<void>)[],
  ): PrefixSync {
    const { dataDir, timings } = this.#options
    const logger = this.#logger
    const file =
      dataDir === undefined
        ? undefined
        : new SnapshotFile({ path: join(dataDir, fileName), prefix: source, logger })
    let served: SyncState | undefined
    const pushSnapshot = (state: SyncState, from: 'store' | 'disk', afterLoss: boolean) => {
      const revision = String(state.revision)
      const entries = lazily([...state.table.values()], decode)
      queue.push({ type: 'snapshot', source, scope, revision, entries, from, afterLoss })
    }
    const sync = new PrefixSync({
      transport: createSyncTransport(this.#client, source),
      logger,
      timings,
      listener: {
        onSnapshot: (state, afterLoss) => {
          pushSnapshot(state, 'store', afterLoss || (served !== undefined && isOlderOrOther(state, served)))
          served = undefined
          file?.save(state)
        },
        onChange: (puts, deletes, state) => {
          const revision = String(state.revision)
          queue.push({ type: 'change', source, scope, revision, puts: puts.map(decode), deletes })
          file?.save(state)
        },
        onConnected: (connected, reason) => {
          queue.push({ type: 'status', source, scope, connected, reason })
          if (!connected) void serveDisk()
        },
      },
    })
    let isDiskServed = false
    const serveDisk = async () => {
      if (isDiskServed || sync.state) return
      isDiskServed = true
      const state = await file?.load()
      if (!state || sync.state) return
      this.#logger.warn(
        { source, scope, revision: String(state.revision) },
        'etcd does not answer; serving what is on disk',
      )
      served = state
      pushSnapshot(state, 'disk', false)
    }
    const timer = setTimeout(() => void serveDisk(), DISK_AFTER_MS).unref()
    stops.push(async () => {
      clearTimeout(timer)
      await sync.stop()
      await file?.flush()
    })
    sync.start()
    return sync
  }

  #registered(key: string): readonly Registrar[] {
    return [...this.#registrars].filter(registrar => registrar.key === key)
  }

  #keyOf({ service, id }: { service: string; id: string }): string {
    return `${this.#servicesPrefix}${service}/${id}`
  }

  #track(work: Promise<unknown>): void {
    this.#stopping.add(work)
    void work.finally(() => this.#stopping.delete(work))
  }
}

/** @throws TypeError when there is no such format */
function followNodes({ prefix, format = 'auto', service }: ServicesPrefix, own: string): Followed {
  const codec = codecNamed(format)
  return {
    name: prefix,
    scope: 'nodes',
    decode: item => decodeNodes(codec, prefix, service, item),
    fileName: prefix === own ? 'etcd-nodes.json' : `etcd-nodes-${encodeURIComponent(prefix)}.json`,
  }
}

function followRoutes(prefix: string): Followed {
  const decode = (item: StoredKey) => decodeRoute(prefix, item)
  return { name: prefix, scope: 'routes', decode, fileName: 'etcd-routes.json' }
}

/** Decodes each key when its turn comes: ten thousand at one go would hold everything else up. */
function lazily(items: readonly StoredKey[], decode: (item: StoredKey) => RegistryEntry): Entries {
  return {
    length: items.length,
    *[Symbol.iterator]() {
      for (const item of items) yield decode(item)
    },
  }
}

/** Every key there is now, read in pages at one revision. */
async function readAll(transport: SyncTransport): Promise<readonly StoredKey[]> {
  const items: StoredKey[] = []
  let page = await transport.readPage({ limit: PAGE_SIZE })
  const { revision } = page
  items.push(...page.items)
  while (page.next) {
    page = await transport.readPage({ from: page.next, revision, limit: PAGE_SIZE })
    items.push(...page.items)
  }
  return items
}
