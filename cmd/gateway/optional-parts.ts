import type { Logger } from 'pino'
import type { Keys } from '../../config/keys/keys.ts'
import type { Config } from '../../config/schema.ts'
import { SpanCounts, type SpansView } from '../../routes/admin/metrics/span-metrics.ts'
import type { LimitStore } from './limit-store.ts'
import type { Inputs, Live, Settings } from './settings.ts'
import type { GatewayTls, TlsOptions } from './tls.ts'
import type { TlsFromRegistry } from './tls-from-registry.ts'
import type { Tracing, TracingOptions } from './tracing.ts'

/** The parts of a gateway that few configurations ask for. Each is loaded only then. Whoever opened one closes it. */

/** TLS for clients, and what the registry has for it; undefined = none is configured. */
export interface ClientTlsParts {
  readonly tls: GatewayTls | undefined
  readonly fromRegistry: TlsFromRegistry | undefined
}

/** @param options those of {@link TlsOptions}, with the keys of the whole gateway */
export async function loadClientTls({
  config,
  keys,
  ...options
}: Omit<TlsOptions, keyof Inputs> & Inputs): Promise<ClientTlsParts> {
  if (!keys.tls) return { tls: undefined, fromRegistry: undefined }
  const tls = (await import('./tls.ts')).openTls({ ...options, config, keys: keys.tls })
  if (!config.tls.fromEtcd) return { tls, fromRegistry: undefined }
  const { TlsFromRegistry } = await import('./tls-from-registry.ts')
  const fromRegistry = new TlsFromRegistry({
    ...{ prefix: config.discovery.certificatesPrefix, certificates: tls.certificates },
    ...{ sealKey: keys.sealKey, plainKeys: config.tls.plainKeys },
    hasOthers: keys.tls.certificates.length > 0,
  })
  return { tls, fromRegistry }
}

/** Opens the store in which gateways count together. */
export async function loadLimitStore(
  { rateLimits: { store, clock } }: Config,
  keys: Keys,
  logger: Logger,
): Promise<LimitStore | undefined> {
  if (!store) return undefined
  return (await import('./limit-store.ts')).openLimitStore(store, clock, keys.limitStore, logger)
}

/**
 * Opens tracing, and another one with each reload that changes it. Spans of requests under way are sent to the collector that is
 * configured when they end.
 *
 * @returns `current` is undefined while nothing is traced; the counts of all spans so far, undefined until something is; what
 *   closes it, along with those that a reload is still closing
 */
export async function openLiveTracing(
  settings: Settings,
  options: Omit<TracingOptions, 'config' | 'counts'>,
): Promise<{
  readonly tracing: Live<Tracing | undefined>
  readonly spans: SpansView
  close(): Promise<void>
}> {
  let counts: SpanCounts | undefined
  const closing = new Set<Promise<void>>()
  const close = (old: Tracing | undefined) => {
    if (old === undefined) return
    const closed = old.close().finally(() => closing.delete(closed))
    closing.add(closed)
  }
  const tracing = await settings.open({
    of: ({ config }) => ({ ...config.tracing, url: undefined }),
    async open({ config: { tracing: config } }) {
      if (!config.endpoint) return undefined
      counts ??= new SpanCounts()
      return (await import('./tracing.ts')).openTracing({ ...options, counts, config })
    },
    close,
  })
  return {
    ...{ tracing, spans: () => counts },
    async close() {
      close(tracing.current)
      await Promise.all(closing)
    },
  }
}
