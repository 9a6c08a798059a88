import type { Page, PageRequest } from '../../../discovery/etcd/pages.ts'
import {
  type PrefixProgress,
  RevisionError,
  type StoredKey,
  type SyncTransport,
  UnreachableError,
  type WatchedEvent,
  type WatchListener,
  type WatchMessage,
} from '../../../discovery/etcd/transport.ts'

/** The store's end of a watch stream. */
export class ScriptedStream {
  readonly startRevision: bigint
  closed: 'no' | 'orderly' | 'broken' = 'no'
  progressRequests = 0
  readonly #listener: WatchListener
  readonly #store: ScriptedStore

  constructor(store: ScriptedStore, startRevision: bigint, listener: WatchListener) {
    this.#store = store
    this.startRevision = startRevision
    this.#listener = listener
  }

  send(message: Partial<WatchMessage>): void {
    this.#listener.onMessage({
      revision: this.#store.revision,
      clusterId: this.#store.clusterId,
      created: false,
      canceled: false,
      compactRevision: 0n,
      cancelReason: '',
      fragment: false,
      events: [],
      ...message,
    })
  }

  created(): void {
    this.send({ created: true })
  }

  events(...events: readonly WatchedEvent[]): void {
    this.send({ events })
  }

  lose(): void {
    this.#listener.onEnd(new UnreachableError('connection reset'))
  }

  end(reason = 'connection reset'): void {
    this.#listener.onEnd(new Error(reason))
  }
}

/** A store that the test controls. */
export class ScriptedStore implements SyncTransport {
  revision = 5n
  clusterId = 'c1'
  compacted = 0n
  /** Thrown by every read while set. */
  failure: Error | undefined
  /** Whether it answers reads while its streams are silent, as behind a proxy that answers no requests for progress. */
  isProxied = false
  progressReads = 0
  /** Called before each page is read. */
  onRead: (page: number) => void = () => {}
  readonly keys = new Map<string, StoredKey>()
  readonly reads: { revision: bigint | undefined; limit: number }[] = []
  readonly streams: ScriptedStream[] = []
  #pages = 0

  put(key: string, value = 'v'): StoredKey {
    this.revision += 1n
    const item = { key, value, modRevision: this.revision }
    this.keys.set(key, item)
    return item
  }

  remove(key: string): void {
    this.revision += 1n
    this.keys.delete(key)
  }

  get stream(): ScriptedStream {
    return this.streams.at(-1)!
  }

  async readPage({ from, revision, limit }: PageRequest): Promise<Page<StoredKey>> {
    this.reads.push({ revision, limit })
    this.onRead(++this.#pages)
    if (this.failure) throw this.failure
    if (revision !== undefined && revision < this.compacted) throw new RevisionError('compacted', undefined)
    if (revision !== undefined && revision > this.revision) throw new RevisionError('future', undefined)
    const after = from?.toString() ?? ''
    const all = [...this.keys.values()]
      .filter(item => item.key >= after && item.modRevision <= (revision ?? this.revision))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    const items = all.slice(0, limit)
    const last = items.at(-1)
    return {
      revision: this.revision,
      clusterId: this.clusterId,
      items,
      next: all.length > limit && last ? Buffer.from(`${last.key}\0`) : undefined,
    }
  }

  readProgress(since: bigint): Promise<PrefixProgress> {
    this.progressReads++
    if (!this.isProxied) return new Promise(() => {})
    if (this.failure) return Promise.reject(this.failure)
    const { revision, clusterId } = this
    if (revision === since) return Promise.resolve({ revision, clusterId })
    const items = [...this.keys.values()]
    const [newest] = items.map(item => item.modRevision).sort((x, y) => (x > y ? -1 : 1))
    const modRevision = newest ?? 0n
    return Promise.resolve({ revision, clusterId, newest: { modRevision, count: items.length } })
  }

  watch(startRevision: bigint, listener: WatchListener) {
    const stream = new ScriptedStream(this, startRevision, listener)
    this.streams.push(stream)
    return {
      requestProgress: () => {
        stream.progressRequests++
      },
      close: (broken: boolean) => {
        stream.closed = broken ? 'broken' : 'orderly'
      },
    }
  }
}

export const put = (key: string, modRevision: bigint, value = 'v'): WatchedEvent => ({
  type: 'put',
  key,
  value,
  modRevision,
})
export const del = (key: string, modRevision: bigint): WatchedEvent => ({
  type: 'delete',
  key,
  value: '',
  modRevision,
})
