import createRouter from 'find-my-way'
import { hostMatches, hostSpecificity, normaliseHost } from './host-pattern.ts'
import type { Route } from './route.ts'

type Router = createRouter.Instance<createRouter.HTTPVersion.V1>

/**
 * The routers of one host group, by method. One router for all of them would refuse a method it does not
 * know, and with it every other document.
 */
type Group = ReadonlyMap<string, Router>

/** Stands for every method that no document names; not a method itself. */
const ANY_OTHER = '*'
/** What the routers call the one method each of them has. */
const ONLY_METHOD = 'GET'

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
  readonly #groups = new Map<string, Group>()
  readonly #defaultGroup: Group

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
    this.#defaultGroup = this.#build(
      documents.filter(route => route.hosts === undefined),
      '',
    )
  }

  /**
   * @param host the Host header as it came; undefined matches only documents without hosts
   * @param path the raw path, without query
   */
  match(method: string, host: string | undefined, path: string): Route | undefined {
    const group = this.#groupOf(host)
    const router = group.get(method) ?? group.get(ANY_OTHER)!
    const found = router.find(ONLY_METHOD, path)?.store as PathEntry | undefined
    if (found && (found.literalStart || found.route.hosts !== undefined)) return found.route
    return this.#autoRoute(firstSegment(path)) ?? found?.route
  }

  /** The methods for which {@link match} would find a document here; for the Allow header. Sorted. */
  allowedMethods(host: string | undefined, path: string): string[] {
    const group = this.#groupOf(host)
    return [...this.#methods].filter(method => group.get(method)!.find(ONLY_METHOD, path)).sort()
  }

  #groupOf(host: string | undefined): Group {
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
        this.documents.filter(
          route => !route.hosts || route.hosts.some(pattern => hostMatches(pattern, example)),
        ),
        example,
      )
      this.#groups.set(key, group)
    }
    return group
  }

  #build(routes: readonly Route[], host: string): Group {
    const group = new Map<string, Router>()
    for (const method of [...this.#methods, ANY_OTHER]) {
      const entries = new Map<string, PathEntry>()
      for (const route of routes) {
        if (route.methods && !methodsOf(route).includes(method)) continue
        for (const [pattern, implied] of patternsOf(route.path)) {
          const entry: PathEntry = { route, implied, literalStart: startsLiterally(route.path) }
          const rival = entries.get(pattern)
          if (!rival || compare(entry, rival, host) < 0) entries.set(pattern, entry)
        }
      }
      const router = createRouter({
        caseSensitive: true,
        // The default of 100 answers 404 to a longer segment; the size of a target is limited elsewhere.
        maxParamLength: 65_536,
        querystringParser: () => NO_PARAMETERS,
      })
      for (const [pattern, entry] of entries) router.on(ONLY_METHOD, pattern, unused, entry)
      group.set(method, router)
    }
    return group
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
  const pattern = decodedLiterals(path).replace(/:[^/]+/g, () => `:p${index++}`)
  if (!pattern.endsWith('/*') || pattern === '/*') return [[pattern, false]]
  return [
    [pattern, false],
    [pattern.slice(0, -2), true],
  ]
}

/** The router decodes a path before it looks at it, and takes a pattern as already decoded. */
function decodedLiterals(path: string): string {
  if (!path.includes('%')) return path
  try {
    // An encoded asterisk must not become a wildcard.
    return decodeURI(path.replace(/%2a/gi, '%252A'))
  } catch {
    return path
  }
}

function methodsOf(route: Route): readonly string[] {
  const methods = route.methods ?? []
  return methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods
}

function compare(a: PathEntry, b: PathEntry, host: string): number {
  return (
    Number(a.implied) - Number(b.implied) ||
    b.route.priority - a.route.priority ||
    hostSpecificity(b.route.hosts, host) - hostSpecificity(a.route.hosts, host) ||
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
