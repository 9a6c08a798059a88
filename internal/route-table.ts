import createRouter from 'find-my-way'
import { hostMatches, hostSpecificity, normaliseHost } from './host-pattern.ts'
import type { Route } from './route.ts'

type Router = createRouter.Instance<createRouter.HTTPVersion.V1>
type RouterMethod = createRouter.HTTPMethod

/** Stands for every method that no document names. */
const ANY_OTHER: RouterMethod = 'BIND'

export interface RouteTableOptions {
  /**
   * The route of a service that has no document of its own, or undefined when there is no such service.
   * Asked per request with the first path segment, so that services may come and go without the table
   * being built again.
   */
  readonly autoRoute?: (service: string) => Route | undefined
}

/**
 * Finds the route of a request: of the documents whose host, method and path match, the one with the most
 * specific path; of those with the same path the highest priority, then the most specific host, then the
 * smallest id. A document `/x/*` also matches `/x`, one for GET also HEAD.
 *
 * An automatic route `/<service>/*` competes by path like a document and loses ties; a document that names
 * the request's host beats it whatever its path.
 *
 * Immutable: a change of documents is a new table. Routers are built on first use per host group.
 */
export class RouteTable {
  readonly documents: readonly Route[]
  readonly #autoRoute: (service: string) => Route | undefined
  readonly #methods: ReadonlySet<string>
  readonly #exactHosts: ReadonlySet<string>
  /** `.example.org` for `*.example.org`, longest first. */
  readonly #wildcardSuffixes: readonly string[]
  readonly #groups = new Map<string, Router>()
  readonly #defaultGroup: Router

  constructor(documents: readonly Route[], { autoRoute = () => undefined }: RouteTableOptions = {}) {
    this.documents = documents
    this.#autoRoute = autoRoute
    const hosts = new Set(documents.flatMap(route => route.hosts ?? []))
    this.#methods = new Set(documents.flatMap(methodsOf))
    this.#exactHosts = new Set([...hosts].filter(host => !host.startsWith('*.')))
    this.#wildcardSuffixes = [...hosts]
      .filter(host => host.startsWith('*.'))
      .map(host => host.slice(1))
      .sort((a, b) => b.length - a.length)
    this.#defaultGroup = this.#build(documents.filter(route => route.hosts === undefined))
  }

  /**
   * @param host the Host header as it came; undefined matches only documents without hosts
   * @param path the raw path, without query
   */
  match(method: string, host: string | undefined, path: string): Route | undefined {
    const treeMethod = this.#methods.has(method) ? (method as RouterMethod) : ANY_OTHER
    const found = this.#groupOf(host).find(treeMethod, path)?.store as PathEntry | undefined
    if (found && (found.literalStart || found.route.hosts !== undefined)) return found.route
    return this.#autoRoute(firstSegment(path)) ?? found?.route
  }

  /** The methods for which {@link match} would find a document here; for the Allow header. Sorted. */
  allowedMethods(host: string | undefined, path: string): string[] {
    const group = this.#groupOf(host)
    return [...this.#methods].filter(method => group.find(method as RouterMethod, path)).sort()
  }

  #groupOf(host: string | undefined): Router {
    if (host === undefined || (this.#exactHosts.size === 0 && this.#wildcardSuffixes.length === 0)) {
      return this.#defaultGroup
    }
    const name = normaliseHost(host)
    let key: string | undefined
    if (this.#exactHosts.has(name)) key = name
    else {
      const suffix = this.#wildcardSuffixes.find(end => name.length > end.length && name.endsWith(end))
      if (suffix !== undefined) key = `*${suffix}`
    }
    if (key === undefined) return this.#defaultGroup
    let group = this.#groups.get(key)
    if (!group) {
      // Any name the key stands for will do: documents that match one of them match all, because a more
      // specific pattern would have been chosen as the key instead.
      const example = key.startsWith('*.') ? `\0${key.slice(1)}` : key
      group = this.#build(
        this.documents.filter(route => !route.hosts || route.hosts.some(pattern => hostMatches(pattern, example))),
      )
      this.#groups.set(key, group)
    }
    return group
  }

  #build(routes: readonly Route[]): Router {
    const router = createRouter({
      caseSensitive: true,
      // The default of 100 answers 404 to a longer segment; the size of a target is limited elsewhere.
      maxParamLength: 65_536,
      querystringParser: () => NO_PARAMETERS,
    })
    for (const method of [...this.#methods, ANY_OTHER]) {
      const entries = new Map<string, PathEntry>()
      for (const route of routes) {
        if (route.methods && !methodsOf(route).includes(method)) continue
        for (const [pattern, implied] of patternsOf(route.path)) {
          const entry: PathEntry = { route, implied, literalStart: startsLiterally(route.path) }
          const rival = entries.get(pattern)
          if (!rival || compare(entry, rival) < 0) entries.set(pattern, entry)
        }
      }
      for (const [pattern, entry] of entries) router.on(method as RouterMethod, pattern, unused, entry)
    }
    return router
  }
}

/** What stands behind one path pattern. */
interface PathEntry {
  readonly route: Route
  /** Whether the pattern is the `/x` that a document `/x/*` also matches. */
  readonly implied: boolean
  readonly literalStart: boolean
}

const NO_PARAMETERS = {}
const unused = () => {}

/** Patterns of the router for a document's path; parameter names do not matter for matching. */
function patternsOf(path: string): (readonly [pattern: string, implied: boolean])[] {
  let index = 0
  const pattern = path.replace(/:[^/]+/g, () => `:p${index++}`)
  if (!pattern.endsWith('/*') || pattern === '/*') return [[pattern, false]]
  return [
    [pattern, false],
    [pattern.slice(0, -2), true],
  ]
}

function methodsOf(route: Route): readonly string[] {
  const methods = route.methods ?? []
  return methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods
}

function compare(a: PathEntry, b: PathEntry): number {
  return (
    Number(a.implied) - Number(b.implied) ||
    b.route.priority - a.route.priority ||
    hostSpecificity(b.route.hosts) - hostSpecificity(a.route.hosts) ||
    (a.route.id < b.route.id ? -1 : 1)
  )
}

function startsLiterally(path: string): boolean {
  return path !== '/*' && !path.startsWith('/:')
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
