import { isDeepStrictEqual } from 'node:util'
import type { Node } from '../internal/nodes/node.ts'
import type { Route } from '../internal/routing/route.ts'
import { DirectorySource, type Gone, type SourceState, type Suspect, UNHEARD } from './directory-source.ts'
import {
  type Credential,
  type EntryRules,
  type KeyState,
  NOTHING,
  readEntry,
  shownNodes,
} from './key-state.ts'
import type { RegistryEntry, RegistryEvent, RegistryScope } from './registry.ts'
import { RouteIndex } from './route-index.ts'
import { ServiceIndex, sameNodes } from './service-index.ts'
import { compareKeys } from './service-of.ts'

export interface DirectoryOptions extends EntryRules {
  /** A service has other nodes than before; ordered by id, empty = it is gone. */
  readonly onNodes?: ((service: string, nodes: readonly Node[]) => void) | undefined
  /** The routes, or which services are blocked, are no longer what they were; ordered by id. */
  readonly onRoutes?: ((routes: readonly Route[]) => void) | undefined
  /** An API key or a revocation is new, another than before, or gone. */
  readonly onCredential?:
    | ((before: Credential | undefined, after: Credential | undefined) => void)
    | undefined
  /**
   * For how long after a reconnect deletes are weighed together for what looks like a loss; 0 = nothing is
   * ever doubted. Default 60,000.
   */
  readonly doubtMs?: number | undefined
  /** Milliseconds on the monotonic clock. */
  readonly now?: (() => number) | undefined
}

export interface KeyProblem {
  readonly key: string
  readonly reason: string
}

const DOUBT_MS = 60_000

/**
 * Folds {@link RegistryEvent}s into what the gateway routes to. No I/O, no timers; callbacks run inside the
 * call, each after what it tells of is in place.
 *
 * - A value that does not decode leaves its key's last good nodes or route in place while the key exists.
 * - A snapshot replaces everything of its source; what it repeats causes no callback.
 * - What looks like a registry's loss (`mass-delete-guard.ts`) makes keys suspect: they stay until the
 *   registry names them again or someone calls `dismiss`.
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #now: () => number
  readonly #sources = new Map<string, DirectorySource>()
  readonly #services = new ServiceIndex(key => shownNodes(this.#nodeKeys.get(key) ?? NOTHING))
  /** The keys of all sources of nodes; no two sources have one key. */
  readonly #nodeKeys = new Map<string, KeyState>()
  readonly #routes = new RouteIndex()
  readonly #problems = new Map<string, string>()
  #stepping = false

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  apply(event: RegistryEvent): void {
    const steps = this.steps(event)
    while (!steps.next().done);
  }

  /**
   * Applies an event piece by piece, so that a large one need not be applied at one go. Between two pieces each
   * service is as it was before or as it is after; no other event may be applied then.
   */
  *steps(event: RegistryEvent): Generator<void, void> {
    this.#stepping = true
    try {
      yield* this.#steps(event)
    } finally {
      this.#stepping = false
    }
  }

  *#steps(event: RegistryEvent): Generator<void, void> {
    const source = this.#source(event.source, event.scope)
    switch (event.type) {
      case 'status':
        source.heard(event.connected, event.reason)
        return
      case 'snapshot': {
        const { revision, afterLoss } = event
        const entries: RegistryEntry[] = []
        for (const entry of event.entries) {
          entries.push(entry)
          yield
        }
        const present = new Set(entries.map(entry => entry.key))
        const keys = source.missing(present)
        const doubted = this.#doubted(source, { keys, whole: true, afterLoss })
        yield* this.#write(source, entries, keys, doubted)
        source.state = { ...source.state, loaded: true, restored: event.from === 'disk', revision }
        return
      }
      case 'change': {
        const { revision, puts, deletes: keys } = event
        source.state = { ...source.state, revision }
        const doubted = this.#doubted(source, { keys, whole: false, afterLoss: false })
        yield* this.#write(source, puts, keys, doubted)
        return
      }
      default:
        event satisfies never
    }
  }

  /** Every service that has a node; nodes ordered by id. */
  services(): ReadonlyMap<string, readonly Node[]> {
    return this.#services.services
  }

  /** Ordered by id. */
  routes(): readonly Route[] {
    return this.#routes.routes
  }

  /**
   * Services that a refused route document names and that have no good route: someone meant to set rules
   * for them, so an automatic route must not expose them without.
   */
  blockedServices(): ReadonlySet<string> {
    return this.#routes.blocked
  }

  /** Whether `problems()` has any. */
  get hasProblems(): boolean {
    return this.#problems.size > 0 || this.#services.hasDuplicates || this.#countSuspects('routes') > 0
  }

  /** Keys whose present value is not used, or not in full; each once, in key order. */
  problems(): readonly KeyProblem[] {
    const reasons = new Map([...this.#services.duplicates(), ...this.#problems])
    for (const { key } of this.#suspectsOf('routes')) {
      reasons.set(
        key,
        'not named by the registry any more, which may have lost it; in use until its grace ends',
      )
    }
    return [...reasons].map(([key, reason]) => ({ key, reason })).sort((a, b) => compareKeys(a.key, b.key))
  }

  /** How many `suspects()` has. */
  get suspectCount(): number {
    return this.#countSuspects('nodes') + this.#countSuspects('routes') + this.#countSuspects('revocations')
  }

  /** Keys that are kept although the registry does not name them; of each source in the order they were missed. */
  suspects(): readonly Suspect[] {
    return [...this.#suspectsOf('nodes'), ...this.#suspectsOf('routes'), ...this.#suspectsOf('revocations')]
  }

  /**
   * Lets go of a suspect, or of one node of it. Nothing happens when the registry has named it again, nor while
   * an event is being applied, which may be just about to do so.
   */
  dismiss(key: string, node?: Node): void {
    if (this.#stepping) return
    const source = [...this.#sources.values()].find(each => each.isSuspect(key))
    const state = source?.get(key)
    if (!source || !state) return
    const nodes = node ? state.nodes.filter(each => each.id !== node.id || each.service !== node.service) : []
    const kept = nodes.length > 0 ? new Map([[key, { ...state, nodes }]]) : new Map()
    for (const _ of this.#write(source, [], [key], kept));
  }

  source(name: string): SourceState {
    return this.#sources.get(name)?.state ?? UNHEARD
  }

  #source(name: string, scope: RegistryScope): DirectorySource {
    let source = this.#sources.get(name)
    if (!source) {
      const { doubtMs = DOUBT_MS } = this.#options
      source = new DirectorySource({ scope, doubtMs, now: this.#now })
      this.#sources.set(name, source)
    }
    return source
  }

  *#sourcesOf(scope: RegistryScope): Iterable<DirectorySource> {
    for (const source of this.#sources.values()) if (source.scope === scope) yield source
  }

  #suspectsOf(scope: RegistryScope): readonly Suspect[] {
    return [...this.#sourcesOf(scope)].flatMap(source => source.suspects())
  }

  #countSuspects(scope: RegistryScope): number {
    let count = 0
    for (const { suspectCount } of this.#sourcesOf(scope)) count += suspectCount
    return count
  }

  #doubted(source: DirectorySource, gone: Gone): ReadonlyMap<string, KeyState> {
    return source.doubt(gone, group => {
      // Without those in doubt: the last one of a burst leaves nothing, however many were taken back.
      if (source.scope === 'routes') return this.#routes.routes.length - this.#countSuspects('routes')
      if (source.scope === 'revocations') return source.size - source.suspectCount
      return group === undefined ? this.#services.size : this.#services.sizeOf(group)
    })
  }

  *#write(
    source: DirectorySource,
    puts: readonly RegistryEntry[],
    deletes: readonly string[],
    doubted: ReadonlyMap<string, KeyState>,
  ): Generator<void, void> {
    const touched = new Set<string>()
    let routesTouched = false
    const set = (key: string, next: KeyState | undefined): void => {
      const before = source.get(key) ?? NOTHING
      const after = next ?? NOTHING
      this.#note(source, key, next)
      const [from, to] = [shownNodes(before), shownNodes(after)]
      if (!sameNodes(from, to)) this.#services.move(key, from, to, touched)
      if (!isDeepStrictEqual(before.credential, after.credential)) {
        this.#options.onCredential?.(before.credential, after.credential)
      }
      routesTouched ||= before.names !== after.names || !isDeepStrictEqual(before.route, after.route)
    }
    for (const key of deletes) set(key, doubted.get(key))
    // Taken away by an earlier event of the same burst, unless it has come back by itself.
    for (const [key, state] of doubted) if (!source.get(key)) set(key, state)
    for (const entry of puts) {
      set(entry.key, readEntry(source.get(entry.key) ?? NOTHING, entry, this.#options))
      yield
    }
    if (routesTouched && this.#gatherRoutes()) this.#options.onRoutes?.(this.routes())
    for (const service of touched) {
      if (this.#services.gather(service)) {
        this.#options.onNodes?.(service, this.services().get(service) ?? [])
      }
      yield
    }
  }

  /** Keeps a key's state, and every list it stands in. */
  #note(source: DirectorySource, key: string, state: KeyState | undefined): void {
    source.set(key, state)
    if (source.scope === 'nodes') {
      if (state) this.#nodeKeys.set(key, state)
      else this.#nodeKeys.delete(key)
    }
    if (state?.problem === undefined) this.#problems.delete(key)
    else this.#problems.set(key, state.problem)
  }

  #gatherRoutes(): boolean {
    return this.#routes.gather([...this.#sourcesOf('routes')].flatMap(source => [...source.keyStates()]))
  }
}
