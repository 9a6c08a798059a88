import type { Directory } from '../../discovery/directory.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { RegistryEvent } from '../../discovery/registry.ts'

type StatusEvent = Extract<RegistryEvent, { readonly type: 'status' }>

/** Logs the changes of a directory's state, each once. */
export class TableLog {
  readonly #directory: Directory
  readonly #logger: Logger
  /** Reasons of the problems that were logged, by key. */
  readonly #reported = new Map<string, string>()
  #problemsVersion: number | undefined = undefined
  /** The keys of nodes without a lease that were logged. */
  #unleased: ReadonlySet<string> = new Set()
  #hasSuspects = false
  #hasUnlisted = false

  constructor(directory: Directory, logger: Logger) {
    this.#directory = directory
    this.#logger = logger
  }

  /** Call it after the directory has applied an event. */
  applied(event: RegistryEvent): void {
    if (event.type === 'status') {
      this.#reportStatus(event)
      return
    }
    if (event.type === 'snapshot') {
      const { source, scope, revision, entries, from } = event
      this.#logger.info({ source, scope, revision, keys: entries.length, from }, 'table loaded')
    }
    this.#reportSuspects()
    this.#reportUnlisted()
    this.#reportUnleased()
    const { problemsVersion } = this.#directory
    // There may be very many, such as the keys of other software below the prefix.
    if (problemsVersion !== undefined && problemsVersion === this.#problemsVersion) return
    this.#problemsVersion = problemsVersion
    this.#reportProblems()
  }

  #reportStatus({ source, scope, connected, reason }: StatusEvent): void {
    if (connected) this.#logger.info({ source, scope }, 'following the registry')
    else if (this.#directory.source(source).loaded) {
      this.#logger.warn({ source, scope, reason }, 'registry out of reach; serving the last known table')
    } else {
      this.#logger.warn({ source, scope, reason }, 'registry out of reach; there is no table to serve yet')
    }
  }

  /** Logs when the first suspect appears and when the last one is gone. */
  #reportSuspects(): void {
    const count = this.#directory.suspectCount
    if (count > 0 && !this.#hasSuspects) {
      this.#logger.warn({ keys: count }, 'registry may have lost keys; suspects stay in use')
    } else if (count === 0 && this.#hasSuspects) this.#logger.info({}, 'no suspects left')
    this.#hasSuspects = count > 0
  }

  #reportUnlisted(): void {
    const { hasUnlisted } = this.#directory
    if (hasUnlisted && !this.#hasUnlisted) {
      this.#logger.warn({}, 'too many services had a route document to remember all of their names')
    }
    this.#hasUnlisted = hasUnlisted
  }

  #reportUnleased(): void {
    const unleased = this.#directory.unleased()
    if (unleased.size === 0 && this.#unleased.size === 0) return
    const keys = new Set([...unleased.values()].flatMap(byId => [...byId.values()]))
    for (const key of keys) {
      if (!this.#unleased.has(key))
        this.#logger.warn({ key }, 'key of a node has no lease; its siblings have one')
    }
    this.#unleased = keys
  }

  #reportProblems(): void {
    const problems = new Map(this.#directory.problems().map(({ key, reason }) => [key, reason]))
    for (const [key, reason] of problems) {
      if (this.#reported.get(key) !== reason) this.#logger.warn({ key, reason }, 'registry value ignored')
    }
    this.#reported.clear()
    for (const [key, reason] of problems) this.#reported.set(key, reason)
  }
}
