import { createAutoGrpcRoute, createAutoRoute, type RouteContext } from '../../config/route/route-document.ts'
import type { Logger } from '../../discovery/logger.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import type { NodeTable, WholeService } from '../../internal/nodes/node-table.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { GrpcNames } from './grpc-names.ts'

export interface AutoRoutesOptions {
  /** Whether there are any at all. */
  readonly isOn: boolean
  readonly nodes: NodeTable
  /** What every route is completed with, and every document judged. */
  readonly context: Omit<RouteContext, 'origin'>
  /** The gRPC services that get automatic routes; undefined = none do. */
  readonly grpcNames?: GrpcNames | undefined
  readonly logger: Logger
}

/** How many services a log line names. */
const MAX_NAMED = 10

/**
 * The routes that services have as long as no route document sets their rules. A service that has had a document gets none
 * either: a document that is lost must open nothing.
 */
export class AutoRoutes {
  #options: AutoRoutesOptions
  /** Those that were asked for, by name. They go with their service, of which a gateway may see many. */
  #routes = new WeakMap<WholeService, Map<string, Route>>()
  /** Services that have a route document, valid or not. */
  #documented: ReadonlySet<string> = new Set()
  /** Services that had a route document and have none now. */
  #former: ReadonlySet<string> = new Set()
  #isUnlisted: (service: string) => boolean = () => false
  /** The gRPC services that route documents name, and the service of the document. */
  #named: ReadonlyMap<string, string> = new Map()
  #isComplete = false

  constructor(options: AutoRoutesOptions) {
    this.#options = options
  }

  /** Replaces what the configuration says about them. */
  configure(settings: Pick<AutoRoutesOptions, 'isOn' | 'context'>): void {
    this.#options = { ...this.#options, ...settings }
    this.#routes = new WeakMap()
  }

  /** Whether every source of the registry is loaded. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /**
   * Replaces what route documents say about services, and logs the services whose automatic routes end.
   *
   * @param blocked services with a document that cannot be used
   * @param former services that had a document and have none now
   * @param isUnlisted whether a service is another of these, which are too many to list
   */
  update(
    documents: readonly Route[],
    blocked: Iterable<string>,
    former: Iterable<string>,
    isUnlisted: (service: string) => boolean,
  ): void {
    this.#isUnlisted = isUnlisted
    const [documented, formerly] = [this.#documented, this.#former]
    this.#documented = new Set(
      [...documents.map(route => route.service), ...blocked].filter(name => name !== ''),
    )
    this.#former = new Set(former)
    this.#named = new Map(documents.flatMap(route => namesIn(route).map(name => [name, route.service])))
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
    this.#options.grpcNames?.started()
    this.#reportFormer(new Set())
  }

  /** Returns all of them, ordered by id. */
  all(): readonly Route[] {
    const { nodes, grpcNames } = this.#options
    const names = [...(grpcNames?.entries() ?? [])].map(([name]) => name)
    return [
      ...[...nodes.services()].map(service => this.of(service.name)),
      ...names.map(name => this.ofGrpc(name)),
    ]
      .filter(route => route !== undefined)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Returns the automatic route of a service. */
  of(service: string): Route | undefined {
    if (!this.#mayHaveOne(service)) return undefined
    return this.#kept(service, service, () => createAutoRoute(service, this.#options.context))
  }

  /** Returns the automatic route of a gRPC service, such as `task.v1.Tasks`. */
  ofGrpc(name: string): Route | undefined {
    const services = this.#options.grpcNames?.servicesOf(name) ?? []
    if (services.length === 0) return undefined
    // A document may be meant to guard just this name.
    if (this.#named.has(name) || services.some(service => this.#isGuarded(service))) return undefined
    const service = services.find(each => this.#mayHaveOne(each))
    if (service === undefined) return undefined
    return this.#kept(service, `${service}/${name}`, () =>
      createAutoGrpcRoute(service, name, this.#options.context),
    )
  }

  /** Returns the services with nodes that get none because they had a document and have none now. */
  formerServices(): readonly string[] {
    if (!this.#options.isOn) return []
    const names = Array.from(this.#options.nodes.services(), ({ name }) => name)
    return names.filter(name => !this.#documented.has(name) && this.#isGuarded(name)).sort()
  }

  isDocumented(service: string): boolean {
    return this.#documented.has(service)
  }

  /** Returns the service of the document that names a gRPC service. */
  namedBy(name: string): string | undefined {
    return this.#named.get(name)
  }

  #mayHaveOne(service: string): boolean {
    if (!this.#isComplete || !this.#options.isOn) return false
    return !this.#isGuarded(service) && this.#options.nodes.service(service) !== undefined
  }

  /** Whether a route document sets the rules of a service, or has set them. */
  #isGuarded(service: string): boolean {
    return this.#documented.has(service) || this.#former.has(service) || this.#isUnlisted(service)
  }

  #present(services: Iterable<string>): readonly string[] {
    return [...services].filter(service => this.#options.nodes.service(service) !== undefined)
  }

  #reportFormer(known: ReadonlySet<string>): void {
    const added = [...this.#former].filter(service => !known.has(service))
    this.#report(added, 'no automatic route: the service had a route document and has none now')
  }

  /** Logs that services have no automatic route. Those without a node would have none anyway. */
  #report(services: readonly string[], message: string): void {
    const present = this.#options.isOn ? this.#present(services) : []
    if (present.length === 0) return
    this.#options.logger.warn({ services: present.slice(0, MAX_NAMED), count: present.length }, message)
  }

  /** Returns the route of a service that has nodes, which is made once. */
  #kept(service: string, key: string, create: () => Route): Route {
    const present = this.#options.nodes.service(service)!
    const routes = getOrMake(this.#routes, present, () => new Map<string, Route>())
    return getOrMake(routes, key, create)
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
