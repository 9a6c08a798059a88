import type { Directory } from '../../discovery/directory.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { RegistryEvent } from '../../discovery/registry.ts'

type StatusEvent = Extract<RegistryEvent, { readonly type: 'status' }>

/** Logs what becomes of a directory: each change of its state once. */
export class TableLog {
  readonly #directory: Directory
  readonly #logger: Logger
  /** Problems that were logged, by key. */
  readonly #reported = new Map<string, string>()
  #hasSuspects = false

  constructor(directory: Directory, logger: Logger) {
    this.#directory = directory
    this.#logger = logger
  }

  /** To be called after each event that the directory has applied. */
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
    if (this.#directory.hasProblems || this.#reported.size > 0) this.#reportProblems()
  }

  #reportStatus({ source, scope, connected, reason }: StatusEvent): void {
    if (connected) this.#logger.info({ source, scope }, 'following the registry')
    else if (this.#directory.source(source).loaded) {
      this.#logger.warn({ source, scope, reason }, 'registry out of reach, serving the last known table')
    } else {
      this.#logger.warn(
        { source, scope, reason },
        'registry out of reach, waiting for it: there is no table yet',
      )
    }
  }

  /** Says once that there are suspects, and once that there are none any more. */
  #reportSuspects(): void {
    const count = this.#directory.suspectCount
    if (count > 0 && !this.#hasSuspects) {
      this.#logger.warn(
        { keys: count },
        'the registry may have lost keys; they stay in use while they answer',
      )
    } else if (count === 0 && this.#hasSuspects) this.#logger.info({}, 'no key is in doubt any more')
    this.#hasSuspects = count > 0
  }

  #reportProblems(): void {
    const problems = new Map(this.#directory.problems().map(({ key, reason }) => [key, reason]))
    for (const [key, reason] of problems) {
      if (this.#reported.get(key) !== reason) this.#logger.warn({ key, reason }, 'registry value not used')
    }
    this.#reported.clear()
    for (const [key, reason] of problems) this.#reported.set(key, reason)
  }
}
