import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import type { DoctorFinding } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** What a lease is asked and told. */
export interface LeaseCalls {
  /** In whole seconds. */
  grant(ttlSeconds: number): Promise<{ readonly id: string; readonly ttlSeconds: number }>
  /** Whole seconds that are left; -1 when it has ended. */
  remaining(id: string): Promise<number>
  revoke(id: string): Promise<unknown>
}

export interface LeaseClockTimes {
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
  /** How long to look at most. */
  readonly patienceMs: number
}

/** The least that a registration may ask for. */
const TTL_SECONDS = 6
const POLL_MS = 50
/** How much faster or slower than ours a clock may be. */
const TOLERANCE = 0.2
/** A second of etcd's that takes longer by our clock is a slow clock there. */
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
 * Whether leases are granted for as long as they are asked for, and end when our clock says so. Takes a
 * lease without keys for two seconds, which changes nothing that anybody reads.
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
      // It ends by itself where this fails.
      await calls.revoke(id).catch(() => {})
    }
  } catch (error) {
    const { kind, reason } = refusalOf(error)
    if (kind === 'denied') {
      return [{ check: 'leases', level: 'skipped', message: `this user may not take a lease: ${reason}` }]
    }
    return [
      {
        check: 'leases',
        level: 'problem',
        message: `no lease can be taken, so no node can register: ${reason}`,
        hint: reason.includes('space exceeded')
          ? 'make room as said under space'
          : 'leases need a leader and a majority of members: look at the other findings first',
      },
    ]
  }
}

/** When the seconds left fell to a value: not before `from`, not after `to`. */
interface Fall {
  readonly seconds: number
  readonly from: number
  readonly to: number
}

/** How long a second of etcd's takes by our clock, in milliseconds: at least and at most. */
interface Second {
  readonly atLeastMs: number
  readonly atMostMs: number
}

/**
 * etcd tells whole seconds, so what can be timed is how long after one fall the next one comes. A busy
 * machine only makes the answer less exact, never wrong.
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
      message: `etcd makes leases of ${TTL_SECONDS} s last ${granted} s, so a node that dies stays in the table for longer`,
      hint: 'its --election-timeout is long: leases are at least one and a half times as long',
      details: { askedSeconds: TTL_SECONDS, grantedSeconds: granted },
    },
  ]
}

function judgeClock(measured: Awaited<ReturnType<typeof measure>>): DoctorFinding[] {
  if (measured === 'unknown') {
    const message =
      'leases are granted; whether in step with our clock cannot be seen, as answers take too long'
    return [{ check: 'leases', level: 'skipped', message }]
  }
  const hint = 'look whether the machine of etcd, or this one, is overloaded or stood still'
  if (measured === 'ended') {
    const message = `a lease ended before its ${TTL_SECONDS} s were over`
    return [{ check: 'leases', level: 'warning', message, hint }]
  }
  const [atLeastMs, atMostMs] = [Math.round(measured.atLeastMs), Math.round(measured.atMostMs)]
  const details = { secondAtLeastMs: atLeastMs, secondAtMostMs: Number.isFinite(atMostMs) ? atMostMs : null }
  const slow = atLeastMs > SLOW_MS
  if (!slow && atMostMs >= FAST_MS) {
    const message = 'leases are granted, and count down as our clock does'
    return [{ check: 'leases', level: 'ok', message, details }]
  }
  const took = slow ? `at least ${atLeastMs} ms` : `at most ${atMostMs} ms`
  const message = `a second of a lease takes ${took} by our clock: leases end ${slow ? 'late' : 'early'}`
  return [{ check: 'leases', level: 'warning', message, hint, details }]
}
