import { isDeepStrictEqual } from 'node:util'
import type { Node } from '../internal/nodes/node.ts'
import type { Route } from '../internal/routing/route.ts'
import {
  type DirectorySource,
  type Gone,
  INITIAL_STATE,
  type SourceState,
  type Suspect,
} from './directory-source.ts'
import { DirectorySources } from './directory-sources.ts'
import { type KeyProblem, listProblems } from './key-problems.ts'
import {
  type Credential,
  type Descriptors,
  type EntryRules,
  type KeyState,
  NOTHING,
  type PolicySetEntry,
  type ReadOptions,
  readEntry,
  rereadState,
  shownNodes,
  type TlsEntry,
} from './key-state.ts'
import type {
  LastGood,
  RegistryEntry,
  RegistryEvent,
  RegistryScope,
  Remembered,
  RememberedSource,
} from './registry.ts'
import { createRecall, NOTHING_REMEMBERED } from './remembered.ts'
import { RouteIndex } from './route-index.ts'
import { ServiceIndex, sameNodes } from './service-index.ts'

/** Is called with what a key had and has now; undefined = nothing of this kind. */
type OnChange<T> = (before: T | undefined, after: T | undefined) => void

export interface DirectoryOptions extends EntryRules {
  /** Called before an entry is applied, which waits for the promise that is returned. */
  readonly prepare?: ((entry: RegistryEntry) => Promise<void> | undefined) | undefined
  /**
   * Called when the nodes of a service have changed. They are ordered by id; none means that the service is
   * gone.
   */
  readonly onNodes?: ((service: string, nodes: readonly Node[]) => void) | undefined
  /** Called when the routes, the blocked or the former services have changed. The routes are ordered by id. */
  readonly onRoutes?: ((routes: readonly Route[]) => void) | undefined
  /** Called when an API key or a revocation was added, changed or removed. */
  readonly onCredential?: OnChange<Credential>
  /** Called when descriptors of gRPC services were added, changed or removed. */
  readonly onDescriptors?: OnChange<Descriptors>
  /** Called when something that TLS for clients needs was added, changed or removed. */
  readonly onTls?: OnChange<TlsEntry>
  /** Called when a policy set was added, changed or removed. */
  readonly onPolicySet?: OnChange<PolicySetEntry>
  /** Called when the registry has another entry for a key than before, which may say the same; not for the first entries. */
  readonly onEntry?: ((change: EntryChange) => void) | undefined
  /**
   * For this long after a reconnect, deletes are counted together to detect a loss of the registry's data.
   * 0 turns the detection off. Default 60,000.
   */
  readonly doubtMs?: number | undefined
  /** What the process before this one has remembered. It is used while a source of the same store loads. */
  readonly remembered?: readonly RememberedSource[] | undefined
  /** Services that have a route document which is not in the registry. */
  readonly documented?: readonly string[] | undefined
}

/** What the registry had for a key and has now; undefined = it does not have the key. */
export interface EntryChange {
  /** The name of the source. */
  readonly source: string
  readonly scope: RegistryScope
  readonly key: string
  /** That of the event. */
  readonly revision: string
  readonly before: RegistryEntry | undefined
  readonly after: RegistryEntry | undefined
}

/** A route document of the registry. */
export type RouteEntry = Extract<RegistryEntry, { readonly kind: 'route' }>

type Report = (key: string, before: RegistryEntry | undefined, after: RegistryEntry | undefined) => void

/** The kinds of keys whose values are judged by settings that a reload can change. */
const REREAD_SCOPES = ['routes', 'api-keys', 'policies'] as const
const isReread = (scope: RegistryScope) => REREAD_SCOPES.some(each => each === scope)
const RECALLS_NOTHING: ReadOptions['recall'] = () => undefined
const LOST = 'the registry no longer has this route and may have lost it; in use until its grace period ends'

/**
 * Folds {@link RegistryEvent}s into the nodes, routes and credentials that the gateway works with. It has no
 * I/O and no timers. Callbacks run inside the call that applies an event, after the change is in place.
 *
 * - When a value does not decode, the last good nodes or route of its key stay in use while the key exists. The first
 *   snapshot of a source also brings those that an earlier process has remembered.
 * - A service that had a route document stays a former one when it has lost it.
 * - A snapshot replaces everything from its source. Entries that it repeats cause no callback.
 * - Keys that the registry seems to have lost (`mass-delete-guard.ts`) become suspect. They stay until the
 *   registry has them again or the caller calls `dismiss`.
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #sources: DirectorySources
  readonly #services = new ServiceIndex(
    key => shownNodes(this.#nodeKeys.get(key) ?? NOTHING),
    key => this.#nodeKeys.get(key)?.isLeased ?? false,
  )
  /** The keys of all sources of nodes. No key is in two sources. */
  readonly #nodeKeys = new Map<string, KeyState>()
  readonly #routes: RouteIndex
  readonly #problems = new Map<string, string>()
  #problemsVersion = 0
  #stepping = false

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.#sources = new DirectorySources({ doubtMs: options.doubtMs, now: () => performance.now() })
    this.#routes = new RouteIndex(options.documented)
  }

  /**
   * Applies an event in steps, so that a large one does not block the event loop. Between two steps each
   * service is in its state either before or after the event. A step that yields a promise waits for it: the
   * next one must not be taken before it has resolved. Do not apply another event until this one is done.
   */
  *steps(event: RegistryEvent): Generator<Promise<void> | void, void> {
    this.#stepping = true
    try {
      yield* this.#steps(event)
    } finally {
      this.#stepping = false
    }
  }

  /** Whether an event is being applied, so that some of it is in place and some is not. */
  get isStepping(): boolean {
    return this.#stepping
  }

  *#steps(event: RegistryEvent): Generator<Promise<void> | void, void> {
    const source = this.#sources.open(event.source, event.scope)
    switch (event.type) {
      case 'status':
        source.setConnected(event.connected, event.reason)
        return
      case 'snapshot': {
        const { revision, afterLoss, store } = event
        const entries: RegistryEntry[] = []
        for (const entry of event.entries) {
          entries.push(entry)
          yield
        }
        const present = new Set(entries.map(entry => entry.key))
        const keys = source.missing(present)
        const doubted = this.#doubted(source, { keys, whole: true, afterLoss })
        const recall = createRecall(event, source.state, this.#options.remembered)
        if (source.scope === 'routes') {
          // The copy on disk was not of this store, and a process that starts does not know of another one.
          if (source.state.restored && afterLoss) this.#routes.forget()
          this.#routes.recall(recall.documented, recall.unlisted)
        }
        const report = source.state.loaded ? this.#reporter(event) : undefined
        yield* this.#write(source, entries, keys, doubted, { revision, recall: recall.lastGood, report })
        const restored = event.from === 'disk'
        source.state = { ...source.state, loaded: true, restored, revision, store }
        return
      }
      case 'change': {
        const { revision, puts, deletes: keys } = event
        source.state = { ...source.state, revision }
        const doubted = this.#doubted(source, { keys, whole: false, afterLoss: false })
        const report = this.#reporter(event)
        yield* this.#write(source, puts, keys, doubted, { revision, recall: RECALLS_NOTHING, report })
        return
      }
      default:
        event satisfies never
    }
  }

  /**
   * Reads routes, API keys and policy sets again, whose rules have changed. Calls back about credentials and policy sets that
   * are different now; the caller takes the routes.
   *
   * @param documented services that have a route document which is not in the registry
   */
  reread(documented: readonly string[]): void {
    for (const scope of REREAD_SCOPES) {
      for (const source of this.#sources.of(scope)) {
        for (const [key, before] of source.entries()) {
          const after = rereadState(before, this.#options)
          const isSame = isDeepStrictEqual(before.route, after.route)
          this.#note(source, key, isSame ? { ...after, route: before.route } : after)
          this.#tell(before, after)
        }
      }
    }
    this.#routes.setElsewhere(documented)
    this.#gatherRoutes()
  }

  /** Returns the route documents of the registry as they are there now, good or not. */
  *documents(): Generator<RouteEntry> {
    for (const source of this.#sources.of('routes'))
      for (const { present } of source.keyStates()) if (present?.kind === 'route') yield present
  }

  /** Returns every service that has a node, with its nodes ordered by id. */
  services(): ReadonlyMap<string, readonly Node[]> {
    return this.#services.services
  }

  /** See `ServiceIndex.unleased`. */
  unleased(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.#services.unleased
  }

  /** Returns the routes, ordered by id. */
  routes(): readonly Route[] {
    return this.#routes.routes
  }

  /**
   * Returns the services that have no valid route but are named by a rejected route document. Somebody meant
   * to set rules for them, so an automatic route must not expose them without those rules.
   */
  blockedServices(): ReadonlySet<string> {
    return this.#routes.blocked
  }

  /**
   * Returns the services that had a route document and have none now, ordered by name. What is open to nobody without rules
   * must not be opened by the loss of these rules.
   */
  formerServices(): readonly string[] {
    return this.#routes.former
  }

  /** Whether there are former services that are not in `formerServices()`, because they are too many. */
  get hasUnlisted(): boolean {
    return this.#routes.hasUnlisted
  }

  /** Whether a service may be a former one that is not in `formerServices()`. Rarely true of one that never had a document. */
  isUnlisted(service: string): boolean {
    return this.#routes.isUnlisted(service)
  }

  /** Returns what is to be remembered of a source: the same object as before if nothing has changed. */
  remembered(name: string): Remembered {
    const source = this.#sources.get(name)
    if (!source) return NOTHING_REMEMBERED
    return source.remembered(source.scope === 'routes' ? this.#routes : undefined)
  }

  /** See `DirectorySources.lastGood`. */
  lastGood(): ReadonlyMap<string, LastGood> {
    return this.#sources.lastGood()
  }

  /** Another number when `problems()` may return other reasons than before; undefined = it may at any time. */
  get problemsVersion(): number | undefined {
    const mayChange = this.#services.hasDuplicates || this.#sources.countSuspects(['routes']) > 0
    return mayChange ? undefined : this.#problemsVersion
  }

  /** Returns the keys whose current value is not used or only partly used, each once, in key order. */
  problems(): readonly KeyProblem[] {
    const reasons = new Map([...this.#services.duplicates(), ...this.#problems])
    for (const { key } of this.#sources.suspectsOf('routes')) reasons.set(key, LOST)
    return listProblems(reasons, this.lastGood())
  }

  /** The number of suspects. Costs less than `suspects()`. */
  get suspectCount(): number {
    return this.#sources.countSuspects()
  }

  /**
   * Returns the keys that are kept although the registry no longer has them, per source in the order they
   * were missed.
   */
  suspects(): readonly Suspect[] {
    return this.#sources.suspects()
  }

  /**
   * Removes a suspect, or one of its nodes, as `suspects()` has returned it. Does nothing when the registry has the key again, or
   * while an event is being applied, because that event may be about to confirm the key.
   *
   * @returns whether it has removed anything
   */
  dismiss(key: string, node?: Node): boolean {
    if (this.#stepping) return false
    const source = this.#sources.withSuspect(key)
    const state = source?.get(key)
    if (!source || !state) return false
    // The key may have come back with another node of the id, and have been lost again.
    if (node && !state.nodes.includes(node)) return false
    const nodes = node ? state.nodes.filter(each => each !== node) : []
    const kept = nodes.length > 0 ? new Map([[key, { ...state, nodes }]]) : new Map()
    const { revision = '0' } = source.state
    for (const _ of this.#write(source, [], [key], kept, { revision, recall: RECALLS_NOTHING }));
    return true
  }

  /** Returns what the registry has for the document of a route, good or not; undefined when it has none. */
  documentOf(route: string): RegistryEntry | undefined {
    for (const source of this.#sources.of('routes')) {
      for (const { present, route: used } of source.keyStates()) {
        if (present?.kind === 'route' ? present.id === route : present && used?.id === route) return present
      }
    }
    return undefined
  }

  /** Returns the key that has a node; undefined when there is none. */
  keyOfNode(service: string, id: string): string | undefined {
    for (const [key, { nodes }] of this.#nodeKeys) {
      if (nodes.some(node => node.id === id && node.service === service)) return key
    }
    return undefined
  }

  /** Whether a key has nodes of a service, or would have by its name. */
  isKeyOf(key: string, service: string): boolean {
    const nodes = this.#nodeKeys.get(key)?.nodes ?? []
    return nodes.some(node => node.service === service) || key.includes(`/${service}/`)
  }

  source(name: string): SourceState {
    return this.#sources.get(name)?.state ?? INITIAL_STATE
  }

  #doubted(source: DirectorySource, gone: Gone): ReadonlyMap<string, KeyState> {
    return source.doubt(gone, group => {
      // Suspects do not count. Otherwise the keys restored from a burst would make its loss look small.
      if (source.scope === 'routes')
        return this.#routes.routes.length - this.#sources.countSuspects(['routes'])
      if (source.scope !== 'nodes') return source.size - source.suspectCount
      return group === undefined ? this.#services.size : this.#services.sizeOf(group)
    })
  }

  #reporter({
    source,
    scope,
    revision,
  }: Pick<EntryChange, 'source' | 'scope' | 'revision'>): Report | undefined {
    const { onEntry } = this.#options
    return onEntry && ((key, before, after) => onEntry({ source, scope, revision, key, before, after }))
  }

  *#write(
    source: DirectorySource,
    puts: readonly RegistryEntry[],
    deletes: readonly string[],
    doubted: ReadonlyMap<string, KeyState>,
    { revision, recall, report }: Omit<ReadOptions, 'rules'> & { readonly report?: Report | undefined },
  ): Generator<Promise<void> | void, void> {
    const touched = new Set<string>()
    const options = { rules: this.#options, revision, recall }
    let routesTouched = false
    const set = (key: string, next: KeyState | undefined): void => {
      const before = source.get(key) ?? NOTHING
      const after = next ?? NOTHING
      this.#note(source, key, next)
      if (before.present !== after.present) report?.(key, before.present, after.present)
      const [from, to] = [shownNodes(before), shownNodes(after)]
      if (!sameNodes(from, to) || before.isLeased !== after.isLeased) {
        this.#services.move(key, from, to, touched)
      }
      this.#tell(before, after)
      if (before.descriptors !== after.descriptors) {
        this.#options.onDescriptors?.(before.descriptors, after.descriptors)
      }
      if (before.tls !== after.tls) this.#options.onTls?.(before.tls, after.tls)
      routesTouched ||= before.names !== after.names || !isDeepStrictEqual(before.route, after.route)
    }
    for (const key of deletes) set(key, doubted.get(key))
    // An earlier event of the same burst removed these. Restore them, unless they have come back already.
    // The rules may have changed in between.
    for (const [key, state] of doubted) {
      if (!source.get(key)) set(key, isReread(source.scope) ? rereadState(state, this.#options) : state)
    }
    for (const entry of puts) {
      const prepared = this.#options.prepare?.(entry)
      if (prepared) yield prepared
      set(entry.key, readEntry(source.get(entry.key) ?? NOTHING, entry, options))
      yield
    }
    if ((routesTouched || this.#routes.isStale) && this.#gatherRoutes())
      this.#options.onRoutes?.(this.routes())
    for (const service of touched) {
      if (this.#services.gather(service)) {
        this.#options.onNodes?.(service, this.services().get(service) ?? [])
      }
      yield
    }
  }

  /** Calls back about the credential and the policy set of a key, if they have changed. */
  #tell(before: KeyState, after: KeyState): void {
    if (!isDeepStrictEqual(before.credential, after.credential)) {
      this.#options.onCredential?.(before.credential, after.credential)
    }
    if (!isDeepStrictEqual(before.policySet, after.policySet)) {
      this.#options.onPolicySet?.(before.policySet, after.policySet)
    }
  }

  /** Stores a key's state and updates the lists that depend on it. */
  #note(source: DirectorySource, key: string, state: KeyState | undefined): void {
    source.set(key, state)
    if (source.scope === 'nodes') {
      if (state) this.#nodeKeys.set(key, state)
      else this.#nodeKeys.delete(key)
    }
    if (this.#problems.get(key) === state?.problem) return
    this.#problemsVersion++
    if (state?.problem === undefined) this.#problems.delete(key)
    else this.#problems.set(key, state.problem)
  }

  #gatherRoutes(): boolean {
    return this.#routes.gather([...this.#sources.of('routes')].flatMap(source => [...source.keyStates()]))
  }
}
