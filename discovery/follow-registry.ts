import type { Directory } from './directory.ts'
import type { Logger } from './logger.ts'
import type { Registry, RegistryEvent, RegistryScope, Remembered, RememberedSource } from './registry.ts'
import { NOTHING_REMEMBERED } from './remembered.ts'
import { Slices } from './slices.ts'
import { type OpenConnection, SuspectWatch } from './suspect-watch.ts'

export interface FollowRegistryOptions {
  readonly registry: Registry
  readonly directory: Directory
  /** Only events of this scope are applied; undefined means all. */
  readonly scope?: RegistryScope | undefined
  /** How long keys that the registry may have lost stay in use. */
  readonly suspectGraceMs: number
  /** Connects to suspects; see `SuspectWatch`. */
  readonly openConnection?: OpenConnection | undefined
  readonly logger: Logger
  /** Called after each event that the directory has applied. */
  readonly onApplied: (event: RegistryEvent) => void
  /** Called when what is to be remembered of a source has changed, for all changes within 500 ms together. */
  readonly onRemembered?: ((remembered: RememberedSource) => void) | undefined
  readonly signal: AbortSignal
}

const BUNDLE_MS = 500

/**
 * Applies the events of a registry to a directory and watches over its suspects, until `signal` aborts.
 *
 * @throws what the registry or `onApplied` throws
 */
export async function followRegistry(options: FollowRegistryOptions): Promise<void> {
  const { registry, directory, scope, suspectGraceMs, logger, onApplied, onRemembered, signal } = options
  const last = new Map<string, { readonly remembered: Remembered; readonly store: string | undefined }>()
  const { openConnection } = options
  const suspects = new SuspectWatch({ directory, graceMs: suspectGraceMs, openConnection, logger })
  const reports = bundle(onRemembered)
  const slices = new Slices()
  try {
    for await (const event of registry.watch(signal)) {
      if (scope !== undefined && event.scope !== scope) continue
      await slices.run(directory.steps(event))
      suspects.check()
      onApplied(event)
      const { source } = event
      const remembered = directory.remembered(source)
      const { store } = directory.source(source)
      const known = last.get(source) ?? { remembered: NOTHING_REMEMBERED, store }
      // A copy on disk may say what no longer holds, and another store has no memory yet.
      const isRead = event.type === 'snapshot' && event.earlier !== undefined
      if (isRead || remembered !== known.remembered || store !== known.store) {
        registry.remember?.(source, remembered)
        reports.put({ ...remembered, source, store: store ?? '' })
      }
      last.set(source, { remembered, store })
      // Queued events arrive without a turn of the event loop between them.
      await slices.rest()
    }
  } finally {
    suspects.stop()
    reports.end()
  }
}

/**
 * Hands on what is put in: the first at once, and of those that follow within 500 ms the latest of each source. Everything is
 * in each of them, so ten thousand documents that come one by one would be handed on ten thousand times.
 */
function bundle(send: (remembered: RememberedSource) => void = () => {}) {
  const due = new Map<string, RememberedSource>()
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    timer = due.size > 0 ? setTimeout(flush, BUNDLE_MS).unref() : undefined
    for (const each of due.values()) send(each)
    due.clear()
  }
  return {
    put(remembered: RememberedSource) {
      due.set(remembered.source, remembered)
      if (!timer) flush()
    },
    /** Hands on what is left. */
    end() {
      clearTimeout(timer)
      flush()
      clearTimeout(timer)
    },
  }
}
