import { isDeepStrictEqual } from 'node:util'
import { type Node, sameNode } from '../internal/node.ts'
import type { Route } from '../internal/route.ts'
import type { RegistryEntry, RegistryEvent, RegistryScope } from './registry.ts'

export interface DirectoryOptions {
  /**
   * Turns a route document into a Route, or says for people what is wrong with it; `service` when the
   * refused document still names one.
   */
  readonly parseRoute: (id: string, document: unknown) => ParsedRoute
  /** A service has other nodes than before; ordered by id, empty = it is gone. */
  readonly onNodes?: ((service: string, nodes: readonly Node[]) => void) | undefined
  /** The routes, or which services are blocked, are no longer what they were; ordered by id. */
  readonly onRoutes?: ((routes: readonly Route[]) => void) | undefined
}

export type ParsedRoute =
  | { readonly route: Route }
  | { readonly reason: string; readonly service?: string | undefined }

export interface Problem {
  readonly key: string
  readonly reason: string
}

/** Where one scope's part of the directory comes from. */
export interface DirectoryScope {
  /** Whether a snapshot was applied, from wherever. */
  readonly loaded: boolean
  readonly connected: boolean
  /** Why not connected, for people. */
  readonly reason: string | undefined
  /** True while what is served was read from disk and the store has not been heard yet. */
  readonly restored: boolean
  readonly revision: string | undefined
}

/** What one key has said so far: its last good value, and what is wrong with its present one. */
interface KeyState {
  readonly nodes: readonly Node[]
  readonly route?: Route | undefined
  readonly problem?: string | undefined
  /** The service that a refused route document names. */
  readonly names?: string | undefined
}

const NOTHING: KeyState = { nodes: [] }
const SCOPES: readonly RegistryScope[] = ['nodes', 'routes']

/**
 * Folds {@link RegistryEvent}s into what the gateway routes to. No I/O, no timers; callbacks run inside
 * `apply`, after everything of the event is in place.
 *
 * - A value that does not decode leaves its key's last good nodes or route in place while the key exists.
 * - Of two nodes with one id in one service, the one under the first key in key order is used.
 * - A snapshot replaces everything of its scope; what it repeats causes no callback.
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #tables: Readonly<Record<RegistryScope, Map<string, KeyState>>> = {
    nodes: new Map(),
    routes: new Map(),
  }
  readonly #scopes: Record<RegistryScope, DirectoryScope> = { nodes: UNHEARD, routes: UNHEARD }
  readonly #keysOf = new Map<string, Set<string>>()
  readonly #services = new Map<string, readonly Node[]>()
  /** By service, then by key: nodes that are not used because their id is taken. */
  readonly #duplicates = new Map<string, ReadonlyMap<string, string>>()
  #routes: readonly Route[] = []
  #blocked: ReadonlySet<string> = new Set()

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  apply(event: RegistryEvent): void {
    const before = this.#scopes[event.scope]
    switch (event.type) {
      case 'status':
        this.#scopes[event.scope] = { ...before, connected: event.connected, reason: event.reason }
        return
      case 'snapshot': {
        const { revision } = event
        this.#scopes[event.scope] = { ...before, loaded: true, restored: event.from === 'disk', revision }
        const present = new Set(event.entries.map(entry => entry.key))
        const gone = [...this.#tables[event.scope].keys()].filter(key => !present.has(key))
        this.#write(event.scope, event.entries, gone)
        return
      }
      case 'change':
        this.#scopes[event.scope] = { ...before, revision: event.revision }
        this.#write(event.scope, event.puts, event.deletes)
        return
      default:
        event satisfies never
    }
  }

  /** Every service that has a node; nodes ordered by id. */
  services(): ReadonlyMap<string, readonly Node[]> {
    return this.#services
  }

  /** Ordered by id. */
  routes(): readonly Route[] {
    return this.#routes
  }

  /**
   * Services that a refused route document names and that have no good route: someone meant to set rules
   * for them, so an automatic route must not expose them without.
   */
  blockedServices(): ReadonlySet<string> {
    return this.#blocked
  }

  /** Keys whose present value is not used, or not in full; each once, in key order. */
  problems(): readonly Problem[] {
    const reasons = new Map<string, string>()
    for (const duplicates of this.#duplicates.values()) {
      for (const [key, reason] of duplicates) reasons.set(key, reason)
    }
    for (const scope of SCOPES) {
      for (const [key, { problem }] of this.#tables[scope])
        if (problem !== undefined) reasons.set(key, problem)
    }
    return [...reasons].map(([key, reason]) => ({ key, reason })).sort((a, b) => compare(a.key, b.key))
  }

  scope(scope: RegistryScope): DirectoryScope {
    return this.#scopes[scope]
  }

  /** The newest revision of both scopes; '0' before the first snapshot. */
  get revision(): string {
    const revisions = SCOPES.map(scope => BigInt(this.#scopes[scope].revision ?? 0))
    let newest = 0n
    for (const revision of revisions) if (revision > newest) newest = revision
    return String(newest)
  }

  #write(scope: RegistryScope, puts: readonly RegistryEntry[], deletes: readonly string[]): void {
    const table = this.#tables[scope]
    const touched = new Set<string>()
    let routesTouched = false
    const set = (key: string, next: KeyState | undefined): void => {
      const before = table.get(key) ?? NOTHING
      if (next) table.set(key, next)
      else table.delete(key)
      const after = next ?? NOTHING
      if (!sameNodes(before.nodes, after.nodes)) this.#index(key, before.nodes, after.nodes, touched)
      routesTouched ||= before.names !== after.names || !isDeepStrictEqual(before.route, after.route)
    }
    for (const key of deletes) set(key, undefined)
    for (const entry of puts) set(entry.key, this.#read(table.get(entry.key) ?? NOTHING, entry))

    const changed = [...touched].filter(service => this.#gather(service))
    const routesChanged = routesTouched && this.#gatherRoutes()
    for (const service of changed) this.#options.onNodes?.(service, this.#services.get(service) ?? [])
    if (routesChanged) this.#options.onRoutes?.(this.#routes)
  }

  #read(before: KeyState, entry: RegistryEntry): KeyState {
    switch (entry.kind) {
      case 'nodes':
        return { nodes: entry.nodes }
      case 'problem':
        return { nodes: before.nodes, route: before.route, problem: entry.reason }
      case 'route': {
        const parsed = this.#parse(entry.id, entry.document)
        if ('route' in parsed) return { nodes: [], route: parsed.route }
        return { nodes: [], route: before.route, problem: parsed.reason, names: parsed.service }
      }
      default:
        return entry satisfies never
    }
  }

  /** A document that its parser fails on is a problem of that document. */
  #parse(id: string, document: unknown): ParsedRoute {
    try {
      return this.#options.parseRoute(id, document)
    } catch (error) {
      return { reason: `document cannot be read (${String(error)})` }
    }
  }

  #index(key: string, before: readonly Node[], after: readonly Node[], touched: Set<string>): void {
    for (const { service } of before) {
      this.#keysOf.get(service)?.delete(key)
      touched.add(service)
    }
    for (const { service } of after) {
      const keys = this.#keysOf.get(service) ?? new Set()
      this.#keysOf.set(service, keys.add(key))
      touched.add(service)
    }
  }

  /** Puts a service's nodes together anew; whether they are other than before. */
  #gather(service: string): boolean {
    const byId = new Map<string, { node: Node; key: string }>()
    const duplicates = new Map<string, string>()
    for (const key of [...(this.#keysOf.get(service) ?? [])].sort(compare)) {
      for (const node of this.#tables.nodes.get(key)?.nodes ?? []) {
        if (node.service !== service) continue
        const first = byId.get(node.id)
        if (first)
          duplicates.set(key, `node id "${node.id}" of service "${service}" is taken by ${first.key}`)
        else byId.set(node.id, { node, key })
      }
    }
    if (duplicates.size > 0) this.#duplicates.set(service, duplicates)
    else this.#duplicates.delete(service)

    const before = this.#services.get(service) ?? []
    const known = new Map(before.map(node => [node.id, node]))
    // An unchanged node stays the same object, so that whoever holds state by node need not compare.
    const nodes = [...byId.values()].map(({ node }) => {
      const old = known.get(node.id)
      return old && sameNode(old, node) ? old : node
    })
    nodes.sort((a, b) => compare(a.id, b.id))
    if (nodes.length > 0) this.#services.set(service, nodes)
    else {
      this.#services.delete(service)
      this.#keysOf.delete(service)
    }
    return !sameNodes(before, nodes)
  }

  #gatherRoutes(): boolean {
    const states = [...this.#tables.routes.values()]
    const routes = states.flatMap(state => state.route ?? []).sort((a, b) => compare(a.id, b.id))
    const routed = new Set(routes.map(route => route.service))
    const named = states.flatMap(state => state.names ?? []).filter(service => !routed.has(service))
    const blocked = new Set(named.sort(compare))
    if (isDeepStrictEqual(routes, this.#routes) && isDeepStrictEqual(blocked, this.#blocked)) return false
    this.#routes = routes
    this.#blocked = blocked
    return true
  }
}

const UNHEARD: DirectoryScope = {
  loaded: false,
  connected: false,
  reason: undefined,
  restored: false,
  revision: undefined,
}

function sameNodes(a: readonly Node[], b: readonly Node[]): boolean {
  return a.length === b.length && a.every((node, index) => sameNode(node, b[index]!))
}

/** The order of etcd's keys for everything a key is made of here. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
