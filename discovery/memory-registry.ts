import type { Node, NodeInput } from '../internal/nodes/node.ts'
import { EventQueue } from './event-queue.ts'
import { RegisteredNode } from './registered-node.ts'
import {
  type OptionalPrefixes,
  optionalSources,
  type RegisterOptions,
  type Registration,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
  type RegistryScope,
  type RegistrySource,
  type Service,
  type SourceStatus,
} from './registry.ts'
import { serviceOf } from './service-of.ts'

const NODES_PREFIX = '/services/'
const ROUTES_PREFIX = '/waygate/routes/'

/**
 * A registry inside the process, for tests and for a gateway in the same process as its services. Leases do
 * not expire, because a service cannot die without its registry.
 */
export class MemoryRegistry implements Registry {
  readonly name = 'memory'
  readonly keptBy = 'services'
  readonly sources: readonly RegistrySource[]
  readonly #tables: Readonly<Record<RegistryScope, Map<string, RegistryEntry>>> = {
    nodes: new Map(),
    routes: new Map(),
    'api-keys': new Map(),
    revocations: new Map(),
    descriptors: new Map(),
    certificates: new Map(),
    'acme-challenges': new Map(),
    policies: new Map(),
  }
  /** The registration that owns each key. Unregistering a replaced one must not remove its successor. */
  readonly #owners = new Map<string, object>()
  readonly #watches = new Set<EventQueue<RegistryEvent>>()
  #revision = 1n
  #connected = true
  #changedAt = Date.now()

  constructor(prefixes: OptionalPrefixes = {}) {
    this.sources = [
      { name: NODES_PREFIX, scope: 'nodes' },
      { name: ROUTES_PREFIX, scope: 'routes' },
      ...optionalSources(prefixes),
    ]
  }

  async init(): Promise<void> {}

  async register(input: NodeInput, options: RegisterOptions = {}): Promise<Registration> {
    options.signal?.throwIfAborted()
    const registered = new RegisteredNode(input)
    const key = keyOf(input.service, input.id)
    const owner = {}
    const owns = () => this.#owners.get(key) === owner
    const put = () => {
      this.#owners.set(key, owner)
      this.putEntry('nodes', { kind: 'nodes', key, nodes: [registered.node] })
    }
    put()
    return {
      get node() {
        return registered.node
      },
      async update(changes) {
        registered.update(changes)
        if (owns()) put()
      },
      unregister: async () => {
        if (owns()) this.deleteEntry('nodes', key)
      },
    }
  }

  async unregister(service: string, id: string): Promise<void> {
    this.deleteEntry('nodes', keyOf(service, id))
  }

  async getService(name: string): Promise<Service | undefined> {
    return serviceOf(name, [...this.#tables.nodes.values()])
  }

  watch(signal: AbortSignal): AsyncIterable<RegistryEvent> {
    const queue: EventQueue<RegistryEvent> = new EventQueue(signal, () => this.#watches.delete(queue))
    if (signal.aborted) return queue
    this.#watches.add(queue)
    for (const source of this.sources) {
      if (this.#connected) queue.push(this.#snapshot(source))
      queue.push(this.#statusEvent(source))
    }
    return queue
  }

  status(_source: string): SourceStatus {
    return {
      connected: this.#connected,
      revision: String(this.#revision),
      ageMs: this.#connected ? 0 : Date.now() - this.#changedAt,
      relists: new Map(),
      drift: 0,
    }
  }

  async close(): Promise<void> {
    for (const watch of [...this.#watches]) watch.end()
    for (const key of [...this.#owners.keys()]) this.deleteEntry('nodes', key)
  }

  /** Puts a route document, as an operator does with etcdctl. */
  putRoute(id: string, document: unknown): void {
    this.putEntry('routes', { kind: 'route', key: ROUTES_PREFIX + id, id, document })
  }

  deleteRoute(id: string): void {
    this.deleteEntry('routes', ROUTES_PREFIX + id)
  }

  /** Puts an entry under any key, as a service with its own format does. */
  putEntry(scope: RegistryScope, entry: RegistryEntry): void {
    this.#tables[scope].set(entry.key, entry)
    this.#change(scope, [entry], [])
  }

  deleteEntry(scope: RegistryScope, key: string): void {
    this.#owners.delete(key)
    if (this.#tables[scope].delete(key)) this.#change(scope, [], [key])
  }

  /**
   * Simulates an outage and its end. Watches get no events during the outage and a full snapshot after it.
   */
  setConnected(connected: boolean): void {
    if (connected === this.#connected) return
    this.#connected = connected
    this.#changedAt = Date.now()
    for (const source of this.sources) {
      if (connected) this.#publish(this.#snapshot(source))
      this.#publish(this.#statusEvent(source))
    }
  }

  #change(scope: RegistryScope, puts: readonly RegistryEntry[], deletes: readonly string[]): void {
    this.#revision += 1n
    const source = this.sources.find(each => each.scope === scope)?.name
    if (!this.#connected || source === undefined) return
    this.#publish({ type: 'change', source, scope, revision: String(this.#revision), puts, deletes })
  }

  #snapshot({ name: source, scope }: RegistrySource): RegistryEvent {
    const entries = [...this.#tables[scope].values()]
    const revision = String(this.#revision)
    return { type: 'snapshot', source, scope, revision, entries, from: 'store', afterLoss: false }
  }

  #statusEvent({ name: source, scope }: RegistrySource): RegistryEvent {
    const reason = this.#connected ? undefined : 'set by setConnected(false)'
    return { type: 'status', source, scope, connected: this.#connected, reason }
  }

  #publish(event: RegistryEvent): void {
    for (const watch of this.#watches) watch.push(event)
  }
}

function keyOf(service: Node['service'], id: Node['id']): string {
  return `${NODES_PREFIX}${service}/${id}`
}
