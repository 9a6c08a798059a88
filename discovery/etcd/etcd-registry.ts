import type { Etcd3 } from 'etcd3'
import { createNode, type NodeInput } from '../../internal/nodes/node.ts'
import { EventQueue } from '../event-queue.ts'
import type { HeartbeatOutcome, WantedNode } from '../heartbeat.ts'
import { type Logger, silentLogger } from '../logger.ts'
import {
  type LeasedKeys,
  NEVER_WATCHED,
  type OptionalPrefixes,
  optionalSources,
  type RegisterOptions,
  type Registration,
  type Registry,
  type RegistryEvent,
  type RegistrySource,
  type Remembered,
  type Service,
  type SourceStatus,
} from '../registry.ts'
import { serviceOf } from '../service-of.ts'
import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { ClusterFolders } from './cluster-folders.ts'
import { type FollowedPrefix, followPrefix } from './follow-prefix.ts'
import { readAllPages } from './pages.ts'
import { nodesSource, type PrefixSource, prefixSource } from './prefix-source.ts'
import type { SyncTimings } from './prefix-sync.ts'
import {
  checkPrefix,
  DEFAULT_ROUTES_PREFIX,
  DEFAULT_SERVICES_PREFIX,
  ELECTIONS_PREFIX,
  LOCKS_PREFIX,
  type ServicesPrefix,
  servicesPrefixes,
} from './prefixes.ts'
import { Registrar } from './registrar.ts'
import { startRegistrar } from './start-registrar.ts'
import { createSyncTransport, type StoredKey } from './transport.ts'

const PAGE_SIZE = 1_000

export interface EtcdRegistryOptions extends EtcdClientOptions, OptionalPrefixes {
  /** Default `/services/`. A missing `/` at the end is added. */
  readonly servicesPrefix?: string | undefined
  /** Default `/waygate/routes/`. A missing `/` at the end is added. */
  readonly routesPrefix?: string | undefined
  /** The name of the value format under `servicesPrefix`. Default `auto`. */
  readonly format?: string | undefined
  /** Further prefixes to read nodes from, each with its own format. */
  readonly sources?: readonly ServicesPrefix[] | undefined
  /** Whether to follow routes. Default true. */
  readonly withRoutes?: boolean | undefined
  /** A folder for snapshots of the last table; undefined means that none are written. */
  readonly dataDir?: string | undefined
  readonly logger?: Logger | undefined
  readonly timings?: Partial<SyncTimings> | undefined
}

/** A registry in etcd, or in any store with etcd's v3 API. */
export class EtcdRegistry implements Registry {
  readonly name = 'etcd'
  readonly keptBy = 'services'
  readonly #client: Etcd3
  readonly #options: EtcdRegistryOptions
  readonly #logger: Logger
  readonly #servicesPrefix: string
  readonly #nodeSources: readonly ServicesPrefix[]
  readonly #sources: readonly PrefixSource[]
  readonly #registrars = new Set<Registrar>()
  readonly #closing = new AbortController()
  readonly #stopping = new Set<Promise<unknown>>()
  /** The followed prefixes of the watch that was started last, by source. */
  readonly #followed = new Map<string, FollowedPrefix>()

  /** @throws TypeError when the options are invalid */
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
    this.#sources = [
      ...this.#nodeSources.map(source => nodesSource(source)),
      ...(options.withRoutes === false ? [] : [prefixSource('routes', routesPrefix)]),
      ...optionalSources(options).map(({ scope, name }) => prefixSource(scope, checkPrefix(name))),
    ]
    this.#client = createEtcdClient(options)
  }

  get sources(): readonly RegistrySource[] {
    return this.#sources
  }

  async init(): Promise<void> {}

  async register(input: NodeInput, options: RegisterOptions = {}): Promise<Registration> {
    const { signal, ttlSeconds } = options
    signal?.throwIfAborted()
    // A closed client fails every attempt, and the registrar would never give up.
    if (this.#closing.signal.aborted) throw new Error('the registry is closed')
    const key = this.#keyOf(createNode(input))
    const former = this.#registered(key)
    const registrar: Registrar = new Registrar({
      client: this.#client,
      key,
      node: input,
      ttlSeconds,
      logger: this.#logger,
      onLeave: () => this.#registrars.delete(registrar),
    })
    this.#registrars.add(registrar)
    // A former one that puts the key after us would take it along when it ends.
    await settledOrAborted(
      former.map(each => each.registered),
      signal,
    )
    await startRegistrar(registrar, signal)
    // Only now that the key has its new lease, so that the node is never missing in between.
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
      const items: StoredKey[] = []
      const transport = createSyncTransport(this.#client, prefix)
      await readAllPages({ read: transport.readPage, limit: PAGE_SIZE, take: item => items.push(item) })
      return items.map(this.#sources[index]!.decode)
    })
    return serviceOf(name, (await Promise.all(reads)).flat())
  }

  watch(signal: AbortSignal): AsyncIterable<RegistryEvent> {
    const ending = AbortSignal.any([signal, this.#closing.signal])
    const followed: FollowedPrefix[] = []
    const queue = new EventQueue<RegistryEvent>(ending, () => {
      for (const each of followed) this.#track(each.stop())
    })
    if (ending.aborted) return queue
    const { dataDir, endpoints, timings } = this.#options
    const logger = this.#logger
    const folders = dataDir === undefined ? undefined : new ClusterFolders({ dataDir, endpoints, logger })
    for (const source of this.#sources) {
      const each = followPrefix({
        client: this.#client,
        source,
        push: event => queue.push(event),
        folders,
        timings,
        logger,
      })
      followed.push(each)
      this.#followed.set(source.name, each)
    }
    return queue
  }

  status(source: string): SourceStatus {
    return this.#followed.get(source)?.status() ?? NEVER_WATCHED
  }

  remember(source: string, remembered: Remembered): void {
    this.#followed.get(source)?.remember(remembered)
  }

  async leases(key?: string): Promise<readonly LeasedKeys[]> {
    const { readLeases } = await import('./leases.ts')
    const prefixes = [...this.#nodeSources.map(({ prefix }) => prefix), LOCKS_PREFIX, ELECTIONS_PREFIX]
    return readLeases(this.#client, key ?? prefixes)
  }

  async heartbeat(service: string, id: string, wanted?: WantedNode): Promise<HeartbeatOutcome> {
    return (
      this.#unreadable(service) ??
      (await import('./heartbeats.ts')).heartbeat(this.#client, this.#keyOf({ service, id }), wanted)
    )
  }

  async farewell(service: string, id: string): Promise<HeartbeatOutcome> {
    return (await import('./heartbeats.ts')).farewell(this.#client, this.#keyOf({ service, id }))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#registrars].map(registrar => registrar.unregister()))
    await Promise.all(this.#stopping)
    this.#client.close()
  }

  /** Refuses to register where gateways would not read it: as another software's format, or for another service. */
  #unreadable(service: string): HeartbeatOutcome | undefined {
    const prefix = this.#servicesPrefix
    const source = this.#nodeSources.find(each => prefix.startsWith(each.prefix))
    const isRead =
      ['auto', 'waygate'].includes(source?.format ?? 'auto') && (source?.service ?? service) === service
    if (source && isRead) return undefined
    return { outcome: 'read-only', detail: `nodes below ${prefix} are not read in the format of Waygate` }
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

/** Resolves when all promises have settled, or when `signal` aborts. */
async function settledOrAborted(
  promises: readonly Promise<unknown>[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const aborted = Promise.withResolvers<void>()
  const abort = () => aborted.resolve()
  signal?.addEventListener('abort', abort, { once: true })
  await Promise.race([Promise.allSettled(promises), aborted.promise])
  signal?.removeEventListener('abort', abort)
}
