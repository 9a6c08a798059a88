import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import type { DoctorFinding } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** The calls that the check makes about a lease. */
export interface LeaseCalls {
  /** Grants a lease. TTLs are in whole seconds. */
  grant(ttlSeconds: number): Promise<{ readonly id: string; readonly ttlSeconds: number }>
  /** Returns the whole seconds that are left, or -1 when the lease has ended. */
  remaining(id: string): Promise<number>
  revoke(id: string): Promise<unknown>
}

export interface LeaseClockTimes {
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
  /** The longest time to observe the lease. */
  readonly patienceMs: number
}

/** The shortest TTL of a registration. */
const TTL_SECONDS = 6
const POLL_MS = 50
/** How much faster or slower than ours etcd's clock may be. */
const TOLERANCE = 0.2
/** If a second of etcd's clock takes longer than this on ours, etcd's clock is slow. */
const SLOW_MS = 1_000 * (1 + TOLERANCE)
const FAST_MS = 1_000 * (1 - TOLERANCE)

const SYSTEM_TIMES: LeaseClockTimes = { now: () => performance.now(), sleep: delay, patienceMs: 2_750 }

export function leaseCalls(client: Etcd3): LeaseCalls {
  return {
    async grant(ttlSeconds) {
      const { ID, TTL } = await client.leaseClient.leaseGrant({ TTL: ttlSeconds })
      return { id: ID, ttlSeconds: Number(TTL) }
    },
    async remaining(id) {
      return Number((await client.leaseClient.leaseTimeToLive({ ID: id })).TTL)
    },
    revoke: id => client.leaseClient.leaseRevoke({ ID: id }),
  }
}

/**
 * Checks that leases are granted for the requested time, and that they expire in step with our clock. Takes a
 * lease without keys for two seconds, which no reader of etcd can see.
 */
export async function checkLeases(
  calls: LeaseCalls,
  times: LeaseClockTimes = SYSTEM_TIMES,
): Promise<DoctorFinding[]> {
  try {
    const { id, ttlSeconds } = await calls.grant(TTL_SECONDS)
    try {
      const measured = await measure(calls, id, times)
      return [...judgeTtl(ttlSeconds), ...judgeClock(measured)]
    } finally {
      // If this fails, the lease expires by itself.
      await calls.revoke(id).catch(() => {})
    }
  } catch (error) {
    const { kind, reason } = refusalOf(error)
    if (kind === 'denied') {
      return [{ check: 'leases', level: 'skipped', message: `this user may not request a lease: ${reason}` }]
    }
    return [
      {
        check: 'leases',
        level: 'problem',
        message: `etcd grants no lease, so no node can register: ${reason}`,
        hint: reason.includes('space exceeded')
          ? 'free space as described in the finding about space'
          : 'leases need a leader and a majority of members; see the other findings first',
      },
    ]
  }
}

/** A moment when the remaining seconds fell to a value, between `from` and `to`. */
interface Fall {
  readonly seconds: number
  readonly from: number
  readonly to: number
}

/** The bounds of how long a second of etcd's clock takes on ours, in milliseconds. */
interface Second {
  readonly atLeastMs: number
  readonly atMostMs: number
}

/**
 * Measures how long a second of etcd's clock takes. etcd reports whole seconds, so the time between two
 * changes of that number is measured. A busy machine makes the result less exact, but never wrong.
 */
async function measure(
  calls: LeaseCalls,
  id: string,
  { now, sleep, patienceMs }: LeaseClockTimes,
): Promise<Second | 'ended' | 'unknown'> {
  const startedAt = now()
  let quietSince = Number.POSITIVE_INFINITY
  let first: Fall | undefined
  let before: { readonly seconds: number; readonly askedAt: number } | undefined
  while (now() - startedAt < patienceMs) {
    const askedAt = now()
    const seconds = await calls.remaining(id)
    if (seconds < 0) return 'ended'
    if (!before) quietSince = now()
    if (before && seconds < before.seconds) {
      const fall = { seconds, from: before.askedAt, to: now() }
      if (first) {
        const passed = first.seconds - seconds
        return {
          atLeastMs: Math.max(0, fall.from - first.to) / passed,
          atMostMs: (fall.to - first.from) / passed,
        }
      }
      first = fall
      quietSince = fall.to
    }
    before = { seconds, askedAt }
    await sleep(POLL_MS)
  }
  const quietMs = (before?.askedAt ?? 0) - quietSince
  return quietMs > SLOW_MS ? { atLeastMs: quietMs, atMostMs: Number.POSITIVE_INFINITY } : 'unknown'
}

function judgeTtl(granted: number): DoctorFinding[] {
  if (granted <= TTL_SECONDS) return []
  return [
    {
      check: 'leases',
      level: 'warning',
      message: `etcd grants ${granted} s for leases of ${TTL_SECONDS} s, so a node that dies stays in the table longer`,
      hint: "etcd's --election-timeout is long; leases last at least one and a half times as long",
      details: { askedSeconds: TTL_SECONDS, grantedSeconds: granted },
    },
  ]
}

function judgeClock(measured: Awaited<ReturnType<typeof measure>>): DoctorFinding[] {
  if (measured === 'unknown') {
    const message =
      'leases are granted, but their clock could not be compared with ours, because answers take too long'
    return [{ check: 'leases', level: 'skipped', message }]
  }
  const hint = 'check whether the machine of etcd, or this one, is overloaded or was suspended'
  if (measured === 'ended') {
    const message = `a lease expired before its ${TTL_SECONDS} s were over`
    return [{ check: 'leases', level: 'warning', message, hint }]
  }
  const [atLeastMs, atMostMs] = [Math.round(measured.atLeastMs), Math.round(measured.atMostMs)]
  const details = { secondAtLeastMs: atLeastMs, secondAtMostMs: Number.isFinite(atMostMs) ? atMostMs : null }
  const slow = atLeastMs > SLOW_MS
  if (!slow && atMostMs >= FAST_MS) {
    const message = 'leases are granted, and count down in step with our clock'
    return [{ check: 'leases', level: 'ok', message, details }]
  }
  const took = slow ? `at least ${atLeastMs} ms` : `at most ${atMostMs} ms`
  const message = `a second of a lease takes ${took} on our clock, so leases expire too ${slow ? 'late' : 'early'}`
  return [{ check: 'leases', level: 'warning', message, hint, details }]
}
