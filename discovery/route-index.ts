import { isDeepStrictEqual } from 'node:util'
import type { Route } from '../internal/routing/route.ts'
import type { KeyState } from './key-state.ts'
import { compareKeys } from './service-of.ts'

/** How many services without a document are remembered: the latest ones. */
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
  /** How often `documented` has got another member. */
  documentedChanges = 0
  /** The services with a document that is not in the registry. */
  readonly #elsewhere: ReadonlySet<string>

  /** @param elsewhere services with a document that is not in the registry */
  constructor(elsewhere: readonly string[] = []) {
    this.#elsewhere = new Set(elsewhere)
    this.recall(elsewhere)
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

  /** Adds services that had a document. Takes effect with the next `gather`. */
  recall(services: Iterable<string>): void {
    for (const service of services) this.#add(service)
  }

  /** Collects everything again. Returns whether anything has changed. */
  gather(states: readonly KeyState[]): boolean {
    const routes = states.flatMap(state => state.route ?? []).sort((a, b) => compareKeys(a.id, b.id))
    const routed = new Set(routes.map(route => route.service))
    const named = states.flatMap(state => state.names ?? []).filter(service => !routed.has(service))
    const blocked = new Set(named.sort(compareKeys))
    const former = this.#formerOf(routed, blocked)
    if (
      isDeepStrictEqual(routes, this.#routes) &&
      isDeepStrictEqual(blocked, this.#blocked) &&
      isDeepStrictEqual(former, this.#former)
    ) {
      return false
    }
    this.#routes = routes
    this.#blocked = blocked
    this.#former = former
    return true
  }

  #formerOf(routed: ReadonlySet<string>, blocked: ReadonlySet<string>): string[] {
    for (const services of [this.#elsewhere, routed, blocked]) {
      for (const service of services) {
        if (this.#documented.delete(service)) this.#documented.add(service)
        else this.#add(service)
      }
    }
    const present = new Set([...this.#elsewhere, ...routed, ...blocked])
    const former = [...this.#documented].filter(service => !present.has(service))
    for (const service of former.splice(0, Math.max(0, former.length - MAX_FORMER)))
      this.#documented.delete(service)
    return former.sort(compareKeys)
  }

  #add(service: string): void {
    if (this.#documented.has(service)) return
    this.#documented.add(service)
    this.documentedChanges++
  }
}
