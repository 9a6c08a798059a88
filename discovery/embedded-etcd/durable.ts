import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../logger.ts'
import { Commits } from './commits.ts'
import { DataFolderError } from './errors.ts'
import { lockFile } from './folder-lock.ts'
import type { CallTurns } from './journal.ts'
import { JournalFile } from './journal-file.ts'
import { type Entry, type JournalStart, keyChange } from './journal-lines.ts'
import { keyRange } from './key-range.ts'
import type { KeyValue, StoreEvent } from './key-value.ts'
import type { LeaseTable } from './lease-table.ts'
import type { Store } from './store.ts'

export interface DurableOptions {
  /** It is made when it does not exist. */
  readonly folder: string
  /** An empty store, whose listeners are there already. */
  readonly store: Store
  /** An empty table of leases that listens to the store. */
  readonly leases: LeaseTable
  /** The ids of a store that begins now. */
  readonly ids: StoreIds
  readonly logger: Logger
  /** The file is replaced when it has doubled and has grown by this. */
  readonly growthBytes: number
}

/** Who the store is, for its clients. */
export interface StoreIds {
  readonly clusterId: bigint
  readonly memberId: bigint
}

/** What keeps a store in a folder. */
export interface Durable {
  readonly ids: StoreIds
  readonly turns: CallTurns
  /** The size of its file. */
  bytes(): number
  /** Whether changes are refused, because the last one could not be written. */
  isFailing(): boolean
  /** Waits for changes under way, and frees the folder. */
  close(): Promise<void>
}

/**
 * Restores a store and its leases from a folder, and keeps all their changes there from now on.
 *
 * @throws Error when another process uses the folder, when it cannot be used, or when its data is damaged
 */
export async function openDurable(options: DurableOptions): Promise<Durable> {
  const { folder } = options
  try {
    // It holds what clients put, which may be secret.
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return await openFolder(options)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw new DataFolderError(
      `the embedded etcd cannot keep its data in ${folder}: ${cause.message}; ` +
        'name another folder with --embedded-etcd-data, or keep nothing with --embedded-etcd-memory',
      { cause },
    )
  }
}

async function openFolder(options: DurableOptions): Promise<Durable> {
  const { folder, store, leases, ids, logger, growthBytes } = options
  const lock = lockFile(join(folder, 'lock'))
  const file = new JournalFile(join(folder, 'journal'))
  try {
    const restored = new Restored(store, leases)
    const { exists, cutBytes } = await file.read(entry => restored.apply(entry))
    if (cutBytes > 0) logger.warn({ folder, cutBytes }, 'embedded etcd left out a write that was cut off')
    const known = exists ? restored.ids : ids
    const snapshot = () => entriesOf(known, store, leases)
    if (!exists) await file.replace(snapshot())
    const commits = new Commits({
      file,
      growthBytes,
      snapshot,
      onFailing(error) {
        if (!error) logger.info({ folder }, 'embedded etcd can write its data again')
        else {
          const { message: reason } = error
          logger.error({ folder, reason }, 'embedded etcd cannot write its data, and refuses changes')
        }
      },
      onReplaceFailed: ({ message: reason }) =>
        logger.warn({ folder, reason }, 'embedded etcd cannot make its file smaller'),
    })
    store.keepIn(commits)
    leases.keepIn(commits)
    commits.run(
      () => leases.keepNewEnds(),
      () => {},
    )
    await commits.settled()
    return {
      ids: known,
      turns: commits,
      bytes: () => file.bytes,
      isFailing: () => commits.isFailing,
      async close() {
        await commits.settled()
        await file.close()
        lock.close()
      },
    }
  } catch (error) {
    await file.close()
    lock.close()
    throw error
  }
}

/** Puts entries together to what they were made from. */
class Restored {
  readonly #store: Store
  readonly #leases: LeaseTable
  readonly #states: KeyValue[] = []
  #start: JournalStart | undefined
  #hasBegun = false

  constructor(store: Store, leases: LeaseTable) {
    this.#store = store
    this.#leases = leases
  }

  get ids(): StoreIds {
    return this.#start!
  }

  /** @throws Error when the entry cannot follow those before it */
  apply(entry: Entry): void {
    switch (entry.kind) {
      case 'start':
        this.#start = entry.start
        return
      case 'state':
        this.#states.push(entry.kv)
        return
      case 'lease':
        this.#leases.restore(entry.lease)
        return
      case 'write':
        this.#begin()
        this.#write(entry)
        return
      case 'whole':
        this.#begin()
        this.#compact(this.#start!.compactRevision)
        return
      case 'compact':
        this.#compact(entry.revision)
        return
      case 'renew':
        this.#leases.renew(entry.id)
        return
      case 'revoke':
        this.#leases.remove(entry.id)
        return
      default:
        entry satisfies never
    }
  }

  #begin(): void {
    if (this.#hasBegun) return
    if (!this.#start) throw new Error('it does not begin with who the store is')
    this.#hasBegun = true
    this.#store.begin(this.#states.splice(0), this.#start.revision)
  }

  #write({ revision, changes }: Extract<Entry, { kind: 'write' }>): void {
    const expected = this.#store.revision + 1n
    if (revision !== expected) throw new Error(`revision ${revision} follows revision ${expected - 1n}`)
    this.#store.write(writer => {
      for (const { key, value, lease } of changes) {
        if (value) writer.put(key, value, lease)
        else writer.delete(keyRange(key, Buffer.alloc(0)))
      }
    })
  }

  #compact(revision: bigint): void {
    // The bounds of the history may have compacted further by themselves.
    if (revision > this.#store.compactRevision) this.#store.compact(revision)
  }
}

/** Returns the whole state of a store and its leases, from which {@link Restored} makes the same again. */
function* entriesOf(ids: StoreIds, store: Store, leases: LeaseTable): Generator<Entry> {
  const { originRevision: revision, compactRevision } = store
  yield { kind: 'start', start: { ...ids, revision, compactRevision } }
  // Before the keys, which belong to them.
  for (const lease of leases.kept()) yield { kind: 'lease', lease }
  for (const kv of store.origin()) yield { kind: 'state', kv }
  let events: StoreEvent[] = []
  for (let at = 0; at < store.log.length; at++) {
    events.push(store.log.at(at)!)
    const { modRevision } = store.log.at(at)!.kv
    if (store.log.at(at + 1)?.kv.modRevision === modRevision) continue
    yield { kind: 'write', revision: modRevision, changes: events.map(keyChange) }
    events = []
  }
  yield { kind: 'whole' }
}
