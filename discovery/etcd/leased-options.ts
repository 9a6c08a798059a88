import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'

const DEFAULT_TTL_SECONDS = 10
/** One day. etcd refuses much longer TTLs, and no retry would help. */
const MAX_TTL_SECONDS = 86_400

/** The options shared by everything that keeps a key under its own lease. */
export interface LeasedOptions {
  /** Must stay open until the lease has been ended. The caller closes it. */
  readonly client: Etcd3
  /** Seconds until the key is removed when its lease is not renewed. Default 10, at most 86,400. */
  readonly ttlSeconds?: number | undefined
  readonly logger?: Logger | undefined
}

/** @throws TypeError when the TTL is out of range */
export function ttlMsOf({ ttlSeconds = DEFAULT_TTL_SECONDS }: LeasedOptions, minSeconds: number): number {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < minSeconds || ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(`the TTL must be a whole number of seconds from ${minSeconds} to ${MAX_TTL_SECONDS}`)
  }
  return ttlSeconds * 1_000
}
