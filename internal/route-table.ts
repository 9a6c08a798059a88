import createRouter from 'find-my-way'
import { hostMatches, hostSpecificity, normaliseHost } from './host-pattern.ts'
import type { Route } from './route.ts'

type Router = createRouter.Instance<createRouter.HTTPVersion.V1>

/** Stands for every method that no document names; empty, as no method is. */
const ANY_OTHER = ''
/** What the routers call the one method each of them has. */
const ONLY_METHOD = 'GET'
/** So many documents may share a router: it compiles code for each path, which takes some 20 µs. */
const FEW = 64

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
 * Immutable: a change of documents is a new table. Making one costs next to nothing; a request builds what its own
 * host, method and path need of it. So neither a change among ten thousand documents nor a thousand changes in a row
 * hold requests up, and each change counts at once.
 */
export class RouteTable {
  readonly documents: readonly Route[]
  readonly #autoRoute: (service: string) => Route | undefined
  readonly #methods: ReadonlySet<string>
  readonly #exactHosts: ReadonlySet<string>
  /** `.example.org` for `*.example.org`, longest first. */
  readonly #wildcardSuffixes: readonly string[]
  readonly #groups = new Map<string, Branch>()
  readonly #defaultGroup: Branch

  constructor(documents: readonly Route[], { autoRoute = () => undefined }: RouteTableOptions = {}) {
    this.documents = documents
    this.#autoRoute = autoRoute
    const hosts = new Set<string>()
    const methods = new Set<string>()
    for (const route of documents) {
      for (const host of route.hosts ?? []) hosts.add(host)
      for (const method of route.methods ?? []) methods.add(method)
    }
    if (methods.has('GET')) methods.add('HEAD')
    this.#methods = methods
    this.#exactHosts = new Set([...hosts].filter(host => !host.startsWith('*.')))
    this.#wildcardSuffixes = [...hosts]
      .filter(host => host.startsWith('*.'))
      .map(host => host.slice(1))
      .sort((a, b) => b.length - a.length)
    this.#defaultGroup = this.#group('')
  }

  /**
   * @param host the Host header as it came; undefined matches only documents without hosts
   * @param path the raw path, without query
   */
  match(method: string, host: string | undefined, path: string): Route | undefined {
    const found = this.#groupOf(host).find(this.#methods.has(method) ? method : ANY_OTHER, path)
    if (found && (found.startsLiterally || found.route.hosts !== undefined)) return found.route
    return this.#autoRoute(firstSegment(path)) ?? found?.route
  }

  /** The methods for which {@link match} would find a document here; for the Allow header. Sorted. */
  allowedMethods(host: string | undefined, path: string): string[] {
    const group = this.#groupOf(host)
    return [...this.#methods].filter(method => group.find(method, path)).sort()
  }

  #groupOf(host: string | undefined): Branch {
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
      group = this.#group(example)
      this.#groups.set(key, group)
    }
    return group
  }

  /** @param host a name that the documents are for; '' = those without hosts */
  #group(host: string): Branch {
    return new Branch(host, () => this.documents.filter(route => isFor(route, host)))
  }
}

/**
 * The documents for one host that a path may lead to. A few share routers; more are told apart by a hash of one
 * literal segment. A hash will do: the routers look at the whole path anyway, and what is not in them need not be
 * built. Nothing is done before the first request that comes this way.
 */
class Branch {
  readonly #host: string
  readonly #documents: () => readonly Route[]
  readonly #parent: Branch | undefined
  /** Which segment tells them apart. */
  #level: number
  /** By hash, as many as a power of two, or none; undefined = not told apart yet. */
  #children: readonly (Branch | undefined)[] | undefined
  /** The documents that are in no child. */
  #own: readonly Route[] = []
  /** By method. One router for all of them would refuse a method it does not know, and every other document with it. */
  readonly #routers = new Map<string, Router>()

  constructor(host: string, documents: () => readonly Route[], level = 0, parent?: Branch) {
    this.#host = host
    this.#documents = documents
    this.#level = level
    this.#parent = parent
  }

  /** What a request's path leads to, from the root. */
  find(method: string, path: string): PathEntry | undefined {
    // A literal segment is more specific than anything else in its place: what has more of them goes first.
    for (let branch: Branch | undefined = this.#reach(path); branch; branch = branch.#parent) {
      if (branch.#own.length === 0) continue
      const router = branch.#routers.get(method) ?? branch.#build(method)
      const found = router.find(ONLY_METHOD, path)
      if (found) return found.store as PathEntry
    }
    return undefined
  }

  /** The farthest branch on the way of a path. */
  #reach(path: string): Branch {
    let branch: Branch = this
    let children = this.#children ?? this.#open()
    if (children.length === 0) return this
    const isEscaped = path.includes('%')
    while (children.length > 0) {
      const from = startOfSegment(path, branch.#level)
      if (from === -1) break
      const hash = isEscaped ? hashOfSegment(decodedSegment(path, from), 0) : hashOfSegment(path, from)
      const child = children[hash & (children.length - 1)]
      if (!child) break
      branch = child
      children = child.#children ?? child.#open()
    }
    return branch
  }

  #open(): readonly (Branch | undefined)[] {
    const documents = this.#documents()
    this.#own = documents
    this.#children = []
    if (documents.length <= FEW) return this.#children
    const starts = documents.map(route => literalStart(route.path))
    const size = 2 ** Math.ceil(Math.log2((2 * documents.length) / FEW))
    for (let level = this.#level; ; level++) {
      const own: Route[] = []
      const parts = new Map<number, Route[]>()
      for (const [index, route] of documents.entries()) {
        const start = starts[index]!
        const from = startOfSegment(start, level)
        if (from === -1) {
          own.push(route)
          continue
        }
        const hash = hashOfSegment(start, from) & (size - 1)
        const part = parts.get(hash)
        if (part) part.push(route)
        else parts.set(hash, [route])
      }
      if (parts.size === 0) break
      // All of them may have this segment, such as `/api`: the next one tells more.
      if (own.length === 0 && parts.size === 1) continue
      this.#level = level
      this.#own = own
      this.#children = Array.from({ length: size }, (_, hash) => {
        const part = parts.get(hash)
        return part && new Branch(this.#host, () => part, level + 1, this)
      })
      break
    }
    return this.#children
  }

  #build(method: string): Router {
    const entries = new Map<string, PathEntry>()
    for (const route of this.#own) {
      if (route.methods && !methodsOf(route).includes(method)) continue
      for (const [pattern, implied] of patternsOf(route.path)) {
        const entry: PathEntry = { route, implied, startsLiterally: startsLiterally(route.path) }
        const rival = entries.get(pattern)
        if (!rival || compare(entry, rival, this.#host) < 0) entries.set(pattern, entry)
      }
    }
    const router = createRouter({
      caseSensitive: true,
      // The default of 100 answers 404 to a longer segment; the size of a target is limited elsewhere.
      maxParamLength: 65_536,
      querystringParser: () => NO_PARAMETERS,
    })
    for (const [pattern, entry] of entries) router.on(ONLY_METHOD, pattern, unused, entry)
    this.#routers.set(method, router)
    return router
  }
}

/** What stands behind one path pattern. */
interface PathEntry {
  readonly route: Route
  /** Whether the pattern is the `/x` that a document `/x/*` also matches. */
  readonly implied: boolean
  readonly startsLiterally: boolean
}

const SLASH = 47
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

/** The literal segments that a document's path starts with, as {@link decodedSegment} spells them; '' = none. */
function literalStart(path: string): string {
  const parameter = path.indexOf('/:')
  const start = parameter === -1 ? path : path.slice(0, parameter)
  const literal = start.endsWith('/*') ? start.slice(0, -2) : start
  if (literal === '/') return ''
  return literal.includes('%') ? decodedLiterals(literal).replaceAll('%', '%25') : literal
}

/** A segment of a request's path as the router compares it: a percent sign stays encoded. */
function decodedSegment(path: string, from: number): string {
  const slash = path.indexOf('/', from)
  const segment = slash === -1 ? path.slice(from) : path.slice(from, slash)
  if (!segment.includes('%')) return segment
  try {
    return decodeURI(segment.replaceAll('%25', '%2525'))
  } catch {
    // No router takes such a path.
    return segment
  }
}

/** Where the segment with this index starts; -1 = there is none. */
function startOfSegment(path: string, index: number): number {
  let from = path === '' ? -1 : 1
  for (let left = index; left > 0 && from !== -1; left--) {
    const slash = path.indexOf('/', from)
    from = slash === -1 ? -1 : slash + 1
  }
  return from
}

function hashOfSegment(path: string, from: number): number {
  let hash = 0
  for (let at = from; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code === SLASH) break
    hash = (hash * 31 + code) | 0
  }
  return hash
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

function isFor({ hosts }: Route, host: string): boolean {
  return !hosts || hosts.some(pattern => hostMatches(pattern, host))
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
