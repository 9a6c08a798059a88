import type { EntryChange } from '../../../discovery/directory.ts'
import type { Call } from '../../../internal/call.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { ChangeLog } from '../../../internal/telemetry/change-log.ts'
import { wentWrong } from '../../../internal/telemetry/filter.ts'
import { LiveTimes } from '../../../internal/telemetry/live-times.ts'
import { OpenCalls } from '../../../internal/telemetry/open-calls.ts'
import { RecentRequests } from '../../../internal/telemetry/recent-requests.ts'
import { TrafficHistory } from '../../../internal/telemetry/traffic-history.ts'
import type { ChangeEntry } from '../../../routes/admin/api-types.ts'
import { KeptRequest } from './kept-request.ts'
import { toChangeEntry } from './table-changes.ts'

/** The time between two samples of the last ten minutes. */
export const STEP_MS = 5_000
/** A timer may be so early by the clock of the system. */
const EARLY_MS = 100

/** Receives what happens, as it happens, while somebody watches. */
export interface TelemetryWatcher {
  onRequest(request: KeptRequest): void
  onChange(change: ChangeEntry): void
  /** @param id undefined = more than one, or not known which */
  onTable(kind: 'routes' | 'services', id: string | undefined): void
}

/**
 * Keeps what this process knows of the last ten minutes, the last requests, those that have not ended, and the last changes of
 * the table. The owner calls `close()`.
 */
export class Telemetry {
  readonly history = new TrafficHistory()
  readonly changes = new ChangeLog<ChangeEntry>()
  /** Undefined = requests are not remembered. */
  readonly requests: RecentRequests<KeptRequest> | undefined
  readonly open: OpenCalls<Call> | undefined
  /** Undefined while nobody watches. */
  watcher: TelemetryWatcher | undefined = undefined
  #timer: NodeJS.Timeout | undefined = undefined

  /** @param keepsRequests whether requests are remembered, and those that have not ended are listed */
  constructor(keepsRequests: boolean) {
    this.requests = keepsRequests ? new RecentRequests() : undefined
    this.open = keepsRequests ? new OpenCalls() : undefined
    this.#sampleLater()
  }

  /** Notes a request that has arrived. */
  opened(call: Call, revision: string | undefined): void {
    call.revision = revision
    this.open?.add(call)
  }

  /** Notes that a request which was `opened` has ended. */
  closed(call: Call): void {
    this.open?.remove(call)
  }

  /**
   * Counts a request that has ended, and remembers it.
   *
   * @param host its Host header
   */
  record(call: Call, status: number, totalMs: number, host: string | undefined): void {
    const { peer, route, attempts } = call
    const service = peer === undefined ? route?.service : peer.node.service
    const retries = attempts > 1 ? attempts - 1 : 0
    const ms = call.upgraded ? undefined : totalMs
    const isSlow = this.history.record(route?.id, service, status, ms, retries)
    if (peer !== undefined) recordTries(call)
    if (this.requests === undefined) return
    const kept = new KeptRequest(call, status, totalMs, host)
    this.requests.add(kept, isSlow || wentWrong(kept))
    this.watcher?.onRequest(kept)
  }

  /** Remembers that the registry has another value for a key. */
  entryChanged(change: EntryChange): void {
    const entry = toChangeEntry(change, Date.now())
    if (entry === undefined) return
    this.changes.add(entry)
    this.watcher?.onChange(entry)
    if (entry.kind === 'route') this.watcher?.onTable('routes', entry.id)
    else if (entry.kind === 'policy-set') this.watcher?.onTable('routes', undefined)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  /** Samples are taken at whole multiples of 5 s, so that those of several processes are of the same time. */
  #sampleLater(): void {
    const sinceStepMs = (Date.now() + EARLY_MS) % STEP_MS
    this.#timer = setTimeout(
      () => {
        const now = Date.now() + EARLY_MS
        this.history.sample(now - (now % STEP_MS))
        this.#sampleLater()
      },
      STEP_MS - sinceStepMs + EARLY_MS,
    ).unref()
  }
}

/** Counts the times of the tries at their nodes. */
function recordTries({ peer, tries, upstreamMs }: Call): void {
  if (tries !== undefined) for (const each of tries) recordTry(each.peer, each.ms ?? -1)
  else recordTry(peer!, upstreamMs)
}

/** @param ms negative when it is not known */
function recordTry(peer: Peer, ms: number): void {
  if (ms < 0) return
  peer.times ??= new LiveTimes()
  peer.times.add(ms)
}
