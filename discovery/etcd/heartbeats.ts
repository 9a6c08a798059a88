import { hash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Etcd3,
  EtcdPermissionDeniedError,
  GRPCDeadlineExceededError,
  GRPCFailedPreconditionError,
} from 'etcd3'
import { encodeNode } from '../codecs/waygate.ts'
import type { HeartbeatOutcome, WantedNode } from '../heartbeat.ts'
import { BeatStream } from './beat-stream.ts'
import { systemClock } from './clock.ts'
import { connectionReason, plainReason } from './etcd-errors.ts'
import { isLeaseGone } from './lease-session.ts'
import { putIfFree } from './put-if-free.ts'
import { type StoredKey, storedKey } from './transport.ts'

/** A process waits for the answer, which it needs within its TTL. */
const WITHIN_MS = 3_000
/** How long one call may take of it. */
const CALL_WITHIN_MS = 2_000
/** A lease that has expired is there until etcd has removed its keys. */
const EXPIRING_MS = 50
const MAX_GRANTS = 20
/** Of calls for one key that come at once, one puts it and the others try again. */
const MAX_PUTS = 10
/** The bits of a lease's id that are its TTL. 3,600 s fit in. */
const TTL_BITS = 12n

/** The etcd of one heartbeat. */
interface Within {
  readonly client: Etcd3
  /** Aborts when time is up. */
  readonly signal: AbortSignal
  /**
   * Returns the options of a call that begins now, which is cancelled when time is up.
   *
   * @throws Error when time is up already
   */
  options(): { readonly deadline: number }
}

/**
 * Registers a node under a lease, or renews that lease. Nothing is remembered here: each call may reach another process.
 * The lease is found by the key, since its id is made of the key and the TTL. So it is known which keys were written here,
 * and a key of anybody else is never touched. It can be repeated after any answer, and after none: it then comes to the same key under
 * the same lease.
 *
 * @param wanted undefined only renews what is there
 */
export function heartbeat(client: Etcd3, key: string, wanted?: WantedNode): Promise<HeartbeatOutcome> {
  return answered(client, key, etcd => (wanted ? register(etcd, key, wanted) : renewKey(etcd, key)))
}

/** Removes a node that {@link heartbeat} has registered, with its lease. */
export function farewell(client: Etcd3, key: string): Promise<HeartbeatOutcome> {
  return answered(client, key, async etcd => {
    const found = await read(etcd, key)
    if (!found) return gone(key)
    if (!isOurs(key, found)) return taken(key, found)
    await revoke(etcd, found.lease!)
    return { outcome: 'removed' }
  })
}

async function register(
  etcd: Within,
  key: string,
  { node, ttlSeconds, mustExist }: WantedNode,
): Promise<HeartbeatOutcome> {
  const value = encodeNode(node)
  const lease = leaseOf(key, ttlSeconds)
  for (let attempt = 1; ; attempt++) {
    const found = await read(etcd, key)
    if (!found && mustExist) return { outcome: 'full', detail: `${key} is not there, and may not be added` }
    const isOwn = found !== undefined && isOurs(key, found)
    if (isOwn && found.lease === lease && found.value === value && (await renew(etcd, lease))) {
      return { outcome: 'renewed', leftSeconds: ttlSeconds }
    }
    // A key that somebody has put without its lease would stay when the process dies.
    const hasLostLease = found !== undefined && found.lease === undefined && (await renew(etcd, lease))
    if (found && !isOwn && !hasLostLease) return taken(key, found)
    await grant(etcd, lease, ttlSeconds)
    const revision = await putIfFree(etcd.client, {
      ...{ key: Buffer.from(key), value: Buffer.from(value), lease },
      replaces: found?.modRevision,
      options: etcd.options(),
    })
    if (revision !== undefined) {
      // The lease of another TTL ends by itself. Revoked late, it could take the key along, which may be under it again by then.
      return { outcome: found ? 'updated' : 'registered', leftSeconds: ttlSeconds }
    }
    // Somebody was faster. Who, is to be read.
    if (attempt === MAX_PUTS) throw new Error(`others write ${key} all the time`)
  }
}

async function renewKey(etcd: Within, key: string): Promise<HeartbeatOutcome> {
  const found = await read(etcd, key)
  if (found?.lease === undefined) return gone(key)
  if (!isOurs(key, found)) return taken(key, found)
  if (!(await renew(etcd, found.lease))) return gone(key)
  return { outcome: 'renewed', leftSeconds: ttlSecondsOf(found.lease) }
}

async function read(etcd: Within, key: string): Promise<StoredKey | undefined> {
  const { kvs } = await etcd.client.kv.range({ key: Buffer.from(key) }, etcd.options())
  return kvs[0] && storedKey(kvs[0])
}

/** Grants a lease, or renews the one with this id. */
async function grant(etcd: Within, lease: string, ttlSeconds: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await etcd.client.leaseClient.leaseGrant({ ID: lease, TTL: String(ttlSeconds) }, etcd.options())
      return
    } catch (error) {
      if (!(error instanceof GRPCFailedPreconditionError) || attempt === MAX_GRANTS) throw error
    }
    if (await renew(etcd, lease)) return
    await wait(EXPIRING_MS)
  }
}

/** @returns false when etcd does not have the lease */
async function renew(etcd: Within, lease: string): Promise<boolean> {
  const { client, signal } = etcd
  signal.throwIfAborted()
  const stream = new BeatStream({ client, clock: systemClock, lease, signal })
  try {
    return await stream.beat(CALL_WITHIN_MS)
  } finally {
    stream.close(false)
  }
}

/** Removes a lease with its keys. A lease that is already gone is no error. */
async function revoke(etcd: Within, lease: string): Promise<void> {
  await etcd.client.leaseClient.leaseRevoke({ ID: lease }, etcd.options()).catch(error => {
    if (!isLeaseGone(error)) throw error
  })
}

/** What all leases of a key have in common: 51 bits, of the 63 that an id has. */
function keyBits(key: string): bigint {
  return BigInt(`0x${hash('sha256', `waygate heartbeat ${key}`).slice(0, 13)}`) >> 1n
}

/** Returns the id of the lease of a key, decimal. */
function leaseOf(key: string, ttlSeconds: number): string {
  return String((keyBits(key) << TTL_BITS) | BigInt(ttlSeconds))
}

function ttlSecondsOf(lease: string): number {
  return Number(BigInt.asUintN(Number(TTL_BITS), BigInt(lease)))
}

function isOurs(key: string, { lease }: StoredKey): boolean {
  return lease !== undefined && BigInt(lease) >> TTL_BITS === keyBits(key)
}

const REPEAT = 'whether it has taken effect is not known, so send the same call again, which does no harm'
const SILENT: HeartbeatOutcome = { outcome: 'unreachable', detail: `etcd does not answer; ${REPEAT}` }

function gone(key: string): HeartbeatOutcome {
  return { outcome: 'expired', detail: `${key} has expired or was never registered; send the body again` }
}

function taken(key: string, found: StoredKey): HeartbeatOutcome {
  const owner =
    found.lease === undefined
      ? 'was written without a lease, and stays until somebody deletes it'
      : 'belongs to a process that registers by itself'
  return { outcome: 'taken', detail: `${key} ${owner}; use another id` }
}

/**
 * Says what etcd's errors mean. Resolves within 3 s. Then no further call begins, and the one under way is cancelled; etcd may have
 * done it by then.
 */
async function answered(
  client: Etcd3,
  key: string,
  work: (etcd: Within) => Promise<HeartbeatOutcome>,
): Promise<HeartbeatOutcome> {
  const over = new AbortController()
  const untilMs = performance.now() + WITHIN_MS
  const etcd: Within = {
    client,
    signal: over.signal,
    options() {
      over.signal.throwIfAborted()
      return { deadline: Date.now() + Math.min(CALL_WITHIN_MS, untilMs - performance.now()) }
    },
  }
  const late = wait(WITHIN_MS, undefined, { signal: over.signal }).then(() => SILENT)
  late.catch(() => {})
  const working = work(etcd).catch((error: Error): HeartbeatOutcome => {
    if (error instanceof TypeError || error instanceof RangeError) throw error
    if (error instanceof EtcdPermissionDeniedError) {
      return { outcome: 'read-only', detail: `the user of etcd may not read and write ${key}; grant it that` }
    }
    if (error instanceof GRPCDeadlineExceededError) return SILENT
    const reason = plainReason(connectionReason(error.message))
    return { outcome: 'unreachable', detail: `etcd: ${reason}; ${REPEAT}` }
  })
  // Nobody waits for it once time is up.
  working.catch(() => {})
  return Promise.race([working, late]).finally(() => over.abort())
}
