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
    new SnapshotFile({ pathOf: clusterId => join(folders.of(clusterId), fileName), prefix: source, logger })
  let served: SyncState | undefined
  /** The cluster whose snapshot on disk was read. */
  let readOf: string | undefined
  const read = (clusterId: string): SavedState | undefined => {
    readOf = clusterId
    return file?.load(clusterId)
  }
  const pushSnapshot = (state: SyncState, from: 'store' | 'disk', afterLoss: boolean, earlier?: Earlier) => {
    const { clusterId: store } = state
    const revision = String(state.revision)
    const entries = lazily([...state.table.values()], decode)
    push({ type: 'snapshot', source, scope, revision, entries, from, store, earlier, afterLoss })
  }
  const sync = new PrefixSync({
    transport: createSyncTransport(client, source),
    logger,
    timings,
    listener: {
      onSnapshot: (state, afterLoss) => {
        const { clusterId } = state
        const saved = file && readOf !== clusterId ? earlierOf(clusterId) : undefined
        if (saved) file?.remember(saved.remembered)
        const isLost = afterLoss || (served !== undefined && isOlderOrOther(state, served))
        pushSnapshot(state, 'store', isLost, saved)
        served = undefined
        folders?.answered(clusterId)
        file?.save(state)
      },
      onChange: (puts, deletes, state) => {
        const revision = String(state.revision)
        push({ type: 'change', source, scope, revision, puts: puts.map(decode), deletes })
        file?.save(state)
      },
      onConnected: (connected, reason) => {
        push({ type: 'status', source, scope, connected, reason })
        if (!connected) serveDisk()
      },
    },
  })
  /** Returns what is on disk of a cluster that has answered. */
  const earlierOf = (clusterId: string): Earlier | undefined => {
    // An etcd that was set up anew is another cluster. What was guarded there is still meant to be guarded.
    const former = folders?.lastSeen()
    const documented =
      readOf === undefined && former !== undefined && former !== clusterId
        ? (file?.load(former)?.remembered.documented ?? [])
        : []
    const saved = read(clusterId)
    if (saved) return earlierFrom(saved, documented, decode)
    return documented.length === 0
      ? undefined
      : { ...NOTHING_EARLIER, remembered: { lastGood: [], documented } }
  }
  let isDiskServed = false
  const serveDisk = () => {
    if (isDiskServed || sync.state) return
    isDiskServed = true
    const clusterId = folders?.lastSeen()
    const state = clusterId === undefined ? undefined : read(clusterId)
    if (!state) return
    logger.warn(
      { source, scope, revision: String(state.revision) },
      'etcd does not answer; serving the snapshot on disk',
    )
    served = state
    file?.remember(state.remembered)
    pushSnapshot(state, 'disk', false, earlierFrom(state, [], decode))
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
      await folders?.written()
    },
  }
}

const NOTHING_EARLIER = { revision: '0', entryOf: () => undefined }

/** @param documented services that had a document in the cluster before this one */
function earlierFrom(
  { revision, table, remembered }: SavedState,
  documented: readonly string[],
  decode: (item: StoredKey) => RegistryEntry,
): Earlier {
  return {
    revision: String(revision),
    remembered: { ...remembered, documented: [...documented, ...remembered.documented] },
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
