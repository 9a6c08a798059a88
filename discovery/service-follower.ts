import type { Health } from '../internal/nodes/health.ts'
import { addressOf, type Node, speaksPlainHttp1 } from '../internal/nodes/node.ts'
import { waitsToBeSelected } from '../internal/nodes/node-selection.ts'
import { NodeTable } from '../internal/nodes/node-table.ts'
import type { Peer } from '../internal/nodes/peer.ts'
import { Directory } from './directory.ts'
import type { DiscoveredService, DiscoveryStatus } from './discovered-service.ts'
import { followRegistry } from './follow-registry.ts'
import { type Logger, silentLogger } from './logger.ts'
import type { Registry, RegistryEvent, RegistrySource } from './registry.ts'

const SUSPECT_GRACE_MS = 60_000

export interface ServiceFollowerOptions {
  readonly name: string
  /** Closed with the follower. */
  readonly registry: Registry
  /** Default 60,000. */
  readonly suspectGraceMs?: number | undefined
  readonly logger?: Logger | undefined
  /** Returns a number from 0 to below 1. */
  readonly random?: (() => number) | undefined
}

/** Follows one service of any registry, starting when it is constructed. */
export class ServiceFollower implements DiscoveredService {
  readonly name: string
  readonly #registry: Registry
  readonly #sources: readonly RegistrySource[]
  readonly #logger: Logger
  readonly #random: () => number
  readonly #directory: Directory
  readonly #table = new NodeTable(node => new DiscoveredPeer(node))
  readonly #listeners = new Set<{ readonly listener: (nodes: readonly Node[]) => void }>()
  readonly #loaded = Promise.withResolvers<void>()
  readonly #closing = new AbortController()
  readonly #followed: Promise<void>
  #isFollowing = true
  #closed: Promise<void> | undefined
  #nodes: readonly Node[] = Object.freeze([])

  constructor(options: ServiceFollowerOptions) {
    const { name, registry, logger = silentLogger, random = Math.random } = options
    const graceMs = registry.keptBy === 'operator' ? 0 : (options.suspectGraceMs ?? SUSPECT_GRACE_MS)
    this.name = name
    this.#registry = registry
    this.#sources = registry.sources.filter(({ scope }) => scope === 'nodes')
    this.#logger = logger
    this.#random = random
    this.#directory = new Directory({
      parseRoute: () => ({ reason: 'routes are not followed' }),
      onNodes: (service, nodes) => {
        if (service === name) this.#change(nodes)
      },
      doubtMs: graceMs,
    })
    // Without a call to ready(), a rejection must not count as unhandled.
    this.#loaded.promise.catch(() => {})
    this.#followed = this.#follow(graceMs)
  }

  get nodes(): readonly Node[] {
    return this.#nodes
  }

  get status(): DiscoveryStatus {
    const sources = this.#sources.map(({ name }) => ({
      ...this.#directory.source(name),
      ageMs: this.#registry.status(name).ageMs,
    }))
    const connected = this.#isFollowing && sources.every(source => source.connected)
    const ages = sources.map(source => source.ageMs)
    return {
      connected,
      stale: !connected || sources.some(({ loaded, restored }) => !loaded || restored),
      reason: this.#isFollowing ? sources.find(({ reason }) => reason !== undefined)?.reason : 'closed',
      revision: sources[0]?.revision,
      ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map(Number)),
    }
  }

  pick(): Node | undefined {
    const service = this.#table.get(this.name)?.select(undefined)
    return service?.balancer('weighted-round-robin').pick(service.peers, { tried: [] })?.node
  }

  random(): Node | undefined {
    const usable = this.#nodes.filter(isUsable)
    return usable[Math.floor(this.#random() * usable.length)]
  }

  onChange(listener: (nodes: readonly Node[]) => void): () => void {
    // A function that is added twice is called twice.
    const entry = { listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  /**
   * Resolves when the first list has arrived.
   *
   * @throws the reason of `signal` when that aborts first
   */
  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#loaded.promise, aborted])
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #follow(suspectGraceMs: number): Promise<void> {
    try {
      await followRegistry({
        registry: this.#registry,
        directory: this.#directory,
        scope: 'nodes',
        suspectGraceMs,
        logger: this.#logger,
        onApplied: event => this.#applied(event),
        signal: this.#closing.signal,
      })
    } catch (error) {
      this.#logger.error({ err: error, service: this.name }, 'following the service failed')
      this.#loaded.reject(error)
    } finally {
      this.#isFollowing = false
    }
  }

  #applied(event: RegistryEvent): void {
    if (event.type === 'status') this.#log(event.connected, event.reason)
    const isKnown = this.#sources.every(({ name }) => {
      const { loaded, connected, restored, reason } = this.#directory.source(name)
      // Between the list and the start of its stream, it is not known whether the list is current.
      return loaded && (connected || restored || reason !== undefined)
    })
    if (isKnown) this.#loaded.resolve()
  }

  #log(connected: boolean, reason: string | undefined): void {
    const service = this.name
    if (connected) this.#logger.info({ service }, 'following the service')
    else this.#logger.warn({ service, reason }, 'registry out of reach; keeping the last known nodes')
  }

  #change(nodes: readonly Node[]): void {
    this.#nodes = Object.freeze([...nodes])
    this.#table.set(this.name, this.#nodes.filter(speaksPlainHttp1))
    for (const { listener } of this.#listeners) {
      try {
        listener(this.#nodes)
      } catch (error) {
        this.#logger.error({ err: error, service: this.name }, 'an onChange listener threw an error')
      }
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#listeners.clear()
    await this.#followed
    await this.#registry.close()
  }
}

function isUsable(node: Node): boolean {
  return node.weight > 0 && speaksPlainHttp1(node) && !waitsToBeSelected(node)
}

/**
 * A node as a balancer sees it. It has no connections and no breaker, because the caller sends the requests.
 */
class DiscoveredPeer implements Peer {
  node: Node
  readonly address: string
  inFlight = 0
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false
  readonly breaker = 'closed'
  readonly retryInMs = 0

  constructor(node: Node) {
    this.node = node
    this.address = addressOf(node)
  }

  available(): boolean {
    return this.node.weight > 0
  }

  recover(): void {}

  readmit(): boolean {
    return false
  }

  dispose(): void {}
}
