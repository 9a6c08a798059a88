import {
  castGrpcError,
  type Etcd3,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCOutOfRangeError,
  GRPCUnavailableError,
  type IKeyValue,
  type IWatchResponse,
} from 'etcd3'
import { connectionReason, plainReason } from './etcd-errors.ts'
import { type PrefixRange, prefixRange, textOf } from './key-bytes.ts'
import { type Page, type PageRequest, readPage } from './pages.ts'

/** One key with its value. */
export interface StoredKey {
  readonly key: string
  readonly value: string
  /** The revision of the last write. */
  readonly modRevision: bigint
  /** The id of its lease, decimal; undefined when it has none, so that it stays until it is deleted. */
  readonly lease?: string | undefined
}

export type WatchedEvent = { readonly type: 'put' | 'delete' } & StoredKey

/** One message of a watch, with the fields of etcd's `WatchResponse`. */
export interface WatchMessage {
  /** The store's revision when it sent the message, not that of the events. */
  readonly revision: bigint
  readonly clusterId: string
  readonly created: boolean
  readonly canceled: boolean
  /** Not 0 when the watch was canceled because its start revision was compacted. */
  readonly compactRevision: bigint
  readonly cancelReason: string
  /** More events of the same revisions follow in the next message. */
  readonly fragment: boolean
  readonly events: readonly WatchedEvent[]
}

export interface WatchListener {
  onMessage(message: WatchMessage): void
  /** Called once when the stream ends, unless it was closed from this side. */
  onEnd(error: Error): void
}

export interface PrefixWatch {
  /** Requests a sign of life, which arrives as a message without events. etcd's grpc-proxy sends none. */
  requestProgress(): void
  /** @param broken also drops the connection, so that the next attempt opens a new one */
  close(broken: boolean): void
}

/** How far a prefix has come, as a read shows it. */
export interface PrefixProgress {
  /** The store's revision. */
  readonly revision: bigint
  readonly clusterId: string
  /** The revision of the last write to the prefix, and the number of its keys; undefined when the store has not changed. */
  readonly newest?: { readonly modRevision: bigint; readonly count: number } | undefined
}

/** Access to one prefix of a store, which is read in pages and watched. */
export interface SyncTransport {
  /**
   * Reads one page of the prefix.
   *
   * @throws RevisionError when `revision` was compacted or does not exist yet
   * @throws UnreachableError when nobody answers
   */
  readPage(request: PageRequest): Promise<Page<StoredKey>>
  /**
   * Reads how far the prefix has come. Costs the store next to nothing while it has not changed since a revision.
   *
   * @throws UnreachableError when nobody answers
   */
  readProgress(since: bigint): Promise<PrefixProgress>
  /** Watches every change from `startRevision` on. Calls the listener only after it has returned. */
  watch(startRevision: bigint, listener: WatchListener): PrefixWatch
}

/** The store does not have the requested revision: `compacted` means no longer, `future` means not yet. */
export class RevisionError extends Error {
  readonly kind: 'compacted' | 'future'

  constructor(kind: 'compacted' | 'future', cause: unknown) {
    super(`etcd: required revision ${kind === 'compacted' ? 'has been compacted' : 'is in the future'}`, {
      cause,
    })
    this.kind = kind
  }
}

/**
 * Nobody answered, because the store or the network to it is down. A refusal by the store is another error.
 */
export class UnreachableError extends Error {}

/** Creates the transport for the keys under `prefix`, which must not be empty. */
export function createSyncTransport(client: Etcd3, prefix: string): SyncTransport {
  const range = prefixRange(prefix)
  return {
    async readPage(request) {
      const page = await readPage(client, range, request).catch(translate)
      return { ...page, items: page.items.map(storedKey) }
    },
    readProgress: since => readProgress(client, range, since).catch(translate),
    watch: (startRevision, listener) => openWatch(client, range, startRevision, listener),
  }
}

async function readProgress(client: Etcd3, range: PrefixRange, since: bigint): Promise<PrefixProgress> {
  const { header } = await client.kv.range({ key: range.key, count_only: true })
  const { cluster_id: clusterId } = header
  if (BigInt(header.revision) === since) return { revision: since, clusterId }
  const last = await client.kv.range({
    ...range,
    limit: 1,
    keys_only: true,
    sort_order: 'Descend',
    sort_target: 'Mod',
  })
  return {
    revision: BigInt(last.header.revision),
    clusterId: last.header.cluster_id,
    newest: { modRevision: BigInt(last.kvs[0]?.mod_revision ?? 0), count: Number(last.count) },
  }
}

function openWatch(
  client: Etcd3,
  range: PrefixRange,
  startRevision: bigint,
  listener: WatchListener,
): PrefixWatch {
  let closed = false
  let stream: Awaited<ReturnType<typeof client.watchClient.watch>> | undefined
  const fail = (error: Error) => {
    if (closed) return
    closed = true
    listener.onEnd(unreachable(error) ?? error)
  }
  client.watchClient.watch().then(opened => {
    opened.on('error', fail)
    opened.on('end', () => fail(new Error('the watch stream ended')))
    if (closed) {
      opened.end()
      opened.cancel()
      return
    }
    stream = opened
    opened.on('data', response => {
      const message = watchMessage(response)
      const deliver = () => {
        if (!closed) listener.onMessage(message)
      }
      if (message.canceled && message.compactRevision === 0n) void tryToRead(client, range).finally(deliver)
      else deliver()
    })
    opened.write({
      create_request: {
        ...range,
        start_revision: String(startRevision),
        progress_notify: true,
        fragment: true,
      },
    })
  }, fail)
  return {
    requestProgress: () => stream?.write({ progress_request: {} }),
    close(broken) {
      closed = true
      // etcd3 drops the connection of a stream that fails while it is still writable.
      if (!broken) stream?.end()
      stream?.cancel()
    },
  }
}

/**
 * Makes one read after a watch was refused, so that an expired token gets renewed. A refused watch does not
 * always report that the token was the reason (https://github.com/etcd-io/etcd/issues/12385).
 */
async function tryToRead(client: Etcd3, range: PrefixRange): Promise<void> {
  await client.kv.range({ ...range, limit: 1, keys_only: true }).catch(() => {})
}

function watchMessage(response: IWatchResponse): WatchMessage {
  return {
    revision: BigInt(response.header.revision),
    clusterId: response.header.cluster_id,
    created: response.created,
    canceled: response.canceled,
    compactRevision: BigInt(response.compact_revision),
    cancelReason: plainReason(response.cancel_reason),
    fragment: response.fragment,
    // The type is 'Put' in etcd3's types and 'PUT' on the wire.
    events: response.events.map(({ type, kv }) => ({
      type: String(type).toUpperCase() === 'DELETE' ? 'delete' : 'put',
      ...storedKey(kv),
    })),
  }
}

/** Converts a key as etcd sends it. */
export function storedKey({ key, value, mod_revision, lease }: IKeyValue): StoredKey {
  return {
    key: textOf(key),
    value: textOf(value),
    modRevision: BigInt(mod_revision),
    // A deleted key is sent without one.
    lease: lease === undefined || lease === '0' ? undefined : lease,
  }
}

function translate(error: unknown): never {
  if (error instanceof GRPCOutOfRangeError) {
    throw new RevisionError(error.message.includes('future') ? 'future' : 'compacted', error)
  }
  throw unreachable(error) ?? error
}

function unreachable(error: unknown): UnreachableError | undefined {
  if (!(error instanceof Error)) return undefined
  const cast = castGrpcError(error)
  const isOne =
    cast instanceof GRPCUnavailableError ||
    cast instanceof GRPCDeadlineExceededError ||
    cast instanceof GRPCCancelledError
  return isOne ? new UnreachableError(connectionReason(error.message), { cause: error }) : undefined
}
