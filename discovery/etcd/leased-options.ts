import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'

const DEFAULT_TTL_SECONDS = 10
/** A day. etcd refuses much longer ones, and asking again would not help. */
const MAX_TTL_SECONDS = 86_400

/** What everything that keeps a key under a lease of its own is made with. */
export interface LeasedOptions {
  /** Stays open until after the lease was ended; closed by whoever made it. */
  readonly client: Etcd3
  /** How long the key stays when nobody renews the lease. Default 10, at most 86,400. */
  readonly ttlSeconds?: number | undefined
  readonly logger?: Logger | undefined
}

/** @throws TypeError when the TTL is not acceptable */
export function ttlMsOf({ ttlSeconds = DEFAULT_TTL_SECONDS }: LeasedOptions, minSeconds: number): number {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < minSeconds || ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(
      `the TTL must be a whole number of seconds, at least ${minSeconds} and at most ${MAX_TTL_SECONDS}`,
    )
  }
  return ttlSeconds * 1_000
}
