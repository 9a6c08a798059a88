import { join } from 'node:path'
import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'
import type { Earlier, Entries, RegistryEntry, RegistryEvent, Remembered, SourceStatus } from '../registry.ts'
import type { ClusterFolders } from './cluster-folders.ts'
import type { PrefixSource } from './prefix-source.ts'
import { PrefixSync, type SyncTimings } from './prefix-sync.ts'
import { type SavedState, SnapshotFile } from './snapshot-file.ts'
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
  /** Where snapshots of the last table are; undefined means that none are written. */
  readonly folders: ClusterFolders | undefined
  readonly timings: Partial<SyncTimings> | undefined
  readonly logger: Logger
}

/** A prefix that is being followed. Call `stop()` when done. */
export interface FollowedPrefix {
  status(): SourceStatus
  /** Writes what is remembered beside the snapshot on disk. */
  remember(remembered: Remembered): void
  /** Resolves when no more events will come and the snapshot on disk is written. */
  stop(): Promise<void>
}

/**
 * Follows a prefix and reports its content as registry events. The first events come from the snapshot on
 * disk if etcd does not answer.
 */
export function followPrefix(options: FollowPrefixOptions): FollowedPrefix {
  const { client, push, folders, timings, logger } = options
  const { name: source, scope, decode, fileName } = options.source
  const file =
    folders &&
    new SnapshotFile({
      pathOf: clusterId => join(folders.of(clusterId), fileName),
      historyOf: clusterId => folders.historyOf(clusterId),
      prefix: source,
      logger,
    })
  let served: SyncState | undefined
  /** The cluster whose snapshot on disk was read. */
  let readOf: string | undefined
  /** Whether the cluster that answers has the history of its snapshot on disk. */
  let isContinued = true
  const read = (clusterId: string): SavedState | undefined => {
    readOf = clusterId
    const saved = file?.load(clusterId)
    if (saved) file?.remember(saved.remembered)
    return saved
  }
  const pushSnapshot = (
    { revision, clusterId, table }: SyncState,
    from: 'store' | 'disk',
    afterLoss: boolean,
    saved: SavedState | undefined,
  ) => {
    const entries = lazily([...table.values()], decode)
    const earlier = saved && earlierFrom(saved, decode)
    const at = String(revision)
    // An etcd that has begun anew has the same id.
    const store = `${clusterId}/${folders?.historyOf(clusterId) ?? 0}`
    push({ type: 'snapshot', source, scope, revision: at, entries, from, store, earlier, afterLoss })
  }
  const sync = new PrefixSync({
    transport: createSyncTransport(client, source),
    logger,
    timings,
    listener: {
      async beforeSnapshot(clusterId) {
        clearTimeout(timer)
        isContinued = (await folders?.isContinued(clusterId, (key, at) => readAt(client, key, at))) ?? true
      },
      onSnapshot: (state, afterLoss) => {
        const { clusterId, table } = state
        const isLost = afterLoss || (served !== undefined && (!isContinued || isOlderOrOther(state, served)))
        pushSnapshot(state, 'store', isLost, readOf === clusterId ? undefined : read(clusterId))
        served = undefined
        folders?.saw(clusterId, source, table.values(), isLost)
        file?.save(state)
      },
      onChange: (puts, deletes, state) => {
        const revision = String(state.revision)
        push({ type: 'change', source, scope, revision, puts: puts.map(decode), deletes })
        folders?.saw(state.clusterId, source, puts)
        file?.save(state)
      },
      onConnected: (connected, reason) => {
        push({ type: 'status', source, scope, connected, reason })
        if (!connected) serveDisk()
      },
    },
  })
  let isDiskServed = false
  const serveDisk = () => {
    if (isDiskServed || sync.state) return
    isDiskServed = true
    const clusterId = folders?.lastSeen()
    const saved = clusterId === undefined ? undefined : read(clusterId)
    if (!saved) return
    logger.warn(
      { source, scope, revision: String(saved.revision) },
      'etcd does not answer; serving the snapshot on disk',
    )
    served = saved
    pushSnapshot(saved, 'disk', false, saved)
  }
  const timer = setTimeout(serveDisk, DISK_AFTER_MS).unref()
  sync.start()
  return {
    status: () => sync.status(),
    remember: remembered => file?.remember(remembered),
    async stop() {
      clearTimeout(timer)
      await sync.stop()
      await file?.flush()
      await folders?.flush()
    },
  }
}

/** Reads a key as it was at a revision; see `readPage` of a transport for what it throws. */
async function readAt(client: Etcd3, key: string, revision: bigint): Promise<StoredKey | undefined> {
  const { items } = await createSyncTransport(client, key).readPage({ revision, limit: 1 })
  return items[0]
}

function earlierFrom(
  { revision, table, remembered }: SavedState,
  decode: (item: StoredKey) => RegistryEntry,
): Earlier {
  return {
    revision: String(revision),
    remembered,
    entryOf(key) {
      const item = table.get(key)
      return item && decode(item)
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
