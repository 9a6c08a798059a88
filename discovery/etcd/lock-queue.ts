import {
  CompareResult,
  CompareTarget,
  type Etcd3,
  EtcdPermissionDeniedError,
  GRPCInvalidArgumentError,
  GRPCUnauthenticatedError,
  type ICompare,
  type IKeyValue,
} from 'etcd3'
import { systemClock } from './clock.ts'
import { prefixRange } from './key-bytes.ts'
import type { LeaseSession } from './lease-session.ts'
import { checkPrefix } from './prefixes.ts'
import { createSyncTransport, type StoredKey, storedKey, type WatchedEvent } from './transport.ts'

/**
 * How long to rely on a watch to report a change. After that the queue is read again, and a new stream is
 * opened.
 */
const RECHECK_MS = 5_000

/** One key in a queue of keys that are ordered by when they were created. */
export interface Place {
  /** The prefix of the queue, which ends in `/`. */
  readonly queue: string
  readonly key: string
  readonly value: string
  readonly lease: string
  /** The revision that created the key. */
  readonly revision: bigint
}

/** The key of a place was deleted, or replaced by another one. */
export class PlaceLostError extends Error {}

/**
 * Returns the prefix of the keys of a queue.
 *
 * @throws TypeError when the name is not one segment of a key
 */
export function queueOf(prefix: string, name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are rejected here
  if (!/^[^/\x00-\x1f\x7f]{1,255}$/.test(name)) {
    throw new TypeError('a name must have 1 to 255 characters, none of them a / or a control character')
  }
  return `${checkPrefix(prefix)}${name}/`
}

/**
 * Adds a key under the session's lease to the end of the queue. The key is `<queue><lease id in hex>`, as in
 * etcdctl and Go's `concurrency` package, so that all of them can share a queue.
 */
export async function takePlace(
  client: Etcd3,
  session: LeaseSession,
  { queue, value }: { readonly queue: string; readonly value: string },
): Promise<Place> {
  const name = `${queue}${BigInt(session.id).toString(16)}`
  const key = Buffer.from(name)
  // The client repeats a put whose answer was lost. Its place is then the one that it got first.
  const answer = await client.kv.txn({
    compare: [{ key, result: CompareResult.Equal, target: CompareTarget.Create, create_revision: '0' }],
    success: [{ request_put: { key, value: Buffer.from(value), lease: session.id } }],
    failure: [{ request_range: { key } }],
  })
  const revision = answer.succeeded ? answer.header.revision : firstKey(answer.responses)?.create_revision
  if (revision === undefined) throw new PlaceLostError('the key was deleted')
  return { queue, key: name, value, lease: session.id, revision: BigInt(revision) }
}

/**
 * Returns the key right before a place, or undefined when the place is first, and whether the place itself is
 * as it was taken. The read is linearizable.
 *
 * @throws PlaceLostError when the place itself is gone
 */
export async function lookAhead(
  client: Etcd3,
  place: Place,
): Promise<{ readonly ahead: string | undefined; readonly isIntact: boolean; readonly readAt: bigint }> {
  const { queue, key, revision } = place
  const answer = await client.kv.txn({
    compare: [existsStill(place)],
    success: [
      {
        request_range: {
          ...prefixRange(queue),
          max_create_revision: String(revision - 1n),
          sort_target: 'Create',
          sort_order: 'Descend',
          limit: 1,
          keys_only: true,
        },
      },
      { request_range: { key: Buffer.from(key) } },
    ],
    failure: [],
  })
  if (!answer.succeeded) throw new PlaceLostError('the key was deleted')
  const [before, own] = answer.responses
  return {
    ahead: firstKey([before!])?.key.toString(),
    isIntact: isIntact(place, storedKey(firstKey([own!])!)),
    readAt: BigInt(answer.header.revision),
  }
}

/** Whether the key of a place has the value and the lease with which it was taken. */
export function isIntact(place: Place, { value, lease }: StoredKey): boolean {
  return value === place.value && lease === place.lease
}

/**
 * Puts a place back under its lease. A key that somebody else has put without one would stay when its holder
 * is gone, and nobody else would ever be first.
 *
 * @throws PlaceLostError when the place is gone
 */
export async function restorePlace(client: Etcd3, place: Place): Promise<void> {
  const { key, value, lease } = place
  const { succeeded } = await client.kv.txn({
    compare: [existsStill(place)],
    success: [{ request_put: { key: Buffer.from(key), value: Buffer.from(value), lease } }],
    failure: [],
  })
  if (!succeeded) throw new PlaceLostError('the key was deleted')
}

function existsStill({ key, revision }: Place): ICompare {
  return {
    key: Buffer.from(key),
    result: CompareResult.Equal,
    target: CompareTarget.Create,
    create_revision: String(revision),
  }
}

/**
 * Resolves after the first matching event under `prefix` from `startRevision` on, or when `signal` aborts, or
 * after 5 s. The caller then reads the queue to find out what changed, if anything.
 *
 * @throws Error when the watch ends
 */
export async function untilChange(
  client: Etcd3,
  prefix: string,
  startRevision: bigint,
  signal: AbortSignal,
  matches: (event: WatchedEvent) => boolean = () => true,
): Promise<void> {
  const done = Promise.withResolvers<void>()
  const end = () => done.resolve()
  const stopTimer = systemClock.after(RECHECK_MS, end)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  const watch = createSyncTransport(client, prefix).watch(startRevision, {
    onMessage({ canceled, cancelReason, events }) {
      if (canceled) done.reject(new Error(cancelReason || 'the watch was canceled'))
      if (events.some(matches)) end()
    },
    onEnd: done.reject,
  })
  try {
    await done.promise
  } finally {
    watch.close(false)
    stopTimer()
    signal.removeEventListener('abort', end)
  }
}

/** Whether etcd refused a call for a reason that a retry would not change. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof EtcdPermissionDeniedError ||
    error instanceof GRPCUnauthenticatedError ||
    error instanceof GRPCInvalidArgumentError
  )
}

function firstKey(
  responses: readonly { readonly response_range?: { readonly kvs: readonly IKeyValue[] } }[],
) {
  return responses[0]?.response_range?.kvs[0]
}
