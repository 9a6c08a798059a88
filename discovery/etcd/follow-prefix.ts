import { join } from 'node:path'
import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'
import type { Entries, RegistryEntry, RegistryEvent, SourceStatus } from '../registry.ts'
import type { PrefixSource } from './prefix-source.ts'
import { PrefixSync, type SyncTimings } from './prefix-sync.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { isOlderOrOther, type SyncState } from './sync-state.ts'
import { createSyncTransport, type StoredKey } from './transport.ts'

/** How long the store may be silent at a start before what is on disk is served; after a failure it is at once. */
const DISK_AFTER_MS = 500

export interface FollowPrefixOptions {
  /** Stays open until after `stop()`; closed by whoever made it. */
  readonly client: Etcd3
  readonly source: PrefixSource
  /** Takes every event there is of the prefix. */
  readonly push: (event: RegistryEvent) => void
  /** Where the last table outlives an outage; undefined = nowhere. */
  readonly dataDir: string | undefined
  readonly timings: Partial<SyncTimings> | undefined
  readonly logger: Logger
}

/** A prefix that is being followed. Whoever started it calls `stop()`. */
export interface FollowedPrefix {
  status(): SourceStatus
  /** Resolves when no event will come any more, and the copy on disk is written. */
  stop(): Promise<void>
}

/**
 * Tells what a prefix holds as the events of a registry: from etcd, and from the copy on disk while etcd has not
 * been heard yet.
 */
export function followPrefix(options: FollowPrefixOptions): FollowedPrefix {
  const { client, push, dataDir, timings, logger } = options
  const { name: source, scope, decode, fileName } = options.source
  const file =
    dataDir === undefined
      ? undefined
      : new SnapshotFile({ path: join(dataDir, fileName), prefix: source, logger })
  let served: SyncState | undefined
  const pushSnapshot = (state: SyncState, from: 'store' | 'disk', afterLoss: boolean) => {
    const revision = String(state.revision)
    const entries = lazily([...state.table.values()], decode)
    push({ type: 'snapshot', source, scope, revision, entries, from, afterLoss })
  }
  const sync = new PrefixSync({
    transport: createSyncTransport(client, source),
    logger,
    timings,
    listener: {
      onSnapshot: (state, afterLoss) => {
        pushSnapshot(state, 'store', afterLoss || (served !== undefined && isOlderOrOther(state, served)))
        served = undefined
        file?.save(state)
      },
      onChange: (puts, deletes, state) => {
        const revision = String(state.revision)
        push({ type: 'change', source, scope, revision, puts: puts.map(decode), deletes })
        file?.save(state)
      },
      onConnected: (connected, reason) => {
        push({ type: 'status', source, scope, connected, reason })
        if (!connected) void serveDisk()
      },
    },
  })
  let isDiskServed = false
  const serveDisk = async () => {
    if (isDiskServed || sync.state) return
    isDiskServed = true
    const state = await file?.load()
    if (!state || sync.state) return
    logger.warn(
      { source, scope, revision: String(state.revision) },
      'etcd does not answer; serving what is on disk',
    )
    served = state
    pushSnapshot(state, 'disk', false)
  }
  const timer = setTimeout(() => void serveDisk(), DISK_AFTER_MS).unref()
  sync.start()
  return {
    status: () => sync.status(),
    async stop() {
      clearTimeout(timer)
      await sync.stop()
      await file?.flush()
    },
  }
}

/** Decodes each key when its turn comes: ten thousand at one go would hold everything else up. */
function lazily(items: readonly StoredKey[], decode: (item: StoredKey) => RegistryEntry): Entries {
  return {
    length: items.length,
    *[Symbol.iterator]() {
      for (const item of items) yield decode(item)
    },
  }
}
