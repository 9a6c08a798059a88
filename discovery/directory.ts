import { isDeepStrictEqual } from 'node:util'
import { type Node, suspected } from '../internal/node.ts'
import type { Route } from '../internal/route.ts'
import { compareKeys } from './keys.ts'
import { MassDeleteGuard, type Removal } from './mass-delete-guard.ts'
import type { RegistryEntry, RegistryEvent, RegistryScope } from './registry.ts'
import { ServiceIndex, sameNodes } from './service-index.ts'

export interface DirectoryOptions {
  /**
   * Turns a route document into a Route, or says for people what is wrong with it; `service` when the
   * refused document still names one.
   */
  readonly parseRoute: (id: string, document: unknown) => ParsedRoute
  /** A service has other nodes than before; ordered by id, empty = it is gone. */
  readonly onNodes?: ((service: string, nodes: readonly Node[]) => void) | undefined
  /** The routes, or which services are blocked, are no longer what they were; ordered by id. */
  readonly onRoutes?: ((routes: readonly Route[]) => void) | undefined
  /**
   * For how long after a reconnect deletes are weighed together for what looks like a loss; 0 = nothing is
   * ever doubted. Default 60,000.
   */
  readonly doubtMs?: number | undefined
  /** Milliseconds on the monotonic clock. */
  readonly now?: (() => number) | undefined
}

export type ParsedRoute =
  | { readonly route: Route }
  | { readonly reason: string; readonly service?: string | undefined }

export interface Problem {
  readonly key: string
  readonly reason: string
}

/** What the events of one source have said of it. */
export interface SourceState {
  /** Whether a snapshot was applied, from wherever. */
  readonly loaded: boolean
  readonly connected: boolean
  /** Why not connected, for people. */
  readonly reason: string | undefined
  /** True while what is served was read from disk and the store has not been heard yet. */
  readonly restored: boolean
  readonly revision: string | undefined
}

/** A key that the registry no longer names, and that is kept because this may be the registry's loss. */
export interface Suspect {
  readonly key: string
  /** Empty when it is a route. */
  readonly nodes: readonly Node[]
  /** When it was first missed, on the clock of `now`. */
  readonly since: number
}

/** What one key has said so far: its last good value, and what is wrong with its present one. */
interface KeyState {
  readonly nodes: readonly Node[]
  readonly route?: Route | undefined
  readonly problem?: string | undefined
  /** The service that a refused route document names. */
  readonly names?: string | undefined
  readonly suspectSince?: number | undefined
}

interface Source {
  readonly scope: RegistryScope
  readonly keys: Map<string, KeyState>
  /** Keys that are kept although the store no longer names them. */
  readonly suspects: Set<string>
  readonly guard: MassDeleteGuard<{ readonly key: string; readonly state: KeyState }>
  state: SourceState
}

const NOTHING: KeyState = { nodes: [] }
const UNHEARD: SourceState = {
  loaded: false,
  connected: false,
  reason: undefined,
  restored: false,
  revision: undefined,
}
const DOUBT_MS = 60_000
/** Leases that ran out together are revoked within a second or two. */
const BURST_MS = 5_000

/**
 * Folds {@link RegistryEvent}s into what the gateway routes to. No I/O, no timers; callbacks run inside the
 * call, each after what it tells of is in place.
 *
 * - A value that does not decode leaves its key's last good nodes or route in place while the key exists.
 * - A snapshot replaces everything of its source; what it repeats causes no callback.
 * - What looks like a registry's loss ({@link MassDeleteGuard}) makes keys suspect: they stay until the
 *   registry names them again or someone calls `dismiss`.
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #now: () => number
  readonly #sources = new Map<string, Source>()
  readonly #services = new ServiceIndex(key => shownNodes(this.#nodeKeys.get(key) ?? NOTHING))
  /** The keys of all sources of nodes; no two sources have one key. */
  readonly #nodeKeys = new Map<string, KeyState>()
  readonly #problems = new Map<string, string>()
  #stepping = false
  #routes: readonly Route[] = []
  #blocked: ReadonlySet<string> = new Set()

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
    const before = source.state
    switch (event.type) {
      case 'status':
        source.state = { ...before, connected: event.connected, reason: event.reason }
        // Before the first snapshot there is nothing that could have been lost.
        if (event.connected && !before.connected && before.reason !== undefined) source.guard.reconnected()
        return
      case 'snapshot': {
        const { revision } = event
        const entries: RegistryEntry[] = []
        for (const entry of event.entries) {
          entries.push(entry)
          yield
        }
        const present = new Set(entries.map(entry => entry.key))
        const gone = [...source.keys].flatMap(([key, { suspectSince }]) =>
          present.has(key) || suspectSince !== undefined ? [] : key,
        )
        const doubted = this.#doubted(source, gone, { whole: true, afterLoss: event.afterLoss })
        yield* this.#write(source, entries, gone, doubted)
        source.state = { ...source.state, loaded: true, restored: event.from === 'disk', revision }
        return
      }
      case 'change': {
        source.state = { ...before, revision: event.revision }
        const doubted = this.#doubted(source, event.deletes, { whole: false, afterLoss: false })
        yield* this.#write(source, event.puts, event.deletes, doubted)
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
    return this.#routes
  }

  /**
   * Services that a refused route document names and that have no good route: someone meant to set rules
   * for them, so an automatic route must not expose them without.
   */
  blockedServices(): ReadonlySet<string> {
    return this.#blocked
  }

  /** Whether `problems()` has any. */
  get hasProblems(): boolean {
    return this.#problems.size > 0 || this.#services.hasDuplicates || this.#suspectsOf('routes').length > 0
  }

  /** Keys whose present value is not used, or not in full; each once, in key order. */
  problems(): readonly Problem[] {
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
    let count = 0
    for (const { suspects } of this.#sources.values()) count += suspects.size
    return count
  }

  /** Keys that are kept although the registry does not name them; of each source in the order they were missed. */
  suspects(): readonly Suspect[] {
    return [...this.#suspectsOf('nodes'), ...this.#suspectsOf('routes')]
  }

  /**
   * Lets go of a suspect, or of one node of it. Nothing happens when the registry has named it again, nor while
   * an event is being applied, which may be just about to do so.
   */
  dismiss(key: string, node?: Node): void {
    if (this.#stepping) return
    const source = [...this.#sources.values()].find(({ suspects }) => suspects.has(key))
    const state = source?.keys.get(key)
    if (!source || !state) return
    const nodes = node ? state.nodes.filter(each => each.id !== node.id || each.service !== node.service) : []
    const kept = nodes.length > 0 ? new Map([[key, { ...state, nodes }]]) : new Map()
    for (const _ of this.#write(source, [], [key], kept));
  }

  source(name: string): SourceState {
    return this.#sources.get(name)?.state ?? UNHEARD
  }

  #source(name: string, scope: RegistryScope): Source {
    let source = this.#sources.get(name)
    if (!source) {
      const windowMs = this.#options.doubtMs ?? DOUBT_MS
      const guard: Source['guard'] = new MassDeleteGuard({ windowMs, burstMs: BURST_MS, now: this.#now })
      source = { scope, keys: new Map(), suspects: new Set(), guard, state: UNHEARD }
      this.#sources.set(name, source)
    }
    return source
  }

  #suspectsOf(scope: RegistryScope): readonly Suspect[] {
    return [...this.#sources.values()].flatMap(source => {
      if (source.scope !== scope) return []
      return [...source.suspects].map(key => {
        const { nodes, suspectSince } = source.keys.get(key)!
        return { key, nodes, since: suspectSince! }
      })
    })
  }

  /** What to keep, as suspect, of what an event would take away or an earlier one of its burst has taken. */
  #doubted(
    source: Source,
    gone: readonly string[],
    { whole, afterLoss }: { whole: boolean; afterLoss: boolean },
  ): ReadonlyMap<string, KeyState> {
    const doubted = new Map<string, KeyState>()
    if (gone.length === 0 || (this.#options.doubtMs ?? DOUBT_MS) === 0) return doubted
    const removals: Removal<{ key: string; state: KeyState }>[] = []
    for (const key of gone) {
      const state = source.keys.get(key)
      if (!state || state.suspectSince !== undefined) continue
      const groups = state.route ? ['routes'] : state.nodes.map(node => node.service)
      for (const group of groups) removals.push({ group, item: { key, state } })
    }
    const sizeOf = (group: string | undefined): number => {
      // Without those in doubt: the last one of a burst leaves nothing, however many were taken back.
      if (source.scope === 'routes') {
        return this.#routes.length - this.#suspectsOf('routes').length
      }
      return group === undefined ? this.#services.size : this.#services.sizeOf(group)
    }
    const since = this.#now()
    for (const { item } of afterLoss ? removals : source.guard.doubt(removals, sizeOf, whole)) {
      const { nodes, route } = item.state
      doubted.set(item.key, { nodes, route, suspectSince: since })
    }
    return doubted
  }

  *#write(
    source: Source,
    puts: readonly RegistryEntry[],
    deletes: readonly string[],
    doubted: ReadonlyMap<string, KeyState>,
  ): Generator<void, void> {
    const touched = new Set<string>()
    let routesTouched = false
    const set = (key: string, next: KeyState | undefined): void => {
      const before = source.keys.get(key) ?? NOTHING
      const after = next ?? NOTHING
      this.#note(source, key, next)
      const [from, to] = [shownNodes(before), shownNodes(after)]
      if (!sameNodes(from, to)) this.#services.move(key, from, to, touched)
      routesTouched ||= before.names !== after.names || !isDeepStrictEqual(before.route, after.route)
    }
    for (const key of deletes) set(key, doubted.get(key))
    // Taken away by an earlier event of the same burst, unless it has come back by itself.
    for (const [key, state] of doubted) if (!source.keys.has(key)) set(key, state)
    for (const entry of puts) {
      set(entry.key, this.#read(source.keys.get(entry.key) ?? NOTHING, entry))
      yield
    }
    if (routesTouched && this.#gatherRoutes()) this.#options.onRoutes?.(this.#routes)
    for (const service of touched) {
      if (this.#services.gather(service)) {
        this.#options.onNodes?.(service, this.services().get(service) ?? [])
      }
      yield
    }
  }

  /** Keeps a key's state, and every list it stands in. */
  #note(source: Source, key: string, state: KeyState | undefined): void {
    const tables = source.scope === 'nodes' ? [source.keys, this.#nodeKeys] : [source.keys]
    for (const table of tables) {
      if (state) table.set(key, state)
      else table.delete(key)
    }
    if (state?.problem === undefined) this.#problems.delete(key)
    else this.#problems.set(key, state.problem)
    if (state?.suspectSince === undefined) source.suspects.delete(key)
    else source.suspects.add(key)
  }

  #read(before: KeyState, entry: RegistryEntry): KeyState {
    switch (entry.kind) {
      case 'nodes':
        return { nodes: entry.nodes }
      case 'problem':
        return { nodes: before.nodes, route: before.route, problem: entry.reason }
      case 'route': {
        const parsed = this.#parse(entry.id, entry.document)
        if ('route' in parsed) return { nodes: [], route: parsed.route }
        return { nodes: [], route: before.route, problem: parsed.reason, names: parsed.service }
      }
      default:
        return entry satisfies never
    }
  }

  /** A document that its parser fails on is a problem of that document. */
  #parse(id: string, document: unknown): ParsedRoute {
    try {
      return this.#options.parseRoute(id, document)
    } catch (error) {
      return { reason: `document cannot be read (${String(error)})` }
    }
  }

  #gatherRoutes(): boolean {
    const states = [...this.#sources.values()].flatMap(({ scope, keys }) =>
      scope === 'routes' ? [...keys.values()] : [],
    )
    const routes = states.flatMap(state => state.route ?? []).sort((a, b) => compareKeys(a.id, b.id))
    const routed = new Set(routes.map(route => route.service))
    const named = states.flatMap(state => state.names ?? []).filter(service => !routed.has(service))
    const blocked = new Set(named.sort(compareKeys))
    if (isDeepStrictEqual(routes, this.#routes) && isDeepStrictEqual(blocked, this.#blocked)) return false
    this.#routes = routes
    this.#blocked = blocked
    return true
  }
}

/** A key's nodes as the gateway is to see them. */
function shownNodes({ nodes, suspectSince }: KeyState): readonly Node[] {
  return suspectSince === undefined ? nodes : nodes.map(suspected)
}
