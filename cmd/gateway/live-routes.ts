import { ANY_TOKEN, NO_TOKEN } from '../../config/route/route-auth.ts'
import {
  createAutoRoute,
  type ParsedRoute,
  parseRouteDocument,
  type RouteContext,
} from '../../config/route/route-document.ts'
import type { Config } from '../../config/schema.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { AuthenticatorName, Route } from '../../internal/routing/route.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import { type LiveRules, routeWarnings } from './service-rules.ts'

export interface LiveRoutesOptions {
  readonly config: Config['routes']
  /** Gets what routes state for their services, at first and after each change. */
  readonly rules: LiveRules
  readonly nodes: NodeTable
  /** Whether a key to check tokens with is configured: then routes ask for one unless they say otherwise. */
  readonly hasKey: boolean
  /** The ways to be known by that routes may ask for; undefined = all. */
  readonly authenticators?: ReadonlySet<AuthenticatorName> | undefined
  /** Lower-case names of the headers that carry the identity, which no policy may set. Default: none. */
  readonly identityHeaders?: readonly string[] | undefined
}

/** Every route there is: documents of the registry and of the config file, and the automatic ones. */
export class LiveRoutes {
  readonly #config: Config['routes']
  readonly #rules: LiveRules
  readonly #nodes: NodeTable
  readonly #context: Omit<RouteContext, 'origin'>
  readonly #fileRoutes: readonly Route[]
  readonly #autoRoutes = new Map<string, Route>()
  /** Services that have a document, good or bad; they get no automatic route. */
  #documented: ReadonlySet<string> = new Set()
  #isComplete = false
  #table: RouteTable

  constructor({ config, rules, nodes, hasKey, authenticators, identityHeaders }: LiveRoutesOptions) {
    const { secret, secretFile } = config.stickyCookie
    this.#config = config
    this.#rules = rules
    this.#nodes = nodes
    this.#context = {
      ...{ authenticators, identityHeaders },
      defaults: config.defaults,
      defaultAuth: hasKey ? ANY_TOKEN : NO_TOKEN,
      hasCookieSecret: secret !== undefined || secretFile !== undefined,
    }
    this.#fileRoutes = Object.entries(config.documents).map(([id, document]) => {
      const parsed = this.parse(id, document, 'file')
      if ('route' in parsed) return parsed.route
      // The configuration was validated by the same rules when it was loaded.
      throw new Error(`routes.documents.${id}: ${parsed.reason}`)
    })
    this.#table = this.#build([], [])
  }

  /** As they are now; another one after each `set`. */
  get table(): RouteTable {
    return this.#table
  }

  /** Documents, then automatic routes by id. */
  all(): readonly Route[] {
    const automatic = [...this.#nodes.services()]
      .map(service => this.#autoRoute(service.name))
      .filter(route => route !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return [...this.#table.documents, ...automatic]
  }

  /** What documents say that does not count. */
  problems(): { readonly key: string; readonly reason: string }[] {
    return routeWarnings(this.#table.documents)
  }

  parse(id: string, document: unknown, origin: Route['origin']): ParsedRoute {
    return parseRouteDocument(id, document, { ...this.#context, origin })
  }

  /**
   * @param routes of the registry; one of them takes the place of one with the same id in the config file
   * @param blocked services that must have no automatic route, with or without a document
   */
  set(routes: readonly Route[], blocked: Iterable<string>): void {
    this.#table = this.#build(routes, blocked)
  }

  /** Every source was heard. Before that, a document that protects a service may just not have come yet. */
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
      // Bounded by the services that were ever here; they are few beside what a route costs.
      this.#autoRoutes.set(service, route)
    }
    return route
  }
}
