import { ANY_TOKEN, NO_TOKEN, parseRouteDocument } from '../config/route-document.ts'
import type { Config } from '../config/schema.ts'
import { Directory } from '../discovery/directory.ts'
import type { Logger } from '../discovery/logger.ts'
import type { Registry, RegistryEvent } from '../discovery/registry.ts'
import { runInSlices } from '../discovery/slices.ts'
import { SuspectWatch } from '../discovery/suspect-watch.ts'
import { createAutoRoute } from '../internal/auto-route.ts'
import type { NodeTable } from '../internal/node-table.ts'
import type { Route, RouteAuth } from '../internal/route.ts'
import { RouteTable } from '../internal/route-table.ts'
import type { SourceView, TableView } from '../routes/table-view.ts'

export interface LiveTableOptions {
  readonly registry: Registry
  readonly nodes: NodeTable
  readonly config: Config['routes']
  /** How long a node or route that the registry may have lost stays in use. */
  readonly suspectGraceMs: number
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
  readonly #suspects: SuspectWatch
  readonly #fileRoutes: readonly Route[]
  readonly #autoRoutes = new Map<string, Route>()
  /** Problems that were logged, by key; so that each is logged once. */
  readonly #reported = new Map<string, string>()
  /** Services that have a document, good or bad; they get no automatic route. */
  #documented: ReadonlySet<string> = new Set()
  #hasSuspects = false
  #routeTable: RouteTable
  #onLoaded: () => void = () => {}
  /** Resolves when there is a table to serve from, live or from disk. */
  readonly loaded: Promise<void>
  #isLoaded = false

  constructor({ registry, nodes, config, suspectGraceMs, hasKey, logger }: LiveTableOptions) {
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
      parseRoute: (id, document) =>
        this.#parse(id, document, registry.keptBy === 'operator' ? 'file' : 'etcd'),
      onNodes: (service, serviceNodes) => nodes.set(service, serviceNodes),
      onRoutes: () => this.#rebuildRoutes(),
      doubtMs: suspectGraceMs,
    })
    this.#suspects = new SuspectWatch({ directory: this.#directory, graceMs: suspectGraceMs, logger })
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
    try {
      for await (const event of this.#registry.watch(signal)) {
        await runInSlices(this.#directory.steps(event))
        this.#applied(event)
      }
    } finally {
      this.#suspects.stop()
    }
  }

  source(): SourceView {
    const sources = this.#registry.sources.map(({ name, scope }) => {
      const { loaded, restored, reason, revision } = this.#directory.source(name)
      const status = this.#registry.status(name)
      const { connected, ageMs, drift } = status
      const relists = Object.fromEntries(status.relists)
      return {
        name,
        scope,
        connected,
        stale: !connected || restored || !loaded,
        reason,
        revision,
        ageMs,
        drift,
        relists,
      }
    })
    const relists: Record<string, number> = {}
    for (const source of sources) {
      for (const [reason, count] of Object.entries(source.relists))
        relists[reason] = (relists[reason] ?? 0) + count
    }
    const ages = sources.map(source => source.ageMs)
    return {
      registry: this.#registry.name,
      connected: sources.every(source => source.connected),
      stale: sources.some(source => source.stale),
      ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map(Number)),
      revision: largest(sources.map(source => source.revision)),
      reason: sources.find(source => source.reason !== undefined)?.reason,
      drift: sources.reduce((sum, source) => sum + source.drift, 0),
      relists,
      skipped: this.#directory.problems().length,
      suspects: this.#directory.suspectCount,
      sources,
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

  #applied(event: RegistryEvent): void {
    this.#suspects.check()
    const { source, scope } = event
    if (event.type === 'status') {
      const { connected, reason } = event
      if (connected) this.#logger.info({ source, scope }, 'following the registry')
      else if (this.#directory.source(source).loaded) {
        this.#logger.warn({ source, scope, reason }, 'registry out of reach, serving the last known table')
      } else {
        this.#logger.warn(
          { source, scope, reason },
          'registry out of reach, waiting for it: there is no table yet',
        )
      }
      return
    }
    if (event.type === 'snapshot') {
      const { revision, entries, from } = event
      this.#logger.info({ source, scope, revision, keys: entries.length, from }, 'table loaded')
      if (!this.#isLoaded) this.#checkLoaded(from)
    }
    this.#reportSuspects()
    if (this.#directory.hasProblems || this.#reported.size > 0) this.#reportProblems()
  }

  #checkLoaded(from: 'store' | 'disk'): void {
    const sources = this.#registry.sources.map(({ name, scope }) => ({
      scope,
      ...this.#directory.source(name),
    }))
    if (!sources.every(({ loaded }) => loaded)) return
    // What a copy without any node would serve is 404: to load balancers, not ready is the truer answer.
    const isFromDisk = sources.some(({ scope, restored }) => scope === 'nodes' && restored)
    if (isFromDisk && this.#directory.services().size === 0) {
      if (from === 'disk') this.#logger.warn({}, 'the table on disk has no node; waiting for the registry')
      return
    }
    this.#isLoaded = true
    this.#onLoaded()
  }

  /** Says once that there are suspects, and once that there are none any more. */
  #reportSuspects(): void {
    const count = this.#directory.suspectCount
    if (count > 0 && !this.#hasSuspects) {
      this.#logger.warn(
        { keys: count },
        'the registry may have lost keys; they stay in use while they answer',
      )
    } else if (count === 0 && this.#hasSuspects) this.#logger.info({}, 'no key is in doubt any more')
    this.#hasSuspects = count > 0
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
    // Before every source was heard, a document that protects the service may just not have come yet.
    if (!this.#isLoaded || !this.#config.auto) return undefined
    if (this.#documented.has(service) || !this.#nodes.get(service)) return undefined
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
