import { setTimeout as delay } from 'node:timers/promises'
import { Etcd3 } from 'etcd3'
import type { Logger } from 'pino'

export interface NamingOptions {
  /** URLs of etcd. */
  readonly etcd: readonly string[]
  /** The key is `<prefix><service>/<address>`. */
  readonly prefix: string
  readonly service: string
  /** `host:port`. */
  readonly address: string
  /** The node's share of requests. etcd's own clients know none, so it is in the metadata, and 1 is left out. */
  readonly weight: number
  /** Seconds until the key is gone if this process dies. */
  readonly ttlSeconds: number
  readonly logger: Logger
}

const RETRY_MS = 1_000
const REVOKE_MS = 2_000

/**
 * Registers a gRPC server the way etcd's own `client/v3/naming` does: by one value, `{"Op":0,"Addr","Metadata"}`, under a
 * lease that is kept alive. When etcd loses the lease, takes another one and registers again. Resolves when `signal` has
 * aborted and the key is gone.
 */
export async function keepNamed(options: NamingOptions, signal: AbortSignal): Promise<void> {
  const { etcd, prefix, service, address, weight, ttlSeconds, logger } = options
  const key = `${prefix}${service}/${address}`
  const value = JSON.stringify({ Op: 0, Addr: address, Metadata: weight === 1 ? null : { weight } })
  const client = new Etcd3({ hosts: [...etcd] })
  const left = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  while (!signal.aborted) {
    const lease = client.lease(ttlSeconds)
    const lost = new Promise<void>(resolve => lease.once('lost', () => resolve()))
    try {
      await Promise.race([lease.put(key).value(value), left])
      logger.info({ key }, 'registered')
      await Promise.race([lost, left])
      if (!signal.aborted) logger.warn({ key }, 'the lease is lost')
    } catch (error) {
      logger.warn({ key, err: error }, 'registering failed')
    }
    // Otherwise the key would stay until the lease expires, which it does anyway while etcd is unreachable.
    await Promise.race([lease.revoke().catch(() => {}), delay(REVOKE_MS, undefined, { ref: false })])
    await delay(RETRY_MS, undefined, { signal }).catch(() => {})
  }
  client.close()
}
