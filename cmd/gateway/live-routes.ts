import { policySetRefusal } from '../../config/route/read-policy-set.ts'
import {
  closeRoute,
  createAutoRoute,
  type ParsedRoute,
  parseRouteDocument,
  type RouteContext,
} from '../../config/route/route-document.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { PolicySetEntry } from '../../discovery/key-state.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { hides, stricterWithout } from '../../internal/routing/precedence.ts'
import type { Route } from '../../internal/routing/route.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import { createAddressTest } from '../../middleware/request/client-address.ts'
import type { CheckPage } from '../../routes/admin/explain.ts'
import { AutoRoutes, type AutoRoutesOptions } from './auto-routes.ts'
import type { GrpcNames } from './grpc-names.ts'
import { LivePolicySets } from './live-policy-sets.ts'
import { contestedNames, unselected, unserved, withoutRoute } from './route-problems.ts'
import { type LiveRules, unusedRules } from './service-rules.ts'
import { tiedDocuments } from './tied-documents.ts'

export interface LiveRoutesOptions extends Omit<AutoRoutesOptions, 'isOn'> {
  readonly config: Config['routes']
  /** Receives the rules that routes set for their services, at first and after each change. */
  readonly rules: LiveRules
}

const NO_KEY =
  '$.auth: requires a token, but no key for tokens is configured, so every request gets 503: set jwt.secret, jwt.publicKeyFile or jwt.issuers'

type IsUnlisted = (service: string) => boolean
const NONE_UNLISTED: IsUnlisted = () => false

/** All current routes: route documents of the registry and of the config file, and automatic routes. */
export class LiveRoutes {
  #config: Config['routes']
  readonly #rules: LiveRules
  readonly #nodes: NodeTable
  readonly #logger: Logger
  /** The ids of documents that were logged as closed. */
  readonly #closed = new Set<string>()
  #context: Omit<RouteContext, 'origin'>
  readonly #grpcNames: GrpcNames | undefined
  #fileRoutes: readonly Route[]
  /** Documents that were parsed beforehand, for a configuration that is about to take effect. */
  #parsed: ReadonlyMap<unknown, ParsedRoute> = new Map()
  readonly #sets: LivePolicySets
  readonly #auto: AutoRoutes
  /** Those of all documents, disabled ones among them. */
  #documents: readonly Route[] = []
  #table: RouteTable

  constructor({ config, rules, nodes, context, grpcNames, logger }: LiveRoutesOptions) {
    this.#config = config
    this.#rules = rules
    this.#nodes = nodes
    this.#context = context
    this.#grpcNames = grpcNames
    this.#logger = logger
    this.#sets = new LivePolicySets(config.policies, context)
    this.#auto = new AutoRoutes({ isOn: config.auto, nodes, context, grpcNames, logger })
    this.#fileRoutes = this.#readFileRoutes()
    this.#table = this.#build([], [], [], NONE_UNLISTED)
  }

  /**
   * Puts another configuration in force. Takes effect with the next `set`.
   *
   * @param parsed what documents, of the registry and of the configuration, become with it; others are parsed when needed
   */
  configure(
    config: Config['routes'],
    context: Omit<RouteContext, 'origin'>,
    parsed: ReadonlyMap<unknown, ParsedRoute>,
  ): void {
    this.#config = config
    this.#context = context
    this.#parsed = parsed
    this.#sets.configure(config.policies, context)
    this.#auto.configure({ isOn: config.auto, context })
    this.#fileRoutes = this.#readFileRoutes()
  }

  #readFileRoutes(): readonly Route[] {
    return Object.entries(this.#config.documents).map(([id, document]) => {
      const parsed = this.parse(id, document, 'file')
      if ('route' in parsed) return parsed.route
      // The configuration was validated by the same rules when it was loaded.
      throw new Error(`routes.documents.${id}: ${parsed.reason}`)
    })
  }

  /** Forgets the documents that were parsed beforehand. Call it when all of them were read. */
  forgetParsed(): void {
    this.#parsed = new Map()
  }

  /** The services of the documents in the config file. */
  get servicesOfFile(): readonly string[] {
    return this.#fileRoutes.map(route => route.service).filter(name => name !== '')
  }

  /** Whether a route names a policy set. */
  get namesSets(): boolean {
    return this.#documents.some(route => route.sets !== undefined)
  }

  /** The current table. Each `set` replaces it. */
  get table(): RouteTable {
    return this.#table
  }

  /** Returns the routes of documents, then the automatic routes by id. */
  all(): readonly Route[] {
    return [...this.#documents, ...this.#auto.all()]
  }

  /** Returns the parts of route documents that have no effect, and the documents that are closed for want of a key. */
  problems(): KeyProblem[] {
    const { documents } = this.#table
    const closed = documents.filter(route => route.isBroken && this.#lacksKey(route))
    return [
      ...this.#sets.problems(),
      ...unusedRules(documents),
      ...closed.map(({ id }) => ({ key: id, reason: NO_KEY })),
      ...(this.#grpcNames ? contestedNames(this.#auto, this.#nodes, this.#grpcNames) : []),
    ]
  }

  /** Returns what is deprecated or probably not intended in route documents, such as services without a node. */
  warnings(): KeyProblem[] {
    const { documents } = this.#table
    const ofDocuments = documents.flatMap(({ id, warnings = [] }) =>
      warnings.map(reason => ({ key: id, reason })),
    )
    // Until everything is loaded, nodes may be missing here alone.
    const ofServices = this.#auto.isComplete
      ? [...unserved(documents, this.#nodes), ...unselected(documents, this.#nodes)]
      : []
    return [...ofDocuments, ...tiedDocuments(documents), ...ofServices, ...withoutRoute(this.#auto)]
  }

  /** Returns the services with nodes that get no automatic route because they had a document and have none now. */
  formerServices(): readonly string[] {
    return this.#auto.formerServices()
  }

  /** Parses a document. One that requires a token which this gateway cannot verify becomes a closed route. */
  parse(id: string, document: unknown, origin: Route['origin']): ParsedRoute {
    const parsed =
      this.#parsed.get(document) ?? parseRouteDocument(id, document, { ...this.#context, origin })
    // What a policy set says of `auth` is not known yet.
    return 'route' in parsed && !parsed.route.sets ? { route: this.#closeWithoutKey(parsed.route) } : parsed
  }

  /** Returns why a policy set cannot be used; undefined when it can. */
  refusalOfPolicySet({ name, document }: PolicySetEntry): string | undefined {
    return policySetRefusal(name, document, this.#context)
  }

  /**
   * Replaces the routes of the registry.
   *
   * @param routes they take precedence over routes with the same id in the config file
   * @param blocked services with a document that cannot be used
   * @param former services that had a document and have none now
   * @param isUnlisted whether a service is another of these, which are too many to list
   */
  set(
    routes: readonly Route[],
    blocked: Iterable<string>,
    former: Iterable<string> = [],
    isUnlisted: IsUnlisted = NONE_UNLISTED,
  ): void {
    this.#table = this.#build(routes, blocked, former, isUnlisted)
  }

  /** Says what would be wrong with a document if it were written now, in place of one with the same id. */
  judge(id: string, document: unknown): CheckPage {
    const parsed = parseRouteDocument(id, document, { ...this.#context, origin: 'etcd' })
    if (!('route' in parsed)) return { problems: [parsed.reason], warnings: [] }
    const merged = this.#sets.mergeOne(parsed.route)
    if ('reason' in merged) return { problems: [merged.reason], warnings: [] }
    const { route } = merged
    const others = this.#table.documents.filter(other => other.id !== id)
    const all = [...others, route]
    const ofNodes = [...unserved([route], this.#nodes), ...unselected([route], this.#nodes)]
    const found = [...ofNodes, ...tiedDocuments(all), ...unusedRules(all)]
    const warnings = [
      ...(route.warnings ?? []),
      ...found.filter(({ key }) => key === id).map(({ reason }) => reason),
    ]
    for (const hider of others.filter(other => hides(other, route))) {
      warnings.push(
        `is never used, because ${hider.id} takes all of its requests: delete one of the two, or make them differ`,
      )
    }
    const stricter = stricterWithout(route, this.#tableOf(others))
    if (stricter) {
      warnings.push(
        `is laxer than ${stricter.id} (${stricter.path}), which its requests would get without it`,
      )
    }
    return { problems: this.#lacksKey(route) ? [NO_KEY] : [], warnings }
  }

  /** Notes a change of a policy set. Takes effect with the next `set`. */
  setPolicySet(...change: Parameters<LivePolicySets['set']>): void {
    this.#sets.set(...change)
  }

  /** See `AutoRoutes.complete`. */
  complete(): void {
    this.#auto.complete()
  }

  #build(
    routes: readonly Route[],
    blocked: Iterable<string>,
    former: Iterable<string>,
    isUnlisted: IsUnlisted,
  ): RouteTable {
    const ids = new Set(routes.map(route => route.id))
    this.#documents = this.#sets
      .merge([...routes, ...this.#fileRoutes.filter(route => !ids.has(route.id))])
      .map(route => (route.sets ? this.#closeWithoutKey(route) : route))
    if (this.#closed.size > 0) this.#forgetClosed()
    // A service whose document is disabled gets no automatic route, which might be less strict.
    this.#auto.update(this.#documents, blocked, former, isUnlisted)
    const table = this.#tableOf(this.#documents)
    this.#rules.update(table.documents)
    return table
  }

  #tableOf(documents: readonly Route[]): RouteTable {
    const enabled = documents.filter(route => route.isDisabled !== true)
    return new RouteTable(enabled, {
      autoRoute: name => this.#auto.of(name) ?? this.#auto.ofGrpc(name),
      autoExample: this.#config.auto ? createAutoRoute('any', this.#context) : undefined,
      createAddressTest,
    })
  }

  #closeWithoutKey(route: Route): Route {
    const { id } = route
    if (!this.#lacksKey(route)) {
      this.#closed.delete(id)
      return route
    }
    if (!this.#closed.has(id)) this.#logger.error({ route: id, reason: NO_KEY }, 'route closed')
    this.#closed.add(id)
    return closeRoute(route)
  }

  /** Forgets the closed documents that are gone, so that they are logged when they come back. */
  #forgetClosed(): void {
    const present = new Set(this.#documents.map(route => route.id))
    for (const id of this.#closed) if (!present.has(id)) this.#closed.delete(id)
  }

  /** Whether a route accepts nothing but tokens, of which this gateway can verify none. */
  #lacksKey({ auth }: Route): boolean {
    if (this.#context.defaultAuth.type !== 'none') return false
    return auth.type === 'any' ? auth.rules.every(({ type }) => type === 'jwt') : auth.type === 'jwt'
  }
}
