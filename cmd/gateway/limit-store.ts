import type { LimitStoreKeys } from '../../config/keys/limit-store-keys.ts'
import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { SharedCounters } from '../../internal/limits/counters.ts'
import type { LimitStoreView } from '../../routes/admin/metrics/limit-store-metrics.ts'
import { LimitStoreCounts } from '../../routes/admin/metrics/limit-store-metrics.ts'
import { RedisCounters } from '../../stores/redis/redis-counters.ts'

/** The store in which gateways count together. */
export interface LimitStore {
  readonly counters: SharedCounters
  readonly view: LimitStoreView
  close(): void
}

/**
 * Opens the store that is configured, without waiting for it. Logs when it is away, and when it is back.
 *
 * @param keys what its files hold
 */
export function openLimitStore(
  store: NonNullable<Config['rateLimits']['store']>,
  clock: Config['rateLimits']['clock'],
  keys: LimitStoreKeys | undefined,
  logger: Logger,
): LimitStore {
  const urls = store.urls ?? [store.url!]
  const name = urls.join(', ')
  const counts = new LimitStoreCounts()
  let hasDropped = false
  const counters = new RedisCounters({
    ...{ urls, isCluster: store.cluster, clock },
    ...{ timeoutMs: store.timeoutMs, retryMs: store.retryMs, prefix: store.prefix },
    username: store.username,
    password: keys?.password,
    tls: { ca: keys?.ca, cert: keys?.cert, key: keys?.key },
    onChange(away) {
      hasDropped = false
      if (away) logger.warn({ store: name, reason: away.message }, 'limit store unavailable')
      else logger.info({ store: name }, 'limit store available')
    },
    onResult: (result, seconds) => counts.add(result, seconds),
    onDropped() {
      if (hasDropped) return
      hasDropped = true
      logger.warn({ store: name }, 'quota charges dropped')
    },
  })
  return { counters, view: { counts, isUp: () => counters.isUp }, close: () => counters.close() }
}
