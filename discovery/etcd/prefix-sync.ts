import { type Logger, silentLogger } from '../logger.ts'
import type { SourceStatus } from '../registry.ts'
import { type Clock, jitteredBackoffMs, sleep, systemClock } from './clock.ts'
import { readAllPages } from './pages.ts'
import { StreamWatchdog, type WatchdogTimings } from './stream-watchdog.ts'
import { certainDifferences, differences, isOlderOrOther, type SyncState } from './sync-state.ts'
import {
  type PrefixProgress,
  RevisionError,
  type StoredKey,
  type SyncTransport,
  UnreachableError,
  type WatchedEvent,
  type WatchMessage,
} from './transport.ts'

export interface SyncListener {
  /** Called before a snapshot, which waits for the promise. When it rejects, everything is read again. */
  beforeSnapshot?(clusterId: string): Promise<void>
  /**
   * Called with the full content, which replaces everything before it.
   *
   * @param afterLoss whether the store had lost its data
   */
  onSnapshot(state: SyncState, afterLoss: boolean): void
  /** Called with what changed since the last snapshot or change. Each key occurs once. */
  onChange(puts: readonly StoredKey[], deletes: readonly string[], state: SyncState): void
  /**
   * Called when the connection is established for the first time, and whenever it is lost or restored. While
   * disconnected, it is also called when the store refuses for a new reason.
   */
  onConnected(connected: boolean, reason?: string): void
}

export interface SyncOptions {
  readonly transport: SyncTransport
  readonly listener: SyncListener
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
  readonly timings?: Partial<SyncTimings> | undefined
}

export interface SyncTimings extends WatchdogTimings {
  /** How long a new stream may take to confirm its watch; twice as long after several that did not. */
  readonly createdMs: number
  /** The time between full reads that check the table: random, from the first to the second value. */
  readonly auditMs: readonly [number, number]
  /**
   * The time until the first such check after a connection was lost: random, from the first to the second
   * value.
   */
  readonly firstAuditMs: readonly [number, number]
  readonly pageSize: number
}

const defaultTimings: SyncTimings = {
  // A change is seen within 4 s even if the watched member hangs, or the one that is tried next. A request
  // for a sign of life costs a few bytes. The time for its answer must be longer than a pause of the store.
  createdMs: 1_500,
  silenceMs: 500,
  answerMs: 2_000,
  deliverMs: 1_500,
  auditMs: [60_000, 300_000],
  firstAuditMs: [500, 3_000],
  pageSize: 500,
}

/**
 * The longest wait between attempts while etcd does not answer. Such attempts put no load on a store, and one
 * that comes back should be found well within a second. gRPC adds its own wait between connections, see
 * client.ts.
 */
const UNREACHABLE_CAP_MS = 400

/**
 * The cluster id of a message that etcd's grpc-proxy has made itself. It does so to confirm a watch on a range that
 * somebody else watches through it already (`watchBroadcast.add` in etcd's proxy/grpcproxy/watch_broadcast.go).
 */
const UNKNOWN_CLUSTER = '0'

const COMPACTED = 'the revision to resume from was compacted'
const OTHER_CLUSTER = 'the endpoint now belongs to another cluster'
const OLDER_REVISION = 'etcd is at an older revision than before'

/**
 * Why everything is read again. `behind`: the store is at an older revision than we are. `replaced`: its keys
 * were different after an outage. `drift`: its keys were different for no known reason. `audit`: the revision
 * to check against was compacted. `failed`: the listener threw an error.
 */
type RelistReason =
  | 'start'
  | 'compacted'
  | 'cluster-changed'
  | 'behind'
  | 'replaced'
  | 'drift'
  | 'audit'
  | 'failed'

/** How a watch ended. */
interface Ended {
  readonly reason: string
  readonly relist?: RelistReason
  /** True when nothing is wrong with the store. */
  readonly orderly?: boolean
  /** True when nobody answered; otherwise the store answered, but not as expected. */
  readonly unreachable?: boolean
}

/**
 * Keeps a table of one prefix up to date: reads the prefix in full at one revision, watches it from the next
 * revision on, and reads it in full again whenever a change may have been missed. One loop with two steps:
 *
 *     list ──► follow ──► (back off) ──► follow again where it ended
 *      ▲                      │
 *      └──── after a doubt ───┘
 *
 * Revisions decide, not time. An event at or below our revision was seen before. Our revision advances to
 * that of the last event applied, never to that of a message's header, which runs ahead of events that are
 * still to come. Only a delete event or a full read removes a key.
 */
export class PrefixSync {
  readonly #transport: SyncTransport
  readonly #listener: SyncListener
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #random: () => number
  readonly #timings: SyncTimings
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #table = new Map<string, StoredKey>()
  #revision = 0n
  #clusterId = ''
  #attempt = 0
  #unreachable = false
  #connected: boolean | undefined
  #reason: string | undefined
  #confirmedAt: number | undefined
  readonly #relists = new Map<string, number>()
  #drift = 0
  /** Whether the stream was lost since the table was last read or checked in full. */
  #interrupted = false

  constructor(options: SyncOptions) {
    this.#transport = options.transport
    this.#listener = options.listener
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#timings = { ...defaultTimings, ...options.timings }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Stops following. Resolves when no more callbacks will come. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** The current table; undefined until the store was read for the first time. */
  get state(): SyncState | undefined {
    if (this.#clusterId === '') return undefined
    return { revision: this.#revision, clusterId: this.#clusterId, table: this.#table }
  }

  status(): SourceStatus {
    return {
      connected: this.#connected ?? false,
      revision: this.#clusterId === '' ? undefined : String(this.#revision),
      ageMs: this.#confirmedAt === undefined ? undefined : this.#clock.now() - this.#confirmedAt,
      relists: new Map(this.#relists),
      drift: this.#drift,
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let relist: RelistReason | undefined = 'start'
    while (!signal.aborted) {
      let ended: Ended
      try {
        if (relist) await this.#list(relist)
        relist = undefined
        if (signal.aborted) return
        ended = await this.#follow()
      } catch (error) {
        ended = endedBy(error)
      }
      if (signal.aborted) return
      relist = ended.relist ?? relist
      if (ended.orderly) continue
      this.#interrupted = true
      this.#setLost(ended)
      await sleep(this.#clock, this.#backoffMs(ended.unreachable ?? false), signal)
    }
  }

  #backoffMs(unreachable: boolean): number {
    // A store that answers and refuses is a different failure than one that does not answer.
    if (unreachable !== this.#unreachable) this.#attempt = 0
    this.#unreachable = unreachable
    return jitteredBackoffMs(this.#attempt++, this.#random, unreachable ? UNREACHABLE_CAP_MS : undefined)
  }

  async #list(reason: RelistReason): Promise<void> {
    const read = await this.#readAll()
    await this.#listener.beforeSnapshot?.(read.clusterId)
    if (this.#stopping.signal.aborted) return
    // A store that was behind may have grown past our revision until it was read.
    const isKnownLoss = reason === 'replaced' || reason === 'behind' || reason === 'cluster-changed'
    const afterLoss = isKnownLoss || (this.state !== undefined && isOlderOrOther(read, this.state))
    if (reason === 'audit') this.#countDrift(certainDifferences(this.#table, read.table, this.#revision))
    this.#relists.set(reason, (this.#relists.get(reason) ?? 0) + 1)
    this.#table = read.table
    this.#revision = read.revision
    this.#clusterId = read.clusterId
    this.#interrupted = false
    this.#confirmedAt = this.#clock.now()
    this.#logger.debug(
      { reason, revision: String(read.revision), keys: read.table.size },
      'prefix read in full',
    )
    const { revision, clusterId, table } = read
    this.#listener.onSnapshot({ revision, clusterId, table }, afterLoss)
  }

  /** Reads the prefix in full, at `revision` or at the current one. */
  async #readAll(revision?: bigint): Promise<SyncState & { table: Map<string, StoredKey> }> {
    const table = new Map<string, StoredKey>()
    const at = await readAllPages({
      read: request => this.#transport.readPage(request),
      limit: this.#timings.pageSize,
      revision,
      take: item => table.set(item.key, item),
    })
    return { ...at, table }
  }

  /** Watches the prefix. Resolves when the stream has ended or must be given up. */
  #follow(): Promise<Ended> {
    const { signal } = this.#stopping
    const { createdMs } = this.#timings
    return new Promise(resolve => {
      let over = false
      let created = false
      /** The revision of the store up to which reads have shown that the stream delivers. */
      let checkedUpTo = this.#revision
      let pieces: WatchedEvent[] = []
      let stopAudits = () => {}

      const finish = (ended: Ended, broken = false) => {
        if (over) return
        over = true
        stopWaiting()
        watchdog.stop()
        stopAudits()
        signal.removeEventListener('abort', onStop)
        stream.close(broken)
        resolve(ended)
      }
      const onStop = () => finish({ reason: 'stopped', orderly: true })
      const watchdog = new StreamWatchdog({
        clock: this.#clock,
        timings: this.#timings,
        requestProgress: () => stream.requestProgress(),
        isComplete: async () => {
          const ours = this.#revision
          const read = await this.#transport.readProgress(checkedUpTo)
          const doubt = doubtAboutRead(read, ours, this.#clusterId)
          if (doubt) finish(doubt)
          if (over || this.#lacks(read)) return false
          checkedUpTo = read.revision
          this.#confirmedAt = this.#clock.now()
          return true
        },
        onSilent: () => finish({ reason: 'etcd is silent', unreachable: true }, true),
      })

      const onCreated = () => {
        this.#attempt = 0
        stopAudits = this.#scheduleAudits(finish)
        if (!this.#connected) this.#setConnected(true)
      }
      // A member that lags behind the others is at an older revision as well, and will deliver what comes after ours. A read
      // is answered with the revision of the whole store.
      const compareRevisions = async () => {
        const ours = this.#revision
        try {
          const doubt = doubtAboutRead(await this.#transport.readPage({ limit: 1 }), ours, this.#clusterId)
          if (over) return
          if (doubt) finish(doubt)
          else onCreated()
        } catch (error) {
          finish(endedBy(error))
        }
      }

      const onMessage = (message: WatchMessage): void => {
        if (over) return
        const doubt = this.#doubtAbout(message, created)
        if (doubt) {
          finish(doubt)
          return
        }
        if (message.created) {
          created = true
          if (message.revision < this.#revision) void compareRevisions()
          else onCreated()
        }
        this.#confirmedAt = this.#clock.now()
        stopWaiting()
        watchdog.heard(!message.created && message.events.length === 0)
        for (const event of message.events) pieces.push(event)
        if (message.fragment || pieces.length === 0) return
        const events = pieces
        pieces = []
        this.#apply(events)
      }

      const stream = this.#transport.watch(this.#revision + 1n, {
        onMessage: message => {
          try {
            onMessage(message)
          } catch (error) {
            // A listener that failed may have applied half of the event, so read everything again.
            this.#logger.error({ err: error }, 'applying an event failed')
            finish({ reason: 'applying an event failed', relist: 'failed' })
          }
        },
        onEnd: error => finish(endedBy(error)),
      })
      signal.addEventListener('abort', onStop, { once: true })
      // A store that is slow but alive must not be given up again and again.
      const patienceMs = this.#attempt > 2 ? 2 * createdMs : createdMs
      const stopWaiting = this.#clock.after(patienceMs, () =>
        finish({ reason: 'etcd does not answer', unreachable: true }, true),
      )
    })
  }

  #doubtAbout(message: WatchMessage, created: boolean): Ended | undefined {
    if (message.canceled) {
      const reason = message.cancelReason || 'etcd canceled the watch'
      return message.compactRevision > 0n ? { reason: COMPACTED, relist: 'compacted' } : { reason }
    }
    // What this message leaves open, the next one with events says, or the next read.
    if (message.clusterId !== this.#clusterId && message.clusterId !== UNKNOWN_CLUSTER) {
      return { reason: OTHER_CLUSTER, relist: 'cluster-changed' }
    }
    if (!created && !message.created) return { reason: 'etcd sent events before it confirmed the watch' }
    return undefined
  }

  /** Whether a read shows a change that no event has brought: a later write, or, after a deletion, fewer keys. */
  #lacks({ newest }: PrefixProgress): boolean {
    return newest !== undefined && (newest.modRevision > this.#revision || newest.count !== this.#table.size)
  }

  #apply(events: readonly WatchedEvent[]): void {
    const last = new Map<string, WatchedEvent>()
    for (const event of events) if (event.modRevision > this.#revision) last.set(event.key, event)
    if (last.size === 0) return
    const puts: StoredKey[] = []
    const deletes: string[] = []
    for (const { type, key, value, modRevision, lease } of last.values()) {
      if (type === 'delete') {
        this.#table.delete(key)
        deletes.push(key)
      } else {
        const item = { key, value, modRevision, lease }
        this.#table.set(key, item)
        puts.push(item)
      }
    }
    this.#revision = events.at(-1)!.modRevision
    const state = { revision: this.#revision, clusterId: this.#clusterId, table: this.#table }
    this.#listener.onChange(puts, deletes, state)
  }

  /** Compares the table with the store from time to time while it is being followed. */
  #scheduleAudits(finish: (ended: Ended, broken?: boolean) => void): () => void {
    let stopped = false
    let failures = 0
    let cancel = () => {}
    const schedule = ([from, to]: readonly [number, number]) => {
      cancel = this.#clock.after(from + this.#random() * (to - from), () => void audit())
    }
    const audit = async (): Promise<void> => {
      try {
        const ended = await this.#audit(() => stopped)
        if (stopped) return
        if (ended) {
          finish(ended)
          return
        }
        failures = 0
        this.#interrupted = false
      } catch (error) {
        if (stopped) return
        // One failure may be a busy moment. After two in a row, the store does not count as followed any
        // longer.
        if (++failures > 1) {
          finish(
            { ...endedBy(error), reason: `reading the prefix failed: ${(error as Error).message}` },
            true,
          )
          return
        }
      }
      schedule(failures > 0 ? this.#timings.firstAuditMs : this.#timings.auditMs)
    }
    // A store that lost its data and has grown past our revision again looks like one that never lost any.
    schedule(this.#interrupted ? this.#timings.firstAuditMs : this.#timings.auditMs)
    return () => {
      stopped = true
      cancel()
    }
  }

  async #audit(stopped: () => boolean): Promise<Ended | undefined> {
    const table = new Map(this.#table)
    const revision = this.#revision
    try {
      const read = await this.#readAll(revision)
      if (stopped()) return undefined
      if (read.clusterId !== this.#clusterId) {
        return { reason: OTHER_CLUSTER, relist: 'cluster-changed' }
      }
      const found = differences(table, read.table)
      if (found === 0) {
        this.#confirmedAt = this.#clock.now()
        return undefined
      }
      if (this.#interrupted)
        return { reason: "etcd's keys changed during the outage", relist: 'replaced', orderly: true }
      this.#countDrift(found)
      return { reason: 'the table had drifted from etcd', relist: 'drift', orderly: true }
    } catch (error) {
      if (!(error instanceof RevisionError)) throw error
      if (error.kind === 'compacted') return { reason: COMPACTED, relist: 'audit', orderly: true }
      return { reason: OLDER_REVISION, relist: 'behind' }
    }
  }

  #countDrift(found: number): void {
    if (found === 0) return
    this.#drift += found
    this.#logger.error({ differences: found }, 'table had drifted from etcd; reading it again')
  }

  #setLost({ reason, relist, unreachable }: Ended): void {
    // Report that a store answers again and refuses. That it still does not answer, or is read again, is no
    // news.
    const isNews = !unreachable && relist === undefined && reason !== this.#reason
    if (this.#connected !== false || isNews) this.#setConnected(false, reason)
  }

  #setConnected(connected: boolean, reason?: string): void {
    this.#connected = connected
    this.#reason = reason
    // Only debug, because the listener is called and knows better what this means.
    this.#logger.debug({ connected, reason, revision: String(this.#revision) }, 'connection changed')
    this.#listener.onConnected(connected, reason)
  }
}

function doubtAboutRead(read: PrefixProgress, revision: bigint, clusterId: string): Ended | undefined {
  if (read.clusterId !== clusterId) return { reason: OTHER_CLUSTER, relist: 'cluster-changed' }
  return read.revision < revision ? { reason: OLDER_REVISION, relist: 'behind' } : undefined
}

function endedBy(error: unknown): Ended {
  const reason = error instanceof Error ? error.message : String(error)
  return { reason, unreachable: error instanceof UnreachableError }
}
