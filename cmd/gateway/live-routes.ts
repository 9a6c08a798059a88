import { didYouMean } from '../../config/kit/closest.ts'
import {
  closeRoute,
  createAutoGrpcRoute,
  createAutoRoute,
  type ParsedRoute,
  parseRouteDocument,
  type RouteContext,
} from '../../config/route/route-document.ts'
import type { Config } from '../../config/schema.ts'
import type { KeyProblem } from '../../discovery/directory.ts'
import { type Logger, silentLogger } from '../../discovery/logger.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Route } from '../../internal/routing/route.ts'
import { RouteTable } from '../../internal/routing/route-table.ts'
import type { GrpcNames } from './grpc-names.ts'
import { type LiveRules, unusedRules } from './service-rules.ts'

export interface LiveRoutesOptions {
  readonly config: Config['routes']
  /** Receives the rules that routes set for their services, at first and after each change. */
  readonly rules: LiveRules
  readonly nodes: NodeTable
  /** What every route document is judged and completed with. */
  readonly context: Omit<RouteContext, 'origin'>
  /** The gRPC services that get automatic routes; undefined = none do. */
  readonly grpcNames?: GrpcNames | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

const NO_KEY =
  '$.auth: requires a token, but no key for tokens is configured, so every request gets 503: set jwt.secret, jwt.publicKeyFile or jwt.issuers'
/** Guessing compares a name with each service, and a page must not take long. */
const MAX_GUESSES = 10
/** How many services a log line names. */
const MAX_NAMED = 10
const MAX_SERVICES_TO_GUESS = 1_000

/** All current routes: route documents of the registry and of the config file, and automatic routes. */
export class LiveRoutes {
  readonly #config: Config['routes']
  readonly #rules: LiveRules
  readonly #nodes: NodeTable
  readonly #logger: Logger
  /** The ids of documents that were logged as closed. */
  readonly #closed = new Set<string>()
  readonly #context: Omit<RouteContext, 'origin'>
  readonly #grpcNames: GrpcNames | undefined
  readonly #fileRoutes: readonly Route[]
  readonly #autoRoutes = new Map<string, Route>()
  /** Services that have a route document, valid or not. They get no automatic route. */
  #documented: ReadonlySet<string> = new Set()
  /** Services that had a route document. They get no automatic route either: a document that is lost must open nothing. */
  #former: ReadonlySet<string> = new Set()
  /** The gRPC services that route documents name, and the service of the document. They get no automatic route. */
  #named: ReadonlyMap<string, string> = new Map()
  #isComplete = false
  #table: RouteTable

  constructor({ config, rules, nodes, context, grpcNames, logger = silentLogger }: LiveRoutesOptions) {
    this.#config = config
    this.#rules = rules
    this.#nodes = nodes
    this.#context = context
    this.#grpcNames = grpcNames
    this.#logger = logger
    this.#fileRoutes = Object.entries(config.documents).map(([id, document]) => {
      const parsed = this.parse(id, document, 'file')
      if ('route' in parsed) return parsed.route
      // The configuration was validated by the same rules when it was loaded.
      throw new Error(`routes.documents.${id}: ${parsed.reason}`)
    })
    this.#table = this.#build([], [], [])
  }

  /** The services of the documents in the config file. */
  get servicesOfFile(): readonly string[] {
    return this.#fileRoutes.map(route => route.service)
  }

  /** The current table. Each `set` replaces it. */
  get table(): RouteTable {
    return this.#table
  }

  /** Returns the routes of documents, then the automatic routes by id. */
  all(): readonly Route[] {
    const grpcNames = [...(this.#grpcNames?.entries() ?? [])]
    const automatic = [
      ...[...this.#nodes.services()].map(service => this.#autoRoute(service.name)),
      ...grpcNames.map(([name]) => this.#autoGrpcRoute(name)),
    ]
      .filter(route => route !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return [...this.#table.documents, ...automatic]
  }

  /** Returns the parts of route documents that have no effect, and the documents that are closed for want of a key. */
  problems(): KeyProblem[] {
    const { documents } = this.#table
    const closed = documents.filter(route => route.isBroken && this.#lacksKey(route))
    return [
      ...unusedRules(documents),
      ...closed.map(({ id }) => ({ key: id, reason: NO_KEY })),
      ...this.#contestedNames(),
    ]
  }

  /** Returns what is deprecated or probably not intended in route documents, such as services without a node. */
  warnings(): KeyProblem[] {
    const ofDocuments = this.#table.documents.flatMap(({ id, warnings = [] }) =>
      warnings.map(reason => ({ key: id, reason })),
    )
    return [...ofDocuments, ...this.#unserved(), ...this.#withoutRoute()]
  }

  /** Returns the services with nodes that get no automatic route because they had a document and have none now. */
  formerServices(): readonly string[] {
    return this.#config.auto ? this.#present(this.#former) : []
  }

  #present(services: Iterable<string>): readonly string[] {
    return [...services].filter(service => this.#nodes.service(service) !== undefined)
  }

  /** Yields why services get no automatic route because they had a document. */
  *#withoutRoute(): Generator<KeyProblem> {
    for (const service of this.formerServices()) {
      const document = { path: `/${service}/*`, service, stripPrefix: `/${service}` }
      const cure = `write one, such as ${JSON.stringify(document)}, which serves it as an automatic route would`
      yield { key: `auto:${service}`, reason: `had a route document, so it gets no automatic route: ${cure}` }
    }
  }

  /** Parses a document. One that requires a token which this gateway cannot verify becomes a closed route. */
  parse(id: string, document: unknown, origin: Route['origin']): ParsedRoute {
    const parsed = parseRouteDocument(id, document, { ...this.#context, origin })
    if (!('route' in parsed) || !this.#lacksKey(parsed.route)) {
      this.#closed.delete(id)
      return parsed
    }
    if (!this.#closed.has(id)) this.#logger.error({ route: id, reason: NO_KEY }, 'route closed')
    this.#closed.add(id)
    return { route: closeRoute(parsed.route) }
  }

  /**
   * Replaces the routes of the registry.
   *
   * @param routes they take precedence over routes with the same id in the config file
   * @param blocked services with a document that cannot be used
   * @param former services that had a document and have none now
   */
  set(routes: readonly Route[], blocked: Iterable<string>, former: readonly string[] = []): void {
    const [documented, formerly] = [this.#documented, this.#former]
    this.#table = this.#build(routes, blocked, former)
    if (!this.#isComplete) return
    const added = [...this.#documented].filter(service => !documented.has(service) && !formerly.has(service))
    this.#report(added, 'automatic route ended: the service has a route document now')
    this.#reportFormer(formerly)
  }

  /**
   * Enables automatic routes. Call it when every source is loaded: until then, a document that protects a service may not
   * have arrived yet.
   */
  complete(): void {
    this.#isComplete = true
    this.#grpcNames?.started()
    this.#reportFormer(new Set())
  }

  #reportFormer(known: ReadonlySet<string>): void {
    const added = [...this.#former].filter(service => !known.has(service))
    this.#report(added, 'no automatic route: the service had a route document and has none now')
  }

  /** Logs that services have no automatic route. Those without a node would have none anyway. */
  #report(services: readonly string[], message: string): void {
    if (!this.#config.auto) return
    const present = this.#present(services)
    if (present.length > 0) {
      this.#logger.warn({ services: present.slice(0, MAX_NAMED), count: present.length }, message)
    }
  }

  #build(routes: readonly Route[], blocked: Iterable<string>, former: Iterable<string>): RouteTable {
    const ids = new Set(routes.map(route => route.id))
    const documents = [...routes, ...this.#fileRoutes.filter(route => !ids.has(route.id))]
    this.#documented = new Set([...documents.map(route => route.service), ...blocked])
    this.#former = new Set(former)
    this.#named = new Map(documents.flatMap(route => namesIn(route).map(name => [name, route.service])))
    this.#rules.update(documents)
    return new RouteTable(documents, {
      autoRoute: name => this.#autoRoute(name) ?? this.#autoGrpcRoute(name),
      autoExample: this.#config.auto ? createAutoRoute('any', this.#context) : undefined,
    })
  }

  /** Whether a route accepts nothing but tokens, of which this gateway can verify none. */
  #lacksKey({ auth }: Route): boolean {
    if (this.#context.defaultAuth.type !== 'none') return false
    return auth.type === 'any' ? auth.rules.every(({ type }) => type === 'jwt') : auth.type === 'jwt'
  }

  /** Yields the routes to services without a node, which may be misspelt. */
  *#unserved(): Generator<KeyProblem> {
    // Until everything is loaded, nodes may be missing here alone.
    if (!this.#isComplete) return
    const services = [...this.#nodes.services()].map(({ name }) => name)
    let guesses = services.length > MAX_SERVICES_TO_GUESS ? 0 : MAX_GUESSES
    for (const { id, service, fallback } of this.#table.documents) {
      for (const [field, name] of [
        ['service', service],
        ['fallback.service', fallback?.type === 'service' ? fallback.service : undefined],
      ] as const) {
        if (name === undefined || name === '' || this.#nodes.service(name)) continue
        const guess = guesses-- > 0 ? didYouMean(name, services) : ''
        yield { key: id, reason: `$.${field}: no node of ${JSON.stringify(name)} is registered${guess}` }
      }
    }
  }

  /**
   * Yields the services that get no calls of one of their gRPC services, because another service has it too. That one is
   * yielded as well, unless an operator has written that the calls are for it.
   */
  *#contestedNames(): Generator<KeyProblem> {
    for (const [name, services] of this.#grpcNames?.entries() ?? []) {
      const present = services.filter(service => this.#nodes.service(service) !== undefined)
      const named = this.#named.get(name)
      const documented = named ?? present.find(service => this.#documented.has(service))
      const winner = documented ?? this.#autoGrpcRoute(name)?.service
      const losers = present.filter(service => service !== winner && !this.#documented.has(service))
      if (winner === undefined || losers.length === 0) continue
      const cure = 'give each of them a route document'
      if (documented === undefined && this.#grpcNames?.isWritten(name, winner) !== true) {
        const reason = `gets the calls of ${name}, which ${losers.join(' and ')} also has: ${cure}`
        yield { key: `auto:${winner}/${name}`, reason }
      }
      for (const service of losers) {
        const why = named === undefined ? `${winner} has it too` : `a route document of ${named} names it`
        const reason = `gets no calls of ${name}, because ${why}: ${cure}`
        yield { key: `auto:${service}/${name}`, reason }
      }
    }
  }

  #autoRoute(service: string): Route | undefined {
    if (!this.#mayBeAutomatic(service)) return undefined
    return this.#autoRoutes.get(service) ?? this.#keep(service, createAutoRoute(service, this.#context))
  }

  /** Returns the automatic route of a gRPC service, such as `task.v1.Tasks`. */
  #autoGrpcRoute(name: string): Route | undefined {
    const services = this.#grpcNames?.servicesOf(name) ?? []
    if (services.length === 0) return undefined
    // A document may be meant to guard just this name.
    if (this.#named.has(name) || services.some(service => this.#isGuarded(service))) return undefined
    const service = services.find(each => this.#mayBeAutomatic(each))
    if (service === undefined) return undefined
    const key = `${service}/${name}`
    return this.#autoRoutes.get(key) ?? this.#keep(key, createAutoGrpcRoute(service, name, this.#context))
  }

  #mayBeAutomatic(service: string): boolean {
    if (!this.#isComplete || !this.#config.auto) return false
    return !this.#isGuarded(service) && this.#nodes.service(service) !== undefined
  }

  /** Whether a route document sets the rules of a service, or has set them. */
  #isGuarded(service: string): boolean {
    return this.#documented.has(service) || this.#former.has(service)
  }

  /** Keeps an automatic route until the process ends. A gateway sees few services, and a route is small. */
  #keep(key: string, route: Route): Route {
    this.#autoRoutes.set(key, route)
    return route
  }
}

/** Returns the gRPC services that a route document names. */
function namesIn({ grpc }: Route): string[] {
  if (grpc === undefined) return []
  const { allow = [], idempotent, rules = [] } = grpc
  const ofMethods = [...allow, ...idempotent].filter(method => method.includes('/'))
  // A selector is `package.Service.Method` or `package.Service/Method`.
  const ofRules = rules.flatMap(({ selector }) => selector ?? [])
  return [...ofMethods, ...ofRules].map(method => method.replace(/[./][^./]*$/, ''))
}
