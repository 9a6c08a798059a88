import createRouter from 'find-my-way'
import { hashOfSegment, literalStart, routerPattern, startOfSegment } from './path-segments.ts'
import type { Route } from './route.ts'
import { type EntryConditions, type PathEntry, Search } from './route-search.ts'

type Router = createRouter.Instance<createRouter.HTTPVersion.V1>

/** The method name used inside the routers, each of which serves a single method. */
const ONLY_METHOD = 'GET'
/** Up to this many documents share a router. It compiles code for each path, which takes some 20 µs. */
const MAX_SHARED = 64

/** Returns another spelling of a path. */
export type Respell = (path: string) => string

/** Which documents a branch has, and how their paths are spelled in it. */
export interface BranchContent {
  /** A name that the documents match; '' = documents without hosts. */
  readonly host: string
  readonly documents: () => readonly Route[]
  /** Spells the paths of documents as those of requests to this branch are spelled. */
  readonly respell: Respell
  /** Compiles the conditions of a document, each member of a list for itself. */
  readonly conditionsOf: (route: Route) => readonly EntryConditions[]
}

/** A pattern of a document. */
interface OwnPlace extends Omit<PathEntry, keyof EntryConditions> {
  readonly pattern: string
}

/**
 * The documents for one host that a path may lead to. A few documents share routers; more are divided among child
 * branches by the hash of one literal segment. Collisions do no harm, because the routers compare the whole path.
 * Nothing is built before the first request for the branch.
 */
export class RouteBranch {
  readonly #content: BranchContent
  readonly #parent: RouteBranch | undefined
  /** The index of the segment by which documents are divided. */
  #level: number
  /** The children by hash; their number is a power of two, or 0. Undefined = not divided yet. */
  #children: readonly (RouteBranch | undefined)[] | undefined
  /** The documents that belong to no child. */
  #own: readonly Route[] = []
  /** What the own documents have in the routers. */
  #places: readonly OwnPlace[] | undefined
  /**
   * By method; null when no document takes it. A single router would throw on a method that it does not know, and take all
   * other documents with it.
   */
  readonly #routers = new Map<string, Router | null>()
  /** Those for paths that end with a slash. No parameter matches the empty segment behind it. */
  readonly #slashRouters = new Map<string, Router | null>()
  /** By the places in it. Most methods have the same documents, and with thousands of hosts, routers take the most memory. */
  readonly #built = new Map<string, Router>()

  constructor(content: BranchContent, level = 0, parent?: RouteBranch) {
    this.#content = content
    this.#level = level
    this.#parent = parent
  }

  /** Returns the root of the same documents in another spelling, which is this one when none is spelled differently. */
  respelled(respell: Respell): RouteBranch {
    const documents = this.#content.documents()
    if (documents.every(({ path }) => respell(path) === path)) return this
    return new RouteBranch({ ...this.#content, documents: () => documents, respell })
  }

  /**
   * Finds the document for a request. Call it on the root.
   *
   * @param path in the form of `comparable`
   * @param search judges the documents with conditions; undefined when the table has none
   * @returns the entry where the search ended, which has no route for the request if `search.isRefused`
   */
  find(method: string, path: string, search: Search | undefined): PathEntry | undefined {
    const endsWithSlash = path.length > 1 && path.charCodeAt(path.length - 1) === SLASH
    // Literal segments are more specific than anything else in their place, so the deepest branch is searched first.
    for (let branch: RouteBranch | undefined = this.#reach(path); branch; branch = branch.#parent) {
      if (branch.#own.length === 0) continue
      const routers = endsWithSlash ? branch.#slashRouters : branch.#routers
      let router = routers.get(method)
      if (router === undefined) {
        router = branch.#routerFor(method, endsWithSlash)
        routers.set(method, router)
      }
      const found = router?.find(ONLY_METHOD, path, search?.constraints)
      if (found) return search?.end ?? (found.store as PathEntry)
    }
    return undefined
  }

  /** Returns the deepest branch that the path leads to. */
  #reach(path: string): RouteBranch {
    let branch: RouteBranch = this
    let children = this.#children ?? this.#open()
    if (children.length === 0) return this
    while (children.length > 0) {
      const from = startOfSegment(path, branch.#level)
      if (from === -1) break
      const child = children[hashOfSegment(path, from) & (children.length - 1)]
      if (!child) break
      branch = child
      children = child.#children ?? child.#open()
    }
    return branch
  }

  #open(): readonly (RouteBranch | undefined)[] {
    const { documents: list, respell } = this.#content
    const documents = list()
    this.#own = documents
    this.#children = []
    if (documents.length <= MAX_SHARED) return this.#children
    const starts = documents.map(route => literalStart(respell(route.path)))
    const size = 2 ** Math.ceil(Math.log2((2 * documents.length) / MAX_SHARED))
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
      // When all documents have the same segment, such as `/api`, the next one divides better.
      if (own.length === 0 && parts.size === 1) continue
      this.#level = level
      this.#own = own
      this.#children = Array.from({ length: size }, (_, hash) => {
        const part = parts.get(hash)
        return part && new RouteBranch({ ...this.#content, documents: () => part }, level + 1, this)
      })
      break
    }
    return this.#children
  }

  /** Returns null when no document takes the method. */
  #routerFor(method: string, endsWithSlash: boolean): Router | null {
    this.#places ??= this.#own.flatMap(route =>
      patternsOf(this.#content.respell(route.path)).map(([pattern, implied]) => ({
        ...{ route, pattern, implied },
        startsLiterally: startsLiterally(route.path),
      })),
    )
    const taken: number[] = []
    for (const [index, { route, pattern }] of this.#places.entries()) {
      if (route.methods && !methodsOf(route).includes(method)) continue
      if (!endsWithSlash || !ENDS_WITH_PARAMETER.test(pattern)) taken.push(index)
    }
    if (taken.length === 0) return null
    const key = taken.join()
    let router = this.#built.get(key)
    if (router === undefined) {
      router = this.#build(taken.map(index => this.#places![index]!))
      this.#built.set(key, router)
    }
    return router
  }

  #build(places: readonly OwnPlace[]): Router {
    const { host, conditionsOf } = this.#content
    const patterns = new Map<string, PathEntry[]>()
    for (const { pattern, ...place } of places) {
      const entries = patterns.get(pattern) ?? []
      for (const conditions of conditionsOf(place.route)) entries.push({ ...place, ...conditions })
      patterns.set(pattern, entries)
    }
    const router = createRouter({
      caseSensitive: true,
      // With the default of 100, longer segments are not found. The length of a target is limited elsewhere.
      maxParamLength: 65_536,
      querystringParser: () => NO_PARAMETERS,
      constraints: { conditions: CONDITIONS },
    })
    for (const [pattern, entries] of patterns) {
      entries.sort((a, b) => compare(a, b, host))
      const last = entries.findIndex(entry => entry.holds === undefined)
      const reachable = last === -1 ? entries : entries.slice(0, last + 1)
      const constraints = last === 0 ? {} : { constraints: { conditions: reachable } }
      router.on(ONLY_METHOD, pattern, constraints, unused, reachable[0])
    }
    return router
  }
}

/**
 * Lets find-my-way ask a {@link Search} about a pattern whose documents have conditions. Without an answer, find-my-way goes
 * on to the next pattern, as it does after any constraint that is not met.
 */
const CONDITIONS: createRouter.ConstraintStrategy<createRouter.HTTPVersion.V1> = {
  name: 'conditions',
  // A handler of a pattern has its own storage, since it is the only one there.
  storage() {
    let entries: readonly PathEntry[] = []
    let handlers: createRouter.Handler<createRouter.HTTPVersion.V1> | null = null
    return {
      get: (asked: unknown) => {
        if (!(asked instanceof Search)) return null
        asked.end = asked.judge(entries)
        return asked.end === undefined ? null : handlers
      },
      set: (constraint: unknown, value) => {
        entries = constraint as readonly PathEntry[]
        handlers = value
      },
    }
  },
  deriveConstraint: () => '',
}

const NO_PARAMETERS = {}
const unused = () => {}
const SLASH = 47
const ENDS_WITH_PARAMETER = /\/:p\d+$/

/** Returns the router's patterns for a document's path. */
function patternsOf(path: string): (readonly [pattern: string, implied: boolean])[] {
  const pattern = routerPattern(path)
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

type Place = Pick<PathEntry, 'route' | 'implied' | 'conditions' | 'exact'>

/** What decides between the documents of one path pattern, the first of these that tells them apart. */
const ORDER: readonly {
  /** What the document that comes first has. */
  readonly has: string
  /** Below 0 when `a` comes first. */
  readonly compare: (a: Place, b: Place, host: string) => number
}[] = [
  { has: 'the path itself, not one below it', compare: (a, b) => Number(a.implied) - Number(b.implied) },
  { has: 'a higher priority', compare: (a, b) => b.route.priority - a.route.priority },
  {
    has: 'a more specific host',
    compare: (a, b, host) => hostSpecificity(b.route.hosts, host) - hostSpecificity(a.route.hosts, host),
  },
  { has: 'more conditions', compare: (a, b) => b.conditions - a.conditions },
  { has: 'more exact conditions', compare: (a, b) => b.exact - a.exact },
  { has: 'a smaller id', compare: (a, b) => compareIds(a.route.id, b.route.id) },
]

function compare(a: PathEntry, b: PathEntry, host: string): number {
  for (const rule of ORDER) {
    const order = rule.compare(a, b, host)
    if (order !== 0) return order
  }
  return 0
}

/** Returns what puts document `a` before document `b` of the same path pattern; undefined when nothing does. */
export function precedenceOver(a: Place, b: Place, host: string): string | undefined {
  return ORDER.find(rule => rule.compare(a, b, host) < 0)?.has
}

/** Returns 0 for members of one document, which keep their order. */
function compareIds(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function startsLiterally(path: string): boolean {
  return path !== '/*' && !path.startsWith('/:')
}

/** Whether a route's host pattern (a name, or `*.` and a name) covers a normalised host. */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  const suffix = pattern.slice(1)
  return host.length > suffix.length && host.endsWith(suffix)
}

/** Returns every pattern that covers a normalised host, the most specific first. A name has as many as it has labels. */
export function patternsFor(host: string): string[] {
  const patterns = [host]
  for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    patterns.push(`*${host.slice(dot)}`)
  }
  return patterns
}

/**
 * Returns how specifically a route's patterns cover a host. Larger is more specific: a name ranks before a wildcard, a
 * long wildcard before a short one, and a route without hosts last. Patterns that do not cover the host are ignored.
 */
function hostSpecificity(patterns: readonly string[] | undefined, host: string): number {
  if (!patterns) return 0
  const covering = patternsFor(host).find(pattern => patterns.includes(pattern))
  if (covering === undefined) return 0
  return covering.startsWith('*.') ? covering.length : 1_000 + covering.length
}
