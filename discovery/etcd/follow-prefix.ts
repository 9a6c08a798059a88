import { join } from 'node:path'
import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'
import type { Entries, RegistryEntry, RegistryEvent, SourceStatus } from '../registry.ts'
import type { PrefixSource } from './prefix-source.ts'
import { PrefixSync, type SyncTimings } from './prefix-sync.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { isOlderOrOther, type SyncState } from './sync-state.ts'
import { createSyncTransport, type StoredKey } from './transport.ts'

/**
 * How long to wait for etcd at a start before serving the snapshot on disk. After a failure it is served at
 * once.
 */
const DISK_AFTER_MS = 500

export interface FollowPrefixOptions {
  /** Must stay open until `stop()` has resolved. The caller closes it. */
  readonly client: Etcd3
  readonly source: PrefixSource
  /** Called with every event of the prefix. */
  readonly push: (event: RegistryEvent) => void
  /** A folder for snapshots of the last table; undefined means that none are written. */
  readonly dataDir: string | undefined
  readonly timings: Partial<SyncTimings> | undefined
  readonly logger: Logger
}

/** A prefix that is being followed. Call `stop()` when done. */
export interface FollowedPrefix {
  status(): SourceStatus
  /** Resolves when no more events will come and the snapshot on disk is written. */
  stop(): Promise<void>
}

/**
 * Follows a prefix and reports its content as registry events. The first events come from the snapshot on
 * disk if etcd does not answer.
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
      'etcd does not answer; serving the snapshot on disk',
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

/**
 * Decodes each key during the iteration, because decoding ten thousand at once would block the event loop.
 */
function lazily(items: readonly StoredKey[], decode: (item: StoredKey) => RegistryEntry): Entries {
  return {
    length: items.length,
    *[Symbol.iterator]() {
      for (const item of items) yield decode(item)
    },
  }
}
