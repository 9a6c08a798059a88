import type { Config } from '../../config/schema.ts'
import { Directory } from '../../discovery/directory.ts'
import { followRegistry } from '../../discovery/follow-registry.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { Registry, RegistryEvent } from '../../discovery/registry.ts'
import type { Node } from '../../internal/nodes/node.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { AuthenticatorName, Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import type { SourceView, TableView } from '../../routes/admin/views.ts'
import type { LiveCredentials } from './auth/live-credentials.ts'
import { LiveRoutes } from './live-routes.ts'
import type { LiveRules } from './service-rules.ts'
import { sourceView } from './source-view.ts'
import { TableLog } from './table-log.ts'

export interface LiveTableOptions {
  readonly registry: Registry
  readonly nodes: NodeTable
  readonly config: Config['routes']
  /** Gets what routes state for their services, at first and after each change. */
  readonly rules: LiveRules
  /** How long a node or route that the registry may have lost stays in use. */
  readonly suspectGraceMs: number
  /** Whether a key to check tokens with is configured: then routes ask for one unless they say otherwise. */
  readonly hasKey: boolean
  /** The ways to be known by that routes may ask for; undefined = all. */
  readonly authenticators?: ReadonlySet<AuthenticatorName> | undefined
  /** Lower-case names of the headers that carry the identity, which no policy may set. Default: none. */
  readonly identityHeaders?: readonly string[] | undefined
  /** Told of everything that the registry says of who may be let in; undefined = nobody asks. */
  readonly credentials?: LiveCredentials | undefined
  /** Why a node must not be used, for people; undefined when it may. */
  readonly refusalOf: (node: Node) => string | undefined
  readonly logger: Logger
  /** Told when the node table has other nodes of a service. */
  readonly onNodes: (service: string) => void
  /** Told when there are other routes. */
  readonly onRoutes: () => void
}

/** Keeps the node table and the route table at what the registry says, and tells how true they are. */
export class LiveTable implements TableView {
  readonly #registry: Registry
  readonly #nodes: NodeTable
  readonly #suspectGraceMs: number
  readonly #logger: Logger
  readonly #directory: Directory
  readonly #routes: LiveRoutes
  readonly #log: TableLog
  readonly #credentials: LiveCredentials | undefined
  readonly #loaded = Promise.withResolvers<void>()
  #isLoaded = false

  constructor(options: LiveTableOptions) {
    const { registry, nodes, config, rules, suspectGraceMs, hasKey, authenticators, identityHeaders } =
      options
    const { credentials, refusalOf, logger } = options
    this.#registry = registry
    this.#nodes = nodes
    this.#suspectGraceMs = suspectGraceMs
    this.#logger = logger
    this.#routes = new LiveRoutes({ config, rules, nodes, hasKey, authenticators, identityHeaders })
    const origin = registry.keptBy === 'operator' ? 'file' : 'etcd'
    this.#directory = new Directory({
      parseRoute: (id, document) => this.#routes.parse(id, document, origin),
      parseApiKey: value => credentials?.parseApiKey(value) ?? { apiKey: value },
      refusalOf,
      onCredential: (before, after) => credentials?.apply(before, after),
      onNodes: (service, serviceNodes) => {
        nodes.set(service, serviceNodes)
        options.onNodes(service)
      },
      onRoutes: routes => {
        this.#routes.set(routes, this.#directory.blockedServices())
        options.onRoutes()
      },
      doubtMs: suspectGraceMs,
    })
    this.#credentials = credentials
    this.#log = new TableLog(this.#directory, logger)
  }

  /** Resolves when there is a table to serve from, live or from disk. */
  get loaded(): Promise<void> {
    return this.#loaded.promise
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** The routes as they are now. */
  routeTable(): RouteTable {
    return this.#routes.table
  }

  /** Follows the registry until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void> {
    return followRegistry({
      registry: this.#registry,
      directory: this.#directory,
      suspectGraceMs: this.#suspectGraceMs,
      logger: this.#logger,
      onApplied: event => this.#applied(event),
      signal,
    })
  }

  source(): SourceView {
    return sourceView(this.#registry, this.#directory)
  }

  routes(): readonly Route[] {
    return this.#routes.all()
  }

  problems(): readonly { readonly key: string; readonly reason: string }[] {
    return [...this.#directory.problems(), ...this.#routes.problems()]
  }

  #applied(event: RegistryEvent): void {
    this.#log.applied(event)
    if (event.type === 'snapshot') this.#credentials?.loaded(event.scope)
    if (event.type === 'snapshot' && !this.#isLoaded) this.#checkLoaded(event.from)
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
    this.#routes.complete()
    this.#nodes.loaded()
    this.#loaded.resolve()
  }
}
