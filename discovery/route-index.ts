import { isDeepStrictEqual } from 'node:util'
import type { Route } from '../internal/routing/route.ts'
import type { KeyState } from './key-state.ts'
import { NameFilter } from './name-filter.ts'
import { compareKeys } from './service-of.ts'

/** How many services without a document are remembered by name: the latest ones. */
const MAX_FORMER = 10_000

/**
 * Collects the routes and the blocked services from the keys that hold route documents, and remembers which services had a
 * document.
 */
export class RouteIndex {
  #routes: readonly Route[] = []
  #blocked: ReadonlySet<string> = new Set()
  #former: readonly string[] = []
  /** The services that have or had a document, the latest last. */
  readonly #documented = new Set<string>()
  /** The services that had a document and are no longer remembered by name; undefined = none. */
  #unlisted: NameFilter | undefined
  /** Whether services were recalled or forgotten since the last `gather`. */
  isStale = false
  /** How often `documented` or `unlisted` has changed. */
  documentedChanges = 0
  /** The services with a document that is not in the registry. */
  #elsewhere: ReadonlySet<string>

  /** @param elsewhere services with a document that is not in the registry */
  constructor(elsewhere: readonly string[] = []) {
    this.#elsewhere = new Set(elsewhere)
    this.recall(elsewhere)
  }

  /** Replaces the services with a document that is not in the registry. Takes effect with the next `gather`. */
  setElsewhere(services: readonly string[]): void {
    this.#elsewhere = new Set(services)
    this.recall(services)
  }

  /** Ordered by id. */
  get routes(): readonly Route[] {
    return this.#routes
  }

  /** Services that a rejected document names and that have no valid route. */
  get blocked(): ReadonlySet<string> {
    return this.#blocked
  }

  /** Services that had a document and have none now, ordered by name. */
  get former(): readonly string[] {
    return this.#former
  }

  /** Services that have or had a document, the latest last. */
  get documented(): readonly string[] {
    return [...this.#documented]
  }

  /** The text of the filter with the services that had a document and are no longer remembered by name. */
  get unlisted(): string | undefined {
    return this.#unlisted?.text
  }

  /** Whether there are services that had a document and are no longer remembered by name. */
  get hasUnlisted(): boolean {
    return this.#unlisted !== undefined
  }

  /** Whether a service may have had a document, although it is no longer remembered by name. */
  isUnlisted(service: string): boolean {
    return this.#unlisted?.has(service) === true
  }

  /**
   * Adds services that had a document. Takes effect with the next `gather`.
   *
   * @param unlisted the texts of filters with such services
   */
  recall(services: Iterable<string>, unlisted: readonly string[] = []): void {
    this.isStale = true
    for (const service of services) this.#add(service)
    if (unlisted.length === 0) return
    this.#unlisted = new NameFilter([...unlisted, ...(this.#unlisted ? [this.#unlisted.text] : [])])
    this.documentedChanges++
  }

  /** Forgets which services had a document. */
  forget(): void {
    this.#documented.clear()
    this.#unlisted = undefined
    this.recall(this.#elsewhere)
    this.documentedChanges++
  }

  /** Collects everything again. Returns whether anything has changed. */
  gather(states: readonly KeyState[]): boolean {
    this.isStale = false
    const routes = states.flatMap(state => state.route ?? []).sort((a, b) => compareKeys(a.id, b.id))
    const routed = new Set(routes.map(route => route.service))
    const named = states.flatMap(state => state.names ?? []).filter(service => !routed.has(service))
    const blocked = new Set(named.sort(compareKeys))
    for (const { route, names, suspectSince } of states) {
      // What the registry no longer says is known from before, or was to be forgotten.
      if (suspectSince === undefined) for (const each of [route?.service, names]) if (each) this.#touch(each)
    }
    const former = this.#formerOf(new Set([...this.#elsewhere, ...routed, ...blocked]))
    const [before, after] = [
      [this.#routes, this.#blocked, this.#former],
      [routes, blocked, former],
    ]
    if (isDeepStrictEqual(before, after)) return false
    this.#routes = routes
    this.#blocked = blocked
    this.#former = former
    return true
  }

  #formerOf(present: ReadonlySet<string>): string[] {
    const former = [...this.#documented].filter(service => !present.has(service))
    const excess = former.splice(0, Math.max(0, former.length - MAX_FORMER))
    for (const service of excess) {
      this.#documented.delete(service)
      this.#unlisted ??= new NameFilter()
      this.#unlisted.add(service)
      this.documentedChanges++
    }
    return former.sort(compareKeys)
  }

  /** Notes a service as the latest with a document. */
  #touch(service: string): void {
    if (this.#documented.delete(service)) this.#documented.add(service)
    else this.#add(service)
  }

  #add(service: string): void {
    if (this.#documented.has(service)) return
    this.#documented.add(service)
    this.documentedChanges++
  }
}
