import { contains } from './key-range.ts'
import { eventBytes, isDeletion, type StoreEvent } from './key-value.ts'
import type { Store } from './store.ts'
import type { WatchRequest, WatchResponse } from './watch.ts'

interface Watch extends Omit<WatchRequest, 'startRevision' | 'watchId'> {
  readonly id: bigint
  /** The first revision whose events have not been sent yet. */
  next: bigint
  /** Whether events were sent since the last progress notification was due. */
  active: boolean
}

export interface WatchStreamOptions {
  readonly store: Store
  /**
   * Sends one message. Returns false when the reader is slow; the caller then calls `resume()` when it has
   * caught up.
   */
  readonly send: (message: WatchResponse) => boolean
  /** A message of at least this size ends at the next revision. */
  readonly batchBytes?: number
  /** A message of at least this many events ends at the next revision. */
  readonly batchEvents?: number
  /** A larger message is split, for a watch with `fragment`. etcd uses 2 MiB. */
  readonly fragmentBytes?: number
}

/** The watch id of a message that belongs to no watch of the stream. */
const NO_WATCH = -1n

/**
 * The watches of one client stream.
 *
 * Each watch is a position in the store's log. Past and new events are read in the same way, so there is no
 * gap between them, no copy per watch, and a slow reader costs nothing but its position. When compaction
 * overtakes that position, the watch is cancelled with the compacted revision.
 */
export class WatchStream {
  readonly #options: Required<WatchStreamOptions>
  readonly #watches = new Map<bigint, Watch>()
  /** The watches with something to send, in the order of their turns. */
  readonly #behind = new Set<Watch>()
  #blocked = false
  #progressWanted = false
  #nextId = 0n

  constructor(options: WatchStreamOptions) {
    this.#options = { batchBytes: 1 << 20, batchEvents: 1_000, fragmentBytes: 2 << 20, ...options }
  }

  create(request: WatchRequest): void {
    const { store } = this.#options
    const refusal = this.#refusal(request)
    if (refusal) {
      const { revision } = store
      this.#send({ watchId: NO_WATCH, revision, created: true, canceled: true, cancelReason: refusal })
      return
    }
    let id = request.watchId
    if (id === 0n) {
      while (this.#watches.has(this.#nextId)) this.#nextId++
      id = this.#nextId++
    }
    const next = request.startRevision > 0n ? request.startRevision : store.revision + 1n
    const watch: Watch = { ...request, id, next, active: false }
    this.#watches.set(id, watch)
    this.#send({ watchId: id, revision: store.revision, created: true })
    if (next <= store.revision) this.#behind.add(watch)
    this.#pump()
  }

  cancel(id: bigint): void {
    const watch = this.#watches.get(id)
    if (!watch) return
    this.#forget(watch)
    this.#send({ watchId: id, revision: this.#options.store.revision, canceled: true })
  }

  /** Reports the current revision as soon as all watches of the stream have reached it. */
  requestProgress(): void {
    this.#progressWanted = true
    this.#pump()
  }

  /**
   * Sends a progress notification to the watches that asked for it and had no event since the last one, unless the reader is
   * slow.
   */
  notifyProgress(): void {
    if (this.#blocked) return
    const { revision } = this.#options.store
    for (const watch of this.#watches.values()) {
      if (!watch.progressNotify) continue
      if (!watch.active && !this.#behind.has(watch)) this.#send({ watchId: watch.id, revision })
      watch.active = false
    }
  }

  committed(events: readonly StoreEvent[], revision: bigint): void {
    for (const watch of this.#watches.values()) {
      if (this.#behind.has(watch) || watch.next > revision) continue
      if (!events.some(event => wants(watch, event))) continue
      watch.next = revision
      this.#behind.add(watch)
    }
    this.#pump()
  }

  /** Continues to send, after the reader has caught up. */
  resume(): void {
    this.#blocked = false
    this.#pump()
  }

  close(): void {
    this.#watches.clear()
    this.#behind.clear()
    this.#blocked = true
  }

  #refusal({ range, watchId }: WatchRequest): string | undefined {
    if (range.to !== undefined && range.to <= range.from) return 'mvcc: watcher range is empty'
    if (this.#watches.has(watchId) && watchId !== 0n) {
      return 'mvcc: duplicate watch ID provided on the WatchStream'
    }
    return undefined
  }

  #pump(): void {
    for (const watch of this.#behind) {
      if (this.#blocked) return
      // A watch with more to send goes to the end of the queue, so that a busy watch does not delay the
      // others.
      this.#behind.delete(watch)
      if (this.#advance(watch)) this.#behind.add(watch)
    }
    if (!this.#progressWanted || this.#blocked) return
    this.#progressWanted = false
    this.#send({ watchId: NO_WATCH, revision: this.#options.store.revision })
  }

  /** Sends the next message of a watch. Returns whether there is more to send. */
  #advance(watch: Watch): boolean {
    const { store } = this.#options
    if (watch.next < store.compactRevision) {
      this.#forget(watch)
      this.#send({
        watchId: watch.id,
        revision: 0n,
        canceled: true,
        compactRevision: store.compactRevision,
      })
      return false
    }
    const { events, next } = this.#collect(watch)
    watch.next = next
    if (events.length > 0) this.#sendEvents(watch, events)
    return next <= store.revision
  }

  /**
   * Collects a watch's events from its position on, in whole revisions, up to about the size of one message.
   */
  #collect(watch: Watch): { events: StoreEvent[]; next: bigint } {
    const { store, batchBytes, batchEvents } = this.#options
    const events: StoreEvent[] = []
    let bytes = 0
    for (let at = store.log.position(watch.next); at < store.log.length; at++) {
      const event = store.log.at(at)!
      const { modRevision } = event.kv
      const full = events.length >= batchEvents || bytes >= batchBytes
      if (full && modRevision !== events.at(-1)!.kv.modRevision) return { events, next: modRevision }
      if (!wants(watch, event)) continue
      events.push(event)
      bytes += eventBytes(event)
    }
    return { events, next: store.revision + 1n }
  }

  #sendEvents(watch: Watch, events: readonly StoreEvent[]): void {
    watch.active = true
    const { prevKv } = watch
    const { revision } = this.#options.store
    const parts = watch.fragment ? split(events, this.#options.fragmentBytes) : [events]
    parts.forEach((part, at) => {
      const fragment = at < parts.length - 1
      this.#send({ watchId: watch.id, revision, events: part, prevKv, fragment })
    })
  }

  #send(message: WatchResponse): void {
    if (!this.#options.send(message)) this.#blocked = true
  }

  #forget(watch: Watch): void {
    this.#watches.delete(watch.id)
    this.#behind.delete(watch)
  }
}

function wants(watch: Watch, event: StoreEvent): boolean {
  return contains(watch.range, event.name) && !(isDeletion(event.kv) ? watch.noDelete : watch.noPut)
}

function split(events: readonly StoreEvent[], maxBytes: number): StoreEvent[][] {
  const parts: StoreEvent[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const event of events) {
    const size = eventBytes(event)
    if (bytes + size > maxBytes) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)!.push(event)
    bytes += size
  }
  return parts
}
