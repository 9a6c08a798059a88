import { getOrMake } from '../internal/get-or-make.ts'
import { DirectorySource, type Suspect } from './directory-source.ts'
import type { LastGood, RegistryScope } from './registry.ts'

const DOUBT_MS = 60_000
/** The kinds of keys that are kept while the registry may have lost them. */
const KEPT_SCOPES = ['nodes', 'routes', 'revocations', 'descriptors', 'certificates', 'policies'] as const

export interface DirectorySourcesOptions {
  /** Default 60,000. */
  readonly doubtMs?: number | undefined
  readonly now: () => number
}

/** The sources of a registry, and what is asked of all of them. No key is in two sources. */
export class DirectorySources {
  readonly #options: DirectorySourcesOptions
  readonly #sources = new Map<string, DirectorySource>()
  /** What `lastGood()` has returned, and after how many changes of all sources. */
  #lastGood: { readonly changes: number; readonly byKey: ReadonlyMap<string, LastGood> } = {
    changes: 0,
    byKey: new Map(),
  }

  constructor(options: DirectorySourcesOptions) {
    this.#options = options
  }

  get(name: string): DirectorySource | undefined {
    return this.#sources.get(name)
  }

  /** Returns a source, which is made at its first event. */
  open(name: string, scope: RegistryScope): DirectorySource {
    const { doubtMs = DOUBT_MS, now } = this.#options
    return getOrMake(this.#sources, name, () => new DirectorySource({ scope, doubtMs, now }))
  }

  *of(scope: RegistryScope): Generator<DirectorySource> {
    for (const source of this.#sources.values()) if (source.scope === scope) yield source
  }

  /**
   * Returns the last good values that are in use because the present ones are refused, by key: the same map as before if none
   * has changed.
   */
  lastGood(): ReadonlyMap<string, LastGood> {
    const sources = [...this.#sources.values()]
    const changes = sources.reduce((sum, source) => sum + source.lastGoodChanges, 0)
    if (changes !== this.#lastGood.changes) {
      this.#lastGood = { changes, byKey: new Map(sources.flatMap(source => [...source.lastGood])) }
    }
    return this.#lastGood.byKey
  }

  /** Returns the source of a suspect. */
  withSuspect(key: string): DirectorySource | undefined {
    return [...this.#sources.values()].find(source => source.isSuspect(key))
  }

  suspectsOf(scope: RegistryScope): readonly Suspect[] {
    return [...this.of(scope)].flatMap(source => source.suspects())
  }

  /** Per kind and source, in the order in which they were missed. */
  suspects(): readonly Suspect[] {
    return KEPT_SCOPES.flatMap(scope => this.suspectsOf(scope))
  }

  countSuspects(scopes: readonly RegistryScope[] = KEPT_SCOPES): number {
    let count = 0
    for (const source of this.#sources.values())
      if (scopes.includes(source.scope)) count += source.suspectCount
    return count
  }
}
