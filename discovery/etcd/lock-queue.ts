import {
  CompareResult,
  CompareTarget,
  type Etcd3,
  EtcdPermissionDeniedError,
  GRPCInvalidArgumentError,
  GRPCUnauthenticatedError,
  type IKeyValue,
} from 'etcd3'
import { systemClock } from './clock.ts'
import { prefixRange } from './key-bytes.ts'
import type { LeaseSession } from './lease-session.ts'
import { checkPrefix } from './prefixes.ts'
import { createSyncTransport, type WatchedEvent } from './transport.ts'

/** How long a watch is trusted to tell of a change; then the store itself is asked, on a new stream. */
const RECHECK_MS = 5_000

/** One key in a queue of keys, which stand in the order in which they were created. */
export interface Place {
  /** Of the queue; ends in `/`. */
  readonly queue: string
  readonly key: string
  /** The revision that created the key. */
  readonly revision: bigint
}

/** The key of a place is gone, or no longer the one that was put. */
export class PlaceLostError extends Error {}

/**
 * The prefix of the keys of one queue.
 *
 * @throws TypeError when the name is not one segment of a key
 */
export function queueOf(prefix: string, name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (!/^[^/\x00-\x1f\x7f]{1,255}$/.test(name)) {
    throw new TypeError('a name must be 1 to 255 characters, without / and control characters')
  }
  return `${checkPrefix(prefix)}${name}/`
}

/**
 * Puts a key under the session's lease at the end of the queue: `<queue><lease id in hex>`, as etcdctl and
 * Go's `concurrency` package do it, so that all of them can stand in one queue.
 */
export async function takePlace(
  client: Etcd3,
  session: LeaseSession,
  { queue, value }: { readonly queue: string; readonly value: string },
): Promise<Place> {
  const name = `${queue}${BigInt(session.id).toString(16)}`
  const key = Buffer.from(name)
  // A put whose answer was lost on the way is made again by the client; its place is the one it got first.
  const answer = await client.kv.txn({
    compare: [{ key, result: CompareResult.Equal, target: CompareTarget.Create, create_revision: '0' }],
    success: [{ request_put: { key, value: Buffer.from(value), lease: session.id } }],
    failure: [{ request_range: { key } }],
  })
  const revision = answer.succeeded ? answer.header.revision : firstKey(answer.responses)?.create_revision
  if (revision === undefined) throw new PlaceLostError('the key was deleted')
  return { queue, key: name, revision: BigInt(revision) }
}

/**
 * Who stands right before a place; undefined when nobody does. Linearizable.
 *
 * @throws PlaceLostError when the place itself is gone
 */
export async function lookAhead(
  client: Etcd3,
  { queue, key, revision }: Place,
): Promise<{ readonly ahead: string | undefined; readonly readAt: bigint }> {
  const answer = await client.kv.txn({
    compare: [
      {
        key: Buffer.from(key),
        result: CompareResult.Equal,
        target: CompareTarget.Create,
        create_revision: String(revision),
      },
    ],
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
    ],
    failure: [],
  })
  if (!answer.succeeded) throw new PlaceLostError('the key was deleted')
  return { ahead: firstKey(answer.responses)?.key.toString(), readAt: BigInt(answer.header.revision) }
}

/**
 * Resolves after the first event from `startRevision` on under `prefix` that matches, when `signal` aborts,
 * and after 5 s all the same: it is for the caller to look.
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

/** What another try would not change. */
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
