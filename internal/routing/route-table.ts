import { hostMatches, normaliseHost } from './host-pattern.ts'
import type { Route } from './route.ts'
import { RouteBranch } from './route-branch.ts'

/** Stands for every method that no document names; empty, as no method is. */
const ANY_OTHER = ''

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
      // Any name the key stands for will do: documents that match one of them match all, because a more
      // specific pattern would have been chosen as the key instead.
      const example = key.startsWith('*.') ? `\0${key.slice(1)}` : key
      group = this.#group(example)
      this.#groups.set(key, group)
    }
    return group
  }

  /** @param host a name that the documents are for; '' = those without hosts */
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
