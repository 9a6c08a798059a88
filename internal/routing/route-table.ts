import {
  asksForClient,
  type CreateAddressTest,
  compileMatch,
  type MatchedRequest,
  specificityOf,
} from '../conditions.ts'
import { normaliseHost } from '../http/authority.ts'
import { demandsOf } from './demands.ts'
import { comparable } from './path-segments.ts'
import type { Route } from './route.ts'
import { patternsFor, type Respell, RouteBranch } from './route-branch.ts'
import { AnyMatch, type EntryConditions, FirstMatch, type PathEntry, type Search } from './route-search.ts'

/** Stands for every method that no document names. Empty, because no real method is. */
const ANY_OTHER = ''

export interface RouteTableOptions {
  /**
   * Returns the automatic route of a service; undefined when there is no such service or it has a document. Called for
   * each request with its first path segment, so that services may come and go without a new table.
   */
  readonly autoRoute?: (service: string) => Route | undefined
  /** An automatic route, whatever its service: all of them demand the same of clients. Undefined = there are none. */
  readonly autoExample?: Route | undefined
  /** Judges the addresses of clients for documents with such conditions. Default: such documents are an error. */
  readonly createAddressTest?: CreateAddressTest | undefined
}

/**
 * Finds the route of a request. Of the documents whose host, method, path and conditions match, the one with the most
 * specific path wins. Of equal paths, the highest priority wins, then the most specific host, then the most conditions, then
 * the most of them that are for an exact value, then the smallest id. A document for `/x/*` also matches `/x`, and one for
 * GET also matches HEAD.
 *
 * An automatic route `/<service>/*` competes by path like a document, and loses ties. A document that names the
 * request's host wins over it, whatever its path.
 *
 * A table is immutable: a change of documents makes a new one. That costs next to nothing, because each request builds
 * only what its own host, method and path need. So neither a change among ten thousand documents nor a thousand
 * consecutive changes delay requests, and each change takes effect at once.
 */
export class RouteTable {
  readonly documents: readonly Route[]
  /** Whether a document has conditions, so that {@link match} must be given the request. */
  readonly hasConditions: boolean
  readonly #autoRoute: (service: string) => Route | undefined
  readonly #createAddressTest: CreateAddressTest
  readonly #conditions = new WeakMap<Route, readonly EntryConditions[]>()
  readonly #methods: ReadonlySet<string>
  /** The documents that name a host, by its pattern. */
  readonly #byHost = new Map<string, Route[]>()
  #hasWildcards = false
  readonly #forAnyHost: Route[] = []
  readonly #groups = new Map<string, RouteBranch>()
  /** Those in which paths are compared in another spelling. */
  readonly #respelled = new Map<Respell, Map<RouteBranch, RouteBranch>>()
  readonly #defaultGroup: RouteBranch
  readonly #autoExample: Route | undefined
  #demandsDiffer: boolean | undefined
  /** Whether a document that demands something of clients has an upper-case letter in its path. */
  readonly hasGuardedUpperCase: boolean

  constructor(documents: readonly Route[], options: RouteTableOptions = {}) {
    this.documents = documents
    this.#autoRoute = options.autoRoute ?? (() => undefined)
    this.#autoExample = options.autoExample
    this.#createAddressTest = options.createAddressTest ?? noAddressTest
    this.hasConditions = documents.some(({ match }) => match !== undefined)
    const methods = new Set<string>()
    let hasGuardedUpperCase = false
    for (const route of documents) {
      if (route.hosts) this.#addToHosts(route, route.hosts)
      else this.#forAnyHost.push(route)
      for (const method of route.methods ?? []) methods.add(method)
      hasGuardedUpperCase ||= hasUpperCase(route.path) && demandsOf(route).some(demand => demand !== '')
    }
    this.hasGuardedUpperCase = hasGuardedUpperCase
    if (methods.has('GET')) methods.add('HEAD')
    this.#methods = methods
    this.#defaultGroup = this.#group('')
  }

  /** Whether routes differ in what they demand of clients, so that it matters which of them a path selects. */
  get demandsDiffer(): boolean {
    this.#demandsDiffer ??=
      new Set([...this.documents, ...(this.#autoExample ? [this.#autoExample] : [])].map(keyOfDemands)).size >
      1
    return this.#demandsDiffer
  }

  /**
   * Returns the route of a request; undefined when none matches.
   *
   * @param host the Host header as received; undefined matches only documents without hosts
   * @param path the canonical path, without the query
   * @param request needed when the table has conditions
   */
  match(method: string, host: string | undefined, path: string, request?: MatchedRequest): Route | undefined {
    const search = this.hasConditions ? firstMatch(request) : undefined
    return this.#routeOf(this.#groupOf(host), method, path, search)
  }

  /**
   * Returns every route that {@link match} has for some request with this method, host and path.
   *
   * @param respell two paths are equal whenever it makes them equal; undefined = whenever they are written alike
   */
  possible(method: string, host: string | undefined, path: string, respell?: Respell): Route[] {
    const group = respell ? this.#respelledGroup(host, respell) : this.#groupOf(host)
    const spelled = respell ? respell(path) : path
    if (!this.hasConditions) {
      const route = this.#routeOf(group, method, spelled, undefined)
      return route === undefined ? [] : [route]
    }
    const search = new AnyMatch()
    const end = this.#search(group, method, spelled, search)
    // The router does not ask about a pattern without conditions.
    const entries = new Set(end === undefined ? search.entries : [...search.entries, end])
    const autoRoute = this.#autoRoute(firstSegment(spelled))
    const routes = [...entries].map(each =>
      precedesAutoRoute(each) ? each.route : (autoRoute ?? each.route),
    )
    const reachesAutoRoute = end === undefined || !precedesAutoRoute(end)
    return autoRoute !== undefined && reachesAutoRoute ? [...routes, autoRoute] : routes
  }

  /** Returns the methods, sorted, for which {@link match} would find a document; for the Allow header. */
  allowedMethods(host: string | undefined, path: string, request?: MatchedRequest): string[] {
    const group = this.#groupOf(host)
    const isAllowed = (method: string) => {
      const search = this.hasConditions ? firstMatch(request) : undefined
      return this.#search(group, method, path, search) !== undefined && search?.isRefused !== true
    }
    return [...this.#methods].filter(isAllowed).sort()
  }

  #routeOf(group: RouteBranch, method: string, path: string, search: Search | undefined): Route | undefined {
    const end = this.#search(group, method, path, search)
    const route = search?.isRefused ? undefined : end?.route
    if (end !== undefined && precedesAutoRoute(end)) return route
    return this.#autoRoute(firstSegment(path)) ?? route
  }

  #search(
    group: RouteBranch,
    method: string,
    path: string,
    search: Search | undefined,
  ): PathEntry | undefined {
    return group.find(this.#methods.has(method) ? method : ANY_OTHER, comparable(path), search)
  }

  #respelledGroup(host: string | undefined, respell: Respell): RouteBranch {
    let groups = this.#respelled.get(respell)
    if (!groups) {
      groups = new Map()
      this.#respelled.set(respell, groups)
    }
    const written = this.#groupOf(host)
    let group = groups.get(written)
    if (!group) {
      group = written.respelled(respell)
      groups.set(written, group)
    }
    return group
  }

  #conditionsOf(route: Route): readonly EntryConditions[] {
    if (route.match === undefined) return UNCONDITIONAL
    let conditions = this.#conditions.get(route)
    if (!conditions) {
      conditions = route.match.map(rule => ({
        ...specificityOf(rule),
        holds: compileMatch(rule, this.#createAddressTest),
        asksForClient: asksForClient(rule),
      }))
      this.#conditions.set(route, conditions)
    }
    return conditions
  }

  #groupOf(host: string | undefined): RouteBranch {
    const key = this.#groupKey(host)
    if (key === '') return this.#defaultGroup
    let group = this.#groups.get(key)
    if (!group) {
      // Any name that the key covers will do. Documents that match one of these names match all of them, because a more
      // specific pattern would have been chosen as the key.
      group = this.#group(key.startsWith('*.') ? `\0${key.slice(1)}` : key)
      this.#groups.set(key, group)
    }
    return group
  }

  #addToHosts(route: Route, hosts: readonly string[]): void {
    for (const host of hosts) {
      this.#hasWildcards ||= host.startsWith('*')
      const others = this.#byHost.get(host)
      if (others) others.push(route)
      else this.#byHost.set(host, [route])
    }
  }

  /** Returns the most specific host of documents that covers a host; '' = none. */
  #groupKey(host: string | undefined): string {
    if (host === undefined || this.#byHost.size === 0) return ''
    const name = normaliseHost(host)
    if (this.#byHost.has(name)) return name
    return this.#hasWildcards ? (patternsFor(name).find(pattern => this.#byHost.has(pattern)) ?? '') : ''
  }

  #group(host: string): RouteBranch {
    // One request for each of many hosts must not look at all documents each time.
    const documents = () => [
      ...new Set(patternsFor(host).flatMap(pattern => this.#byHost.get(pattern) ?? [])),
      ...this.#forAnyHost,
    ]
    const conditionsOf = (route: Route) => this.#conditionsOf(route)
    return new RouteBranch({ host, documents, respell: asWritten, conditionsOf })
  }
}

const UNCONDITIONAL: readonly EntryConditions[] = [
  { holds: undefined, asksForClient: false, conditions: 0, exact: 0 },
]

function firstMatch(request: MatchedRequest | undefined): FirstMatch {
  if (!request) throw new TypeError('a table with conditions needs the request')
  return new FirstMatch(request)
}

function noAddressTest(): never {
  throw new TypeError('the table was made without a test of addresses')
}

/** Returns whether a document wins over the automatic route for a path. */
function precedesAutoRoute({ startsLiterally, route }: PathEntry): boolean {
  return startsLiterally || route.hosts !== undefined
}

/** Whether a literal segment of a document's path has an upper-case letter. */
function hasUpperCase(path: string): boolean {
  return UPPER_CASE.test(path) && UPPER_CASE.test(path.replace(/:[^/]+|%[0-9A-Fa-f]{2}/g, ''))
}

const UPPER_CASE = /[A-Z]/
const asWritten: Respell = path => path

function keyOfDemands(route: Route): string {
  return demandsOf(route).join('\n')
}

function firstSegment(path: string): string {
  const end = path.indexOf('/', 1)
  const segment = end === -1 ? path.slice(1) : path.slice(1, end)
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
