import { isDeepStrictEqual } from 'node:util'
import { closeRoute, mergeSets, type RouteContext } from '../../config/route/route-document.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { PolicySetEntry } from '../../discovery/key-state.ts'
import type { Route } from '../../internal/routing/route.ts'

/** Their documents, which are valid, by name. */
type Sets = ReadonlyMap<string, object>

type Merged = ReturnType<typeof mergeSets>

/** The last merged version of a route, and what it was merged with. */
interface Version {
  readonly route: Route
  readonly sets: Sets
  readonly context: Omit<RouteContext, 'origin'>
}

/**
 * The policy sets of the registry and of the configuration, merged into the routes that name them.
 *
 * A set that does not fit one of its routes is not used for any of them: its last good version stays. So does a set that was
 * deleted and is still named. A route that has never fitted its sets is closed, since they may be what protects it. So is one whose
 * last version does not fit the configuration of a reload.
 */
export class LivePolicySets {
  #ofConfig: Sets
  #context: Omit<RouteContext, 'origin'>
  /** Those of the registry, as they are there now, by name. */
  readonly #entries = new Map<string, PolicySetEntry>()
  /** Those that routes are merged with. */
  #inForce: Sets = new Map()
  /** The last merged version of each route, by id. */
  #merged: ReadonlyMap<string, Version> = new Map()
  /** What each route was merged to last, and with which sets: most changes leave nearly all of them as they are. */
  #outcomes = new WeakMap<
    Route,
    { readonly used: readonly (object | undefined)[]; readonly outcome: Merged }
  >()
  #problems: readonly KeyProblem[] = []

  constructor(ofConfig: Readonly<Record<string, object>>, context: Omit<RouteContext, 'origin'>) {
    this.#ofConfig = new Map(Object.entries(ofConfig))
    this.#context = context
  }

  /** Replaces what the configuration says. Takes effect with the next `merge`. */
  configure(ofConfig: Readonly<Record<string, object>>, context: Omit<RouteContext, 'origin'>): void {
    this.#ofConfig = new Map(Object.entries(ofConfig))
    this.#context = context
    this.#outcomes = new WeakMap()
  }

  /** Notes what the registry says. Takes effect with the next `merge`. */
  set(before: PolicySetEntry | undefined, after: PolicySetEntry | undefined): void {
    if (before) this.#entries.delete(before.name)
    if (after) this.#entries.set(after.name, after)
  }

  /** Returns why sets, or routes that name them, are not used as they are written. */
  problems(): readonly KeyProblem[] {
    return this.#problems
  }

  /** Merges the routes that name sets, and returns all routes in the same order. */
  merge(routes: readonly Route[]): readonly Route[] {
    const naming = routes.filter(route => route.sets !== undefined)
    if (naming.length === 0 && this.#entries.size === 0 && this.#inForce.size === 0) {
      this.#problems = []
      return routes
    }
    const problems: KeyProblem[] = []
    this.#inForce = this.#choose(naming, problems)
    const merged = new Map<string, Version>()
    const [sets, context] = [this.#inForce, this.#context]
    const result = routes.map(route => {
      if (route.sets === undefined) return route
      const outcome = this.#mergeWith(this.#inForce, route)
      if ('reason' in outcome) problems.push({ key: route.id, reason: outcome.reason })
      const known = this.#merged.get(route.id)
      const version =
        'route' in outcome ? { route: outcome.route, sets, context } : known && this.#again(known)
      if (version) merged.set(route.id, version)
      return version?.route ?? closeRoute(route)
    })
    this.#merged = merged
    this.#problems = problems
    return result
  }

  /** Merges a version again if the configuration is another than it was merged with. */
  #again(version: Version): Version {
    const { route, sets } = version
    if (version.context === this.#context) return version
    const outcome = mergeSets(route, sets, { ...this.#context, origin: route.origin })
    return { sets, context: this.#context, route: 'route' in outcome ? outcome.route : closeRoute(route) }
  }

  /** Returns the sets to use: those that are written, except where that would break a route that now works. */
  #choose(naming: readonly Route[], problems: KeyProblem[]): Sets {
    const written: Sets = new Map([
      ...this.#ofConfig,
      ...[...this.#entries.values()].map(({ name, document }) => [name, document as object] as const),
    ])
    const named = new Set(naming.flatMap(route => route.sets!.names))
    const gone = [...this.#inForce].filter(([name]) => named.has(name) && !written.has(name))
    for (const [name] of gone) {
      problems.push({
        key: `policies/${name}`,
        reason: 'policy set was deleted, and routes still name it: its last version stays in force',
      })
    }
    const wanted: Sets = new Map([...written, ...gone])
    const changed = [...this.#inForce]
      .filter(([name, before]) => wanted.has(name) && !isDeepStrictEqual(wanted.get(name), before))
      .map(([name]) => name)
    if (changed.length === 0 || this.#brokenBy(wanted, naming).length === 0) return wanted
    // Together they break something. Each counts alone.
    let chosen: Sets = new Map([...wanted, ...changed.map(name => [name, this.#inForce.get(name)!] as const)])
    for (const name of changed) {
      const tried = new Map([...chosen, [name, wanted.get(name)!]])
      const broken = this.#brokenBy(tried, naming)
      if (broken.length === 0) chosen = tried
      else problems.push(...broken.map(reason => ({ key: this.#keyOf(name), reason })))
    }
    return chosen
  }

  /** Merges one route, which need not be among those of the last `merge`, with the sets in force. */
  mergeOne(route: Route): Merged {
    return mergeSets(route, this.#inForce, { ...this.#context, origin: route.origin })
  }

  #keyOf(name: string): string {
    return this.#entries.get(name)?.key ?? `policies/${name}`
  }

  /** Returns why routes that fit the sets in force do not fit other sets. */
  #brokenBy(sets: Sets, naming: readonly Route[]): string[] {
    return naming.flatMap(route => {
      const outcome = this.#mergeWith(sets, route)
      if ('route' in outcome || 'reason' in this.#mergeWith(this.#inForce, route)) return []
      return `does not fit route ${route.id}, so its last version stays in force: ${outcome.reason}`
    })
  }

  #mergeWith(sets: Sets, route: Route): Merged {
    const used = route.sets!.names.map(name => sets.get(name))
    const known = this.#outcomes.get(route)
    if (known && used.every((set, index) => set === known.used[index])) return known.outcome
    const outcome = mergeSets(route, sets, { ...this.#context, origin: route.origin })
    this.#outcomes.set(route, { used, outcome })
    return outcome
  }
}
