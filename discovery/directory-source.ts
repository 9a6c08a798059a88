import type { Node } from '../internal/nodes/node.ts'
import { type KeyState, NOTHING } from './key-state.ts'
import { MassDeleteGuard, type Removal } from './mass-delete-guard.ts'
import type { LastGood, RegistryScope, Remembered } from './registry.ts'
import { NOTHING_REMEMBERED } from './remembered.ts'
import type { RouteIndex } from './route-index.ts'

/** The state of one source, as its events have reported it. */
export interface SourceState {
  /** Whether a snapshot was applied, from the store or from disk. */
  readonly loaded: boolean
  readonly connected: boolean
  /** Why the source is not connected, as text for people. */
  readonly reason: string | undefined
  /** True while the state comes from disk because the store has not answered yet. */
  readonly restored: boolean
  readonly revision: string | undefined
  /** Which store it is; see the snapshot of a registry. */
  readonly store: string | undefined
}

/** The state of a source before its first event. */
export const INITIAL_STATE: SourceState = {
  loaded: false,
  connected: false,
  reason: undefined,
  restored: false,
  revision: undefined,
  store: undefined,
}

/** A key that the registry no longer has, kept because the registry may have lost it. */
export interface Suspect {
  readonly key: string
  /** Empty when the key holds something else than nodes. */
  readonly nodes: readonly Node[]
  /** When the key was first missed, on the clock of `now`. */
  readonly since: number
}

export interface DirectorySourceOptions {
  readonly scope: RegistryScope
  /** For this long after a reconnect, deletes are counted together. 0 turns the detection of losses off. */
  readonly doubtMs: number
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number
}

/** The keys that an event removes. */
export interface Gone {
  readonly keys: readonly string[]
  /** Whether the event is a full listing, as opposed to single deletes. */
  readonly whole: boolean
  /** Whether the store is known to have lost its data. */
  readonly afterLoss: boolean
}

/**
 * The kinds of keys that are deleted at once, whatever is lost beside them. Doubt must never let anybody in by an API key, and
 * answers to challenges are of use for seconds only.
 */
const BELIEVED: ReadonlySet<RegistryScope> = new Set(['api-keys', 'acme-challenges'])
/** etcd revokes leases that expired together within a second or two. */
const BURST_MS = 5_000

/**
 * Holds the keys of one source of a registry, knows which of them are suspect, and decides which become so.
 */
export class DirectorySource {
  readonly scope: RegistryScope
  state: SourceState = INITIAL_STATE
  readonly #options: DirectorySourceOptions
  readonly #keys = new Map<string, KeyState>()
  readonly #lastGood = new Map<string, LastGood>()
  /** How often the last good values have changed. */
  lastGoodChanges = 0
  /** What `remembered()` has returned, and the counts of changes that it is made from. */
  #remembered: { readonly changes: string; readonly value: Remembered } = {
    changes: '0 0',
    value: NOTHING_REMEMBERED,
  }
  /** Keys that are kept although the store no longer has them, in the order in which they were missed. */
  readonly #suspects = new Set<string>()
  readonly #guard: MassDeleteGuard<{ readonly key: string; readonly state: KeyState }>

  constructor(options: DirectorySourceOptions) {
    const { scope, doubtMs, now } = options
    this.scope = scope
    this.#options = options
    this.#guard = new MassDeleteGuard({ windowMs: doubtMs, burstMs: BURST_MS, now })
  }

  get(key: string): KeyState | undefined {
    return this.#keys.get(key)
  }

  /** @param state undefined removes the key */
  set(key: string, state: KeyState | undefined): void {
    if (state) this.#keys.set(key, state)
    else this.#keys.delete(key)
    if (state?.suspectSince === undefined) this.#suspects.delete(key)
    else this.#suspects.add(key)
    if (state?.refusedSince !== undefined || this.#lastGood.has(key)) this.#noteLastGood(key, state)
  }

  #noteLastGood(key: string, { entry, revision, refusedSince: since }: KeyState = NOTHING): void {
    const known = this.#lastGood.get(key)
    if (known?.since === since && known?.entry === entry) return
    if (since === undefined) this.#lastGood.delete(key)
    else this.#lastGood.set(key, { entry: entry!, revision: revision!, since })
    this.lastGoodChanges++
  }

  /** The last good values that are in use because the present ones are refused, by key. */
  get lastGood(): ReadonlyMap<string, LastGood> {
    return this.#lastGood
  }

  /**
   * Returns what is to be remembered of this source: the same object as before if nothing has changed.
   *
   * @param routes what is known of services with route documents, if this source has such documents
   */
  remembered(
    routes: Pick<RouteIndex, 'documented' | 'documentedChanges' | 'unlisted'> | undefined,
  ): Remembered {
    const changes = `${this.lastGoodChanges} ${routes?.documentedChanges ?? 0}`
    if (changes !== this.#remembered.changes) {
      const { documented = [], unlisted } = routes ?? {}
      const value = { lastGood: [...this.#lastGood.values()], documented, ...(unlisted && { unlisted }) }
      this.#remembered = { changes, value }
    }
    return this.#remembered.value
  }

  /** The number of keys, including suspects. */
  get size(): number {
    return this.#keys.size
  }

  /** Returns every key with its state. */
  entries(): Iterable<readonly [string, KeyState]> {
    return this.#keys
  }

  keyStates(): Iterable<KeyState> {
    return this.#keys.values()
  }

  /** Returns the keys that are not in `present`, without the suspects, which are known to be missing. */
  missing(present: ReadonlySet<string>): readonly string[] {
    return [...this.#keys].flatMap(([key, { suspectSince }]) =>
      present.has(key) || suspectSince !== undefined ? [] : key,
    )
  }

  get suspectCount(): number {
    return this.#suspects.size
  }

  isSuspect(key: string): boolean {
    return this.#suspects.has(key)
  }

  suspects(): readonly Suspect[] {
    return [...this.#suspects].map(key => {
      const { nodes, suspectSince } = this.#keys.get(key)!
      return { key, nodes, since: suspectSince! }
    })
  }

  /** Records that the connection was lost or restored. */
  setConnected(connected: boolean, reason: string | undefined): void {
    const before = this.state
    this.state = { ...before, connected, reason }
    // Before the first snapshot there is nothing that could have been lost.
    if (connected && !before.connected && before.reason !== undefined) this.#guard.reconnected()
  }

  /**
   * Returns the keys to keep as suspect, with their new state. They are among the keys that this event
   * removes or that earlier events of the same burst removed.
   *
   * @param sizeOf the current size of a group; undefined asks for all groups together
   */
  doubt(
    { keys, whole, afterLoss }: Gone,
    sizeOf: (group: string | undefined) => number,
  ): ReadonlyMap<string, KeyState> {
    const doubted = new Map<string, KeyState>()
    if (keys.length === 0 || this.#options.doubtMs === 0 || BELIEVED.has(this.scope)) return doubted
    const removals: Removal<{ key: string; state: KeyState }>[] = []
    for (const key of keys) {
      const state = this.#keys.get(key)
      if (!state || state.suspectSince !== undefined) continue
      const { route, credential, descriptors, tls, policySet } = state
      const isOfNodes = !(route || credential || descriptors || tls || policySet)
      const groups = isOfNodes ? state.nodes.map(node => node.service) : [this.scope]
      for (const group of groups) removals.push({ group, item: { key, state } })
    }
    const suspectSince = this.#options.now()
    for (const { item } of afterLoss ? removals : this.#guard.doubt(removals, sizeOf, whole)) {
      // What the registry no longer has is neither present nor a problem.
      const missing = { present: undefined, problem: undefined, names: undefined }
      doubted.set(item.key, { ...item.state, ...missing, suspectSince })
    }
    return doubted
  }
}
