import {
  createAutoRoute,
  type ParsedRoute,
  parseRouteDocument,
  type RouteContext,
} from '../../config/route/route-document.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/directory.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Route } from '../../internal/routing/route.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import { type LiveRules, unusedRules } from './service-rules.ts'

export interface LiveRoutesOptions {
  readonly config: Config['routes']
  /** Receives the rules that routes set for their services, at first and after each change. */
  readonly rules: LiveRules
  readonly nodes: NodeTable
  /** What every route document is judged and completed with. */
  readonly context: Omit<RouteContext, 'origin'>
}

/** All current routes: route documents of the registry and of the config file, and automatic routes. */
export class LiveRoutes {
  readonly #config: Config['routes']
  readonly #rules: LiveRules
  readonly #nodes: NodeTable
  readonly #context: Omit<RouteContext, 'origin'>
  readonly #fileRoutes: readonly Route[]
  readonly #autoRoutes = new Map<string, Route>()
  /** Services that have a route document, valid or not. They get no automatic route. */
  #documented: ReadonlySet<string> = new Set()
  #isComplete = false
  #table: RouteTable

  constructor({ config, rules, nodes, context }: LiveRoutesOptions) {
    this.#config = config
    this.#rules = rules
    this.#nodes = nodes
    this.#context = context
    this.#fileRoutes = Object.entries(config.documents).map(([id, document]) => {
      const parsed = this.parse(id, document, 'file')
      if ('route' in parsed) return parsed.route
      // The configuration was validated by the same rules when it was loaded.
      throw new Error(`routes.documents.${id}: ${parsed.reason}`)
    })
    this.#table = this.#build([], [])
  }

  /** The current table. Each `set` replaces it. */
  get table(): RouteTable {
    return this.#table
  }

  /** Returns the routes of documents, then the automatic routes by id. */
  all(): readonly Route[] {
    const automatic = [...this.#nodes.services()]
      .map(service => this.#autoRoute(service.name))
      .filter(route => route !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return [...this.#table.documents, ...automatic]
  }

  /** Returns the parts of route documents that have no effect. */
  problems(): KeyProblem[] {
    return unusedRules(this.#table.documents)
  }

  /** Returns what is deprecated or probably not intended in route documents. */
  warnings(): KeyProblem[] {
    return this.#table.documents.flatMap(({ id, warnings = [] }) =>
      warnings.map(reason => ({ key: id, reason })),
    )
  }

  parse(id: string, document: unknown, origin: Route['origin']): ParsedRoute {
    return parseRouteDocument(id, document, { ...this.#context, origin })
  }

  /**
   * Replaces the routes of the registry.
   *
   * @param routes they take precedence over routes with the same id in the config file
   * @param blocked services that must have no automatic route, even without a document
   */
  set(routes: readonly Route[], blocked: Iterable<string>): void {
    this.#table = this.#build(routes, blocked)
  }

  /**
   * Enables automatic routes. Call it when every source is loaded: until then, a document that protects a service may not
   * have arrived yet.
   */
  complete(): void {
    this.#isComplete = true
  }

  #build(routes: readonly Route[], blocked: Iterable<string>): RouteTable {
    const ids = new Set(routes.map(route => route.id))
    const documents = [...routes, ...this.#fileRoutes.filter(route => !ids.has(route.id))]
    this.#documented = new Set([...documents.map(route => route.service), ...blocked])
    this.#rules.update(documents)
    return new RouteTable(documents, { autoRoute: service => this.#autoRoute(service) })
  }

  #autoRoute(service: string): Route | undefined {
    if (!this.#isComplete || !this.#config.auto) return undefined
    if (this.#documented.has(service) || !this.#nodes.get(service)) return undefined
    let route = this.#autoRoutes.get(service)
    if (!route) {
      route = createAutoRoute(service, this.#context)
      // Never removed. The services that ever existed are few, and a route is small.
      this.#autoRoutes.set(service, route)
    }
    return route
  }
}
