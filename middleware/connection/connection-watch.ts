import type { PaceLimit } from './pace.ts'

/** How long clients may leave the gateway waiting. Times are in milliseconds; 0 = no limit. */
export interface SlowClientLimits {
  /** How long a client may send nothing of a request body that is incomplete. */
  readonly bodyIdleTimeoutMs: number
  /** How long a connection may go without a request, whatever else arrives on it. */
  readonly idleTimeoutMs: number
  /** How long a client may read nothing of the data that waits for it. */
  readonly sendIdleTimeoutMs: number
  /** The slowest average rate at which a client may send a body or read an answer; 0 = no limit. */
  readonly minBytesPerSecond: number
  /** How long a client may stay below that rate. */
  readonly minRateGraceMs: number
}

/** Why a client was ended that left the gateway waiting. */
export type SlowReason = 'head-late' | 'idle' | 'body-idle' | 'body-slow' | 'send-idle' | 'send-slow'

/** Judges one connection by what its protocol knows about it. */
export interface ConnectionWatch {
  readonly protocol: 'h1' | 'h2'
  /**
   * Looks at the connection. Called about once a second.
   *
   * @param now milliseconds on the monotonic clock
   * @returns why the connection must be ended; undefined when it may stay
   */
  check(now: number): SlowReason | undefined
  /**
   * Returns for how long the connection has been seen without a request; 0 = it has one.
   *
   * @param now milliseconds on the monotonic clock
   */
  idleMs(now: number): number
}

/** Returns the minimum rate of request bodies, and that of answers. */
export function paceLimits(limits: SlowClientLimits): { sending: PaceLimit; reading: PaceLimit } {
  const { bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond, minRateGraceMs: graceMs } = limits
  return {
    sending: { minBytesPerSecond, graceMs, maxLeadMs: bodyIdleTimeoutMs },
    reading: { minBytesPerSecond, graceMs, maxLeadMs: sendIdleTimeoutMs },
  }
}
