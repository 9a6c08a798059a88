import type { Node } from '../internal/nodes/node.ts'
import type { KeyState } from './key-state.ts'
import { MassDeleteGuard, type Removal } from './mass-delete-guard.ts'
import type { RegistryScope } from './registry.ts'

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

/** Of a source of which nothing was said. */
export const UNHEARD: SourceState = {
  loaded: false,
  connected: false,
  reason: undefined,
  restored: false,
  revision: undefined,
}

/** A key that the registry no longer names, and that is kept because this may be the registry's loss. */
export interface Suspect {
  readonly key: string
  /** Empty when it is a route. */
  readonly nodes: readonly Node[]
  /** When it was first missed, on the clock of `now`. */
  readonly since: number
}

export interface DirectorySourceOptions {
  readonly scope: RegistryScope
  /** For how long after a reconnect deletes are weighed together; 0 = nothing is ever doubted. */
  readonly doubtMs: number
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number
}

/** What an event takes away. */
export interface Gone {
  readonly keys: readonly string[]
  /** Whether the event lists everything there is. */
  readonly whole: boolean
  /** Whether the store is known to have lost what it knew. */
  readonly afterLoss: boolean
}

/** Leases that ran out together are revoked within a second or two. */
const BURST_MS = 5_000

/** The keys of one source of a registry, those among them that are in doubt, and what is to be doubted next. */
export class DirectorySource {
  readonly scope: RegistryScope
  state: SourceState = UNHEARD
  readonly #doubtMs: number
  readonly #now: () => number
  readonly #keys = new Map<string, KeyState>()
  /** Keys that are kept although the store no longer names them, in the order in which they were missed. */
  readonly #suspects = new Set<string>()
  readonly #guard: MassDeleteGuard<{ readonly key: string; readonly state: KeyState }>

  constructor({ scope, doubtMs, now }: DirectorySourceOptions) {
    this.scope = scope
    this.#doubtMs = doubtMs
    this.#now = now
    this.#guard = new MassDeleteGuard({ windowMs: doubtMs, burstMs: BURST_MS, now })
  }

  get(key: string): KeyState | undefined {
    return this.#keys.get(key)
  }

  /** @param state undefined = the key is gone */
  set(key: string, state: KeyState | undefined): void {
    if (state) this.#keys.set(key, state)
    else this.#keys.delete(key)
    if (state?.suspectSince === undefined) this.#suspects.delete(key)
    else this.#suspects.add(key)
  }

  /** How many keys there are, suspects among them. */
  get size(): number {
    return this.#keys.size
  }

  keyStates(): Iterable<KeyState> {
    return this.#keys.values()
  }

  /** Keys that are not among those present; without the suspects, which are known to be missing. */
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

  /** The connection is lost, or there again. */
  heard(connected: boolean, reason: string | undefined): void {
    const before = this.state
    this.state = { ...before, connected, reason }
    // Before the first snapshot there is nothing that could have been lost.
    if (connected && !before.connected && before.reason !== undefined) this.#guard.reconnected()
  }

  /**
   * What to keep, as suspect, of what an event takes away or an earlier one of its burst has taken.
   *
   * @param sizeOf how much a group holds now; undefined = all of them together
   */
  doubt(
    { keys, whole, afterLoss }: Gone,
    sizeOf: (group: string | undefined) => number,
  ): ReadonlyMap<string, KeyState> {
    const doubted = new Map<string, KeyState>()
    // Doubt must never open a door: an API key that is gone is gone.
    if (keys.length === 0 || this.#doubtMs === 0 || this.scope === 'api-keys') return doubted
    const removals: Removal<{ key: string; state: KeyState }>[] = []
    for (const key of keys) {
      const state = this.#keys.get(key)
      if (!state || state.suspectSince !== undefined) continue
      const groups = state.route || state.credential ? [this.scope] : state.nodes.map(node => node.service)
      for (const group of groups) removals.push({ group, item: { key, state } })
    }
    const suspectSince = this.#now()
    for (const { item } of afterLoss ? removals : this.#guard.doubt(removals, sizeOf, whole)) {
      const { nodes, route, credential } = item.state
      doubted.set(item.key, { nodes, route, credential, suspectSince })
    }
    return doubted
  }
}
