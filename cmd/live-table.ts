import { ANY_TOKEN, NO_TOKEN, parseRouteDocument } from '../config/route-document.ts'
import type { Config } from '../config/schema.ts'
import { Directory } from '../discovery/directory.ts'
import type { Logger } from '../discovery/logger.ts'
import type { Registry, RegistryEvent } from '../discovery/registry.ts'
import { createAutoRoute } from '../internal/auto-route.ts'
import type { NodeTable } from '../internal/node-table.ts'
import type { Route, RouteAuth } from '../internal/route.ts'
import { RouteTable } from '../internal/route-table.ts'
import type { SourceView, TableView } from '../routes/table-view.ts'

export interface LiveTableOptions {
  readonly registry: Registry
  readonly nodes: NodeTable
  readonly config: Config['routes']
  /** Whether a key to check tokens with is configured: then routes ask for one unless they say otherwise. */
  readonly hasKey: boolean
  readonly logger: Logger
}

/** Keeps the node table and the route table at what the registry says, and tells how true they are. */
export class LiveTable implements TableView {
  readonly #registry: Registry
  readonly #nodes: NodeTable
  readonly #config: Config['routes']
  readonly #defaultAuth: RouteAuth
  readonly #logger: Logger
  readonly #directory: Directory
  readonly #fileRoutes: readonly Route[]
  readonly #autoRoutes = new Map<string, Route>()
  /** Problems that were logged, by key; so that each is logged once. */
  readonly #reported = new Map<string, string>()
  /** Services that have a document, good or bad; they get no automatic route. */
  #documented: ReadonlySet<string> = new Set()
  #routeTable: RouteTable
  #onLoaded: () => void = () => {}
  /** Resolves when there is a table to serve from, live or from disk. */
  readonly loaded: Promise<void>
  #isLoaded = false

  constructor({ registry, nodes, config, hasKey, logger }: LiveTableOptions) {
    this.#registry = registry
    this.#nodes = nodes
    this.#config = config
    this.#defaultAuth = hasKey ? ANY_TOKEN : NO_TOKEN
    this.#logger = logger
    this.loaded = new Promise(resolve => {
      this.#onLoaded = resolve
    })
    this.#fileRoutes = Object.entries(config.documents).map(([id, document]) => {
      const parsed = this.#parse(id, document, 'file')
      if ('route' in parsed) return parsed.route
      // The configuration was validated by the same rules when it was loaded.
      throw new Error(`routes.documents.${id}: ${parsed.reason}`)
    })
    this.#directory = new Directory({
      parseRoute: (id, document) => this.#parse(id, document, 'etcd'),
      onNodes: (service, serviceNodes) => nodes.set(service, serviceNodes),
      onRoutes: () => this.#rebuildRoutes(),
    })
    this.#routeTable = new RouteTable([])
    this.#rebuildRoutes()
  }

  /** The routes as they are now. */
  routeTable(): RouteTable {
    return this.#routeTable
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Follows the registry until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    for await (const event of this.#registry.watch(signal)) this.#apply(event)
  }

  source(): SourceView {
    const [nodes, routes] = [this.#registry.status('nodes'), this.#registry.status('routes')]
    const scopes = [this.#directory.scope('nodes'), this.#directory.scope('routes')]
    const connected = nodes.connected && routes.connected
    const relists: Record<string, number> = {}
    for (const { relists: counts } of [nodes, routes]) {
      for (const [reason, count] of counts) relists[reason] = (relists[reason] ?? 0) + count
    }
    return {
      registry: this.#registry.name,
      connected,
      stale: !connected || scopes.some(scope => scope.restored || !scope.loaded),
      ageMs:
        nodes.ageMs === undefined || routes.ageMs === undefined
          ? undefined
          : Math.max(nodes.ageMs, routes.ageMs),
      revision: largest(scopes.map(scope => scope.revision)),
      reason: scopes.find(scope => scope.reason !== undefined)?.reason,
      drift: nodes.drift + routes.drift,
      relists,
    }
  }

  routes(): readonly Route[] {
    const automatic = [...this.#nodes.services()]
      .map(service => this.#autoRoute(service.name))
      .filter(route => route !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return [...this.#routeTable.documents, ...automatic]
  }

  problems(): readonly { readonly key: string; readonly reason: string }[] {
    return this.#directory.problems()
  }

  #apply(event: RegistryEvent): void {
    this.#directory.apply(event)
    if (event.type === 'status') {
      const { scope, connected, reason } = event
      if (connected) this.#logger.info({ scope }, 'following the registry')
      else if (this.#directory.scope(scope).loaded) {
        this.#logger.warn({ scope, reason }, 'registry out of reach, serving the last known table')
      } else
        this.#logger.warn({ scope, reason }, 'registry out of reach, waiting for it: there is no table yet')
      return
    }
    if (event.type === 'snapshot') {
      const { scope, revision, entries, from } = event
      this.#logger.info({ scope, revision, keys: entries.length, from }, 'table loaded')
      if (
        !this.#isLoaded &&
        this.#directory.scope('nodes').loaded &&
        this.#directory.scope('routes').loaded
      ) {
        this.#isLoaded = true
        this.#onLoaded()
      }
    }
    const entries = event.type === 'snapshot' ? event.entries : event.puts
    if (this.#reported.size > 0 || entries.some(entry => entry.kind !== 'nodes')) this.#reportProblems()
  }

  #reportProblems(): void {
    const problems = new Map(this.#directory.problems().map(({ key, reason }) => [key, reason]))
    for (const [key, reason] of problems) {
      if (this.#reported.get(key) !== reason) this.#logger.warn({ key, reason }, 'registry value not used')
    }
    this.#reported.clear()
    for (const [key, reason] of problems) this.#reported.set(key, reason)
  }

  #parse(id: string, document: unknown, origin: Route['origin']) {
    return parseRouteDocument(id, document, {
      origin,
      defaults: this.#config.defaults,
      defaultAuth: this.#defaultAuth,
    })
  }

  #rebuildRoutes(): void {
    const routes = this.#directory.routes()
    const ids = new Set(routes.map(route => route.id))
    // A registry document takes the place of one with the same id in the config file.
    const documents = [...routes, ...this.#fileRoutes.filter(route => !ids.has(route.id))]
    this.#documented = new Set([
      ...documents.map(route => route.service),
      ...this.#directory.blockedServices(),
    ])
    this.#routeTable = new RouteTable(documents, { autoRoute: service => this.#autoRoute(service) })
  }

  #autoRoute(service: string): Route | undefined {
    if (!this.#config.auto || this.#documented.has(service) || !this.#nodes.get(service)) return undefined
    let route = this.#autoRoutes.get(service)
    if (!route) {
      const { timeoutMs, retries, balancer } = this.#config.defaults
      route = createAutoRoute(service, {
        auth: this.#defaultAuth,
        timeoutMs,
        retries: retries ?? undefined,
        balancer,
      })
      // Bounded by the services that were ever here; they are few beside what a route costs.
      this.#autoRoutes.set(service, route)
    }
    return route
  }
}

function largest(revisions: readonly (string | undefined)[]): string | undefined {
  const known = revisions.filter(revision => revision !== undefined).map(BigInt)
  if (known.length === 0) return undefined
  return String(known.sort((a, b) => (a < b ? 1 : -1))[0])
}
