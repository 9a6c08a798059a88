import { etcdError } from './errors.ts'
import { fail, readRequests, type Stream } from './grpc.ts'
import type { CallTurns } from './journal.ts'
import { keyRange } from './key-range.ts'
import type { Store } from './store.ts'
import type { WatchRequest, WatchResponse } from './watch.ts'
import { WatchStream } from './watch-stream.ts'
import { type HeaderFactory, type Int64, toLong, toWireEvent } from './wire.ts'

interface WireCreateRequest {
  readonly key: Buffer
  readonly range_end: Buffer
  readonly start_revision: Int64
  readonly progress_notify: boolean
  /** 0 excludes puts, 1 excludes deletes. */
  readonly filters: readonly number[]
  readonly prev_kv: boolean
  readonly watch_id: Int64
  readonly fragment: boolean
}

interface WireWatchRequest {
  readonly create_request?: WireCreateRequest
  readonly cancel_request?: { readonly watch_id: Int64 }
  readonly progress_request?: object
}

export interface WatchServiceOptions {
  readonly store: Store
  readonly header: HeaderFactory
  readonly turns: CallTurns
  /** How often a quiet watch with `progress_notify` gets a progress notification. etcd uses 10 minutes. */
  readonly progressIntervalMs: number
}

/** Creates etcd's Watch service for a store. Call `close()` to end its streams and its timer. */
export function createWatchService({ store, header, turns, progressIntervalMs }: WatchServiceOptions) {
  const open = new Map<Stream<WireWatchRequest, object>, WatchStream>()
  store.listen({
    committed(events, revision) {
      for (const watches of open.values()) watches.committed(events, revision)
    },
  })
  /** Does something when nothing is in the store that is not kept, since watches send whatever they find there. */
  const whenKept = (work: () => void) => turns.run(() => {}, work)
  const notifyProgress = () => {
    for (const watches of open.values()) watches.notifyProgress()
  }
  const progressTimer = setInterval(() => whenKept(notifyProgress), progressIntervalMs).unref()

  return {
    handlers: {
      Watch(call: Stream<WireWatchRequest, object>): void {
        const watches = new WatchStream({
          store,
          send: message => call.write(toWireMessage(message, header)),
        })
        open.set(call, watches)
        const forget = () => {
          open.delete(call)
          watches.close()
        }
        // A client that has finished sending still listens, so `end` is not the end of the call.
        const answer = (request: WireWatchRequest) => {
          if (request.create_request) watches.create(readCreate(request.create_request))
          else if (request.cancel_request) watches.cancel(BigInt(request.cancel_request.watch_id))
          else if (request.progress_request) watches.requestProgress()
        }
        readRequests(call, (request, done) =>
          whenKept(() => {
            answer(request)
            done()
          }),
        )
        call.on('drain', () => whenKept(() => watches.resume()))
        call.on('cancelled', forget)
        call.on('close', forget)
        call.on('error', forget)
      },
    },
    close(): void {
      clearInterval(progressTimer)
      for (const call of [...open.keys()]) fail(call, etcdError('stopped'))
    },
  }
}

function readCreate(wire: WireCreateRequest): WatchRequest {
  return {
    // An empty key means the smallest key.
    range: keyRange(wire.key.length > 0 ? wire.key : Buffer.from([0]), wire.range_end),
    startRevision: BigInt(wire.start_revision),
    watchId: BigInt(wire.watch_id),
    prevKv: wire.prev_kv,
    noPut: wire.filters.includes(0),
    noDelete: wire.filters.includes(1),
    fragment: wire.fragment,
    progressNotify: wire.progress_notify,
  }
}

function toWireMessage(message: WatchResponse, header: HeaderFactory): object {
  const { watchId, revision, events = [], prevKv = false, compactRevision = 0n, ...flags } = message
  return {
    ...flags,
    cancel_reason: flags.cancelReason,
    header: header(revision),
    watch_id: toLong(watchId),
    compact_revision: toLong(compactRevision),
    events: events.map(event => toWireEvent(event, prevKv)),
  }
}
