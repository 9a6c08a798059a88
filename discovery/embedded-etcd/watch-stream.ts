import { contains } from './key-range.ts'
import { eventBytes, isDeletion, type StoreEvent } from './key-value.ts'
import type { Store } from './store.ts'
import type { WatchRequest, WatchResponse } from './watch.ts'

interface Watch extends Omit<WatchRequest, 'startRevision' | 'watchId'> {
  readonly id: bigint
  /** Events of this revision and later are still to be sent. */
  next: bigint
  /** Something was sent since the last sign of life. */
  active: boolean
}

export interface WatchStreamOptions {
  readonly store: Store
  /** Sends one message. Returns false when the reader is behind: then `resume()` is called when it is not. */
  readonly send: (message: WatchResponse) => boolean
  /** A message with more than this is closed at the next revision. */
  readonly batchBytes?: number
  readonly batchEvents?: number
  /** A message with more than this is split, for a watch with `fragment`. etcd: 2 MiB. */
  readonly fragmentBytes?: number
}

/** An answer that belongs to no watch of the stream. */
const NO_WATCH = -1n

/**
 * The watches of one client stream.
 *
 * Each watch is a place in the store's log, so what came before it was created and what comes after are the
 * same walk: without a gap, without a copy per watch, and a reader that is behind costs nothing but its
 * place. When compaction overtakes that place, the watch is cancelled with the compacted revision.
 */
export class WatchStream {
  readonly #options: Required<WatchStreamOptions>
  readonly #watches = new Map<bigint, Watch>()
  /** Those with something to send, in the order in which it is their turn. */
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

  /** Says how far the stream is, as soon as all its watches are that far. */
  requestProgress(): void {
    this.#progressWanted = true
    this.#pump()
  }

  /** A sign of life for those watches that asked for one and had no event since the last. */
  notifyProgress(): void {
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

  /** The reader has caught up. */
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
      // To the end of the queue when there is more: a busy watch must not keep its neighbours waiting.
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

  /** The watch's events from its place on, in whole revisions, up to about one message's worth. */
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
