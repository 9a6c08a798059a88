import { hostMatches, normaliseHost } from './host-pattern.ts'
import type { Route } from './route.ts'
import { RouteBranch } from './route-branch.ts'

/** Stands for every method that no document names. Empty, because no real method is. */
const ANY_OTHER = ''

export interface RouteTableOptions {
  /**
   * Returns the automatic route of a service; undefined when there is no such service or it has a document. Called for
   * each request with its first path segment, so that services may come and go without a new table.
   */
  readonly autoRoute?: (service: string) => Route | undefined
}

/**
 * Finds the route of a request. Of the documents whose host, method and path match, the one with the most specific path
 * wins. Of equal paths, the highest priority wins, then the most specific host, then the smallest id. A document for
 * `/x/*` also matches `/x`, and one for GET also matches HEAD.
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
  readonly #autoRoute: (service: string) => Route | undefined
  readonly #methods: ReadonlySet<string>
  readonly #exactHosts: ReadonlySet<string>
  /** `.example.org` for `*.example.org`, longest first. */
  readonly #wildcardSuffixes: readonly string[]
  readonly #groups = new Map<string, RouteBranch>()
  readonly #defaultGroup: RouteBranch

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
   * Returns the route of a request; undefined when none matches.
   *
   * @param host the Host header as received; undefined matches only documents without hosts
   * @param path the raw path, without the query
   */
  match(method: string, host: string | undefined, path: string): Route | undefined {
    const found = this.#groupOf(host).find(this.#methods.has(method) ? method : ANY_OTHER, path)
    if (found && (found.startsLiterally || found.route.hosts !== undefined)) return found.route
    return this.#autoRoute(firstSegment(path)) ?? found?.route
  }

  /** Returns the methods, sorted, for which {@link match} would find a document; for the Allow header. */
  allowedMethods(host: string | undefined, path: string): string[] {
    const group = this.#groupOf(host)
    return [...this.#methods].filter(method => group.find(method, path)).sort()
  }

  #groupOf(host: string | undefined): RouteBranch {
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
      // Any name that the key covers will do. Documents that match one of these names match all of them, because a more
      // specific pattern would have been chosen as the key.
      const example = key.startsWith('*.') ? `\0${key.slice(1)}` : key
      group = this.#group(example)
      this.#groups.set(key, group)
    }
    return group
  }

  /** @param host a name that the documents match; '' = documents without hosts */
  #group(host: string): RouteBranch {
    return new RouteBranch(host, () => this.documents.filter(route => isFor(route, host)))
  }
}

function isFor({ hosts }: Route, host: string): boolean {
  return !hosts || hosts.some(pattern => hostMatches(pattern, host))
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
