import { etcdError } from './errors.ts'
import { EventLog } from './event-log.ts'
import { type Journal, NO_JOURNAL } from './journal.ts'
import { KeyIndex } from './key-index.ts'
import { type KeyRange, keyName } from './key-range.ts'
import { eventBytes, type KeyValue, type StoreEvent } from './key-value.ts'

/** When either limit of the history is exceeded, its older half is compacted. */
export interface StoreBounds {
  readonly historyEvents: number
  readonly historyBytes: number
  /** Puts that would take more memory are refused. */
  readonly quotaBytes: number
}

/** What a state takes in memory beside its key and its value, some 700 bytes, and what its write leaves to be collected. */
const STATE_BYTES = 1_024

export interface StoreListener {
  /** Called with all changes of a revision when it is complete in memory, or with their opposites when they are taken back. */
  applied?(events: readonly StoreEvent[]): void
  /** Called with all changes of a revision when they are kept, so that clients may hear of them. */
  committed?(events: readonly StoreEvent[], revision: bigint): void
}

/** The changes that are possible inside {@link Store.write}. */
export interface Writer {
  /** The revision of the changes. */
  readonly revision: bigint
  /** Puts a key and returns its previous state. */
  put(key: Buffer, value: Buffer, lease: bigint): KeyValue | undefined
  /** Deletes the keys of a range and returns their previous states. */
  delete(range: KeyRange): KeyValue[]
}

const NOTHING = Buffer.alloc(0)

/**
 * A multi-version store of keys and values with etcd's revisions. It lives in memory and has no I/O and no
 * timers; what must survive goes to a {@link Journal}. Revision 1 is the empty store. Every write that changes something creates one revision.
 */
export class Store {
  readonly log = new EventLog()
  readonly #index = new KeyIndex()
  readonly #bounds: StoreBounds
  readonly #listeners: StoreListener[] = []
  #revision = 1n
  #compactRevision = -1n
  #open: StoreEvent[] = []
  #journal: Journal = NO_JOURNAL
  /** What the last put would have taken if it was refused for want of space, else 0. */
  #refusedBytes = 0

  constructor(bounds: StoreBounds) {
    this.#bounds = bounds
  }

  /** The current revision. Inside a write that has changed something, it is already the new one. */
  get revision(): bigint {
    return this.#open.length > 0 ? this.#revision + 1n : this.#revision
  }

  /** The oldest revision that can be read; -1 before the first compaction. */
  get compactRevision(): bigint {
    return this.#compactRevision
  }

  /** The size of all keys and values, including past states. */
  get bytes(): number {
    return this.#index.bytes
  }

  /** Whether there is no space for the put that was refused last for want of it, or for any. */
  get isFull(): boolean {
    return !this.#hasSpace(Math.max(this.#refusedBytes, STATE_BYTES))
  }

  /**
   * Checks that there is space for a put.
   *
   * @param bytes the size of its key and value
   * @throws EtcdError when there is none. Deletions and a compaction make some
   */
  checkSpace(bytes: number): void {
    const wanted = STATE_BYTES + bytes
    const hasSpace = this.#hasSpace(wanted)
    this.#refusedBytes = hasSpace ? 0 : wanted
    if (!hasSpace) throw etcdError('noSpace')
  }

  /**
   * Checks that there is space for one more lease, as etcd does. A lease takes about as much as a state.
   *
   * @param count of the leases that there are
   * @throws EtcdError when there is none
   */
  checkLeaseSpace(count: number): void {
    if (!this.#hasSpace((count + 1) * STATE_BYTES)) throw etcdError('noSpace')
  }

  #hasSpace(wanted: number): boolean {
    return this.#index.bytes + this.#index.count * STATE_BYTES + wanted <= this.#bounds.quotaBytes
  }

  /**
   * Starts from states instead of an empty store: those at `revision` of all keys that existed then.
   */
  begin(states: readonly KeyValue[], revision: bigint): void {
    this.#revision = revision
    const events = states.map(kv => ({ name: keyName(kv.key), kv, previous: undefined }))
    for (const { name, kv } of events) this.#index.append(name, kv)
    for (const listener of this.#listeners) listener.applied?.(events)
  }

  /** The revision before the events in the log. */
  get originRevision(): bigint {
    return (this.log.at(0)?.kv.modRevision ?? this.#revision + 1n) - 1n
  }

  /** Returns the states at {@link originRevision}: from them, the events in the log lead to the present ones. */
  *origin(): Generator<KeyValue> {
    const firstEvents = new Map<string, StoreEvent>()
    for (let at = this.log.length - 1; at >= 0; at--) firstEvents.set(this.log.at(at)!.name, this.log.at(at)!)
    // The index no longer has a key whose deletion is the revision of the last compaction, but the log has its deletion.
    for (const { previous } of firstEvents.values()) if (previous) yield previous
    for (const [name, kv] of this.#index.oldest()) if (!firstEvents.has(name)) yield kv
  }

  /** From now on, changes are kept in a journal. */
  keepIn(journal: Journal): void {
    this.#journal = journal
  }

  /** Adds a listener. Listeners are called in the order in which they were added. */
  listen(listener: StoreListener): void {
    this.#listeners.push(listener)
  }

  latest(key: Buffer): KeyValue | undefined {
    return this.#index.latest(keyName(key))
  }

  /**
   * Returns the keys of the range as they were at `revision` (0 means now), in key order.
   *
   * @throws EtcdError when that revision was compacted or is in the future
   */
  range(range: KeyRange, revision = 0n): KeyValue[] {
    this.checkRevision(revision)
    return this.#index.range(range, revision > 0n ? revision : this.revision)
  }

  checkRevision(revision: bigint): void {
    if (revision > this.revision) throw etcdError('futureRevision')
    if (revision > 0n && revision < this.#compactRevision) throw etcdError('compacted')
  }

  /**
   * Runs `change`, whose changes become one revision. Reads inside `change` see them at once. There is no
   * rollback, so `change` must check everything before its first change.
   */
  write<T>(change: (writer: Writer) => T): T {
    const revision = this.#revision + 1n
    try {
      return change({
        revision,
        put: (key, value, lease) => this.#put(revision, key, value, lease),
        delete: range => this.#delete(revision, range),
      })
    } finally {
      this.#commit(revision)
    }
  }

  /**
   * Drops the history before `revision`.
   *
   * @throws EtcdError when that revision was compacted already or is in the future
   */
  compact(revision: bigint): void {
    if (revision <= this.#compactRevision) throw etcdError('compacted')
    if (revision > this.#revision) throw etcdError('futureRevision')
    this.#journal.permit()
    this.#journal.add(
      { kind: 'compact', revision },
      () => {},
      () => this.#compact(revision),
    )
  }

  #compact(revision: bigint): void {
    if (revision <= this.#compactRevision) return
    const names = new Set<string>()
    const end = this.log.position(revision + 1n)
    for (let at = 0; at < end; at++) names.add(this.log.at(at)!.name)
    this.#index.compact(names, revision)
    this.log.trim(revision)
    this.#compactRevision = revision
  }

  #put(revision: bigint, key: Buffer, value: Buffer, lease: bigint): KeyValue | undefined {
    const name = keyName(key)
    const previous = this.#index.latest(name)
    const kv: KeyValue = {
      key: previous?.key ?? ownCopy(key),
      value: ownCopy(value),
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0n) + 1n,
      lease,
    }
    this.#append(name, kv, previous)
    return previous
  }

  #delete(revision: bigint, range: KeyRange): KeyValue[] {
    const doomed = this.#index.range(range, revision)
    for (const previous of doomed) {
      const kv: KeyValue = {
        key: previous.key,
        value: NOTHING,
        createRevision: 0n,
        modRevision: revision,
        version: 0n,
        lease: 0n,
      }
      this.#append(keyName(previous.key), kv, previous)
    }
    return doomed
  }

  #append(name: string, kv: KeyValue, previous: KeyValue | undefined): void {
    if (this.#open.length === 0) this.#journal.permit()
    this.#index.append(name, kv)
    this.#open.push({ name, kv, previous })
  }

  #commit(revision: bigint): void {
    const events = this.#open
    if (events.length === 0) return
    this.#open = []
    this.#revision = revision
    this.log.append(events)
    for (const listener of this.#listeners) listener.applied?.(events)
    this.#journal.add(
      { kind: 'write', revision, events },
      () => this.#undo(events),
      () => {
        for (const listener of this.#listeners) listener.committed?.(events, revision)
        // Watches find later revisions that are kept with it in the log.
        if (revision === this.#revision) this.#boundHistory()
      },
    )
  }

  /** Takes back the last revision. */
  #undo(events: readonly StoreEvent[]): void {
    const backwards = events.toReversed()
    for (const { name } of backwards) this.#index.dropLast(name)
    this.log.dropLast(events.length)
    this.#revision--
    const opposites = backwards.map(({ name, kv, previous }) => ({
      name,
      kv: previous ?? { ...kv, value: NOTHING, version: 0n, lease: 0n },
      previous: kv,
    }))
    for (const listener of this.#listeners) listener.applied?.(opposites)
  }

  #boundHistory(): void {
    const { historyEvents, historyBytes } = this.#bounds
    let { length, bytes } = this.log
    if (length <= historyEvents && bytes <= historyBytes) return
    let at = 0
    while (at < this.log.length - 1 && (length > historyEvents / 2 || bytes > historyBytes / 2)) {
      bytes -= eventBytes(this.log.at(at)!)
      length--
      at++
    }
    let oldestKept = this.log.at(at)!.kv.modRevision
    // A revision is kept or dropped as a whole, and the last one is kept.
    const split = this.log.at(at - 1)?.kv.modRevision === oldestKept
    if (split && oldestKept < this.#revision) oldestKept++
    this.#compact(oldestKept)
  }
}

/**
 * Copies bytes into memory of their own. The fields of a decoded request are views of its whole buffer, and `Buffer.from` cuts
 * small copies from a slab of 64 KiB, which one of them would keep when all others are gone.
 */
function ownCopy(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NOTHING
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
