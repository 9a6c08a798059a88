import type { Keys } from '../../config/keys/keys.ts'
import { ConfigError } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import type { Config } from '../../config/schema.ts'
import { codecNamed } from '../../discovery/codecs/codecs.ts'
import type { EmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import type { EtcdClientOptions } from '../../discovery/etcd/client.ts'
import type { Logger } from '../../discovery/logger.ts'
import { registries } from '../../discovery/registries.ts'
import type { Registry } from '../../discovery/registry.ts'
import { parseAddress } from '../../internal/nodes/node.ts'

/**
 * The configured registry, initialised. Whoever opened it closes it.
 *
 * @param embeddedUrl where the embedded etcd listens, when that is the registry
 */
export async function openRegistry(
  config: Config,
  { keys, embeddedUrl, logger }: { keys: Keys; embeddedUrl: string | undefined; logger: Logger },
): Promise<Registry> {
  const registry: Registry = registries.get(config.discovery.registry)!({
    ...etcdClientOptions(config, keys, embeddedUrl),
    file: config.discovery.file,
    servicesPrefix: config.discovery.servicesPrefix,
    routesPrefix: config.discovery.routesPrefix,
    apiKeysPrefix: config.apiKeys.enabled ? config.apiKeys.prefix : undefined,
    revocationsPrefix: config.jwt.revocations.enabled ? config.jwt.revocations.prefix : undefined,
    format: config.discovery.format,
    sources: config.discovery.sources,
    // The embedded etcd starts empty each time; a table from its last life would be no truth.
    dataDir: embeddedUrl === undefined ? config.dataDir : undefined,
    logger,
  })
  await registry.init()
  return registry
}

/**
 * The names of formats are discovery's, which the configuration's schema does not know.
 *
 * @throws ConfigError with every format that nobody knows
 */
export function checkFormats({ config, sourceOf }: LoadedConfig): void {
  const { format, sources } = config.discovery
  const named = [
    { path: 'discovery.format', said: 'discovery.format', format },
    // Who said a value is known for the list as a whole.
    ...sources.map((source, i) => ({
      path: `discovery.sources[${i}].format`,
      said: 'discovery.sources',
      format: source.format,
    })),
  ]
  const problems = named.flatMap(each => {
    try {
      codecNamed(each.format)
      return []
    } catch (error) {
      return { path: `$.${each.path}`, message: (error as Error).message, source: sourceOf(each.said) }
    }
  })
  if (problems.length > 0) throw new ConfigError(problems)
}

/** Returns how to reach etcd: the configured members, or else where the embedded one listens. */
export function etcdClientOptions(config: Config, keys: Keys, embeddedUrl?: string): EtcdClientOptions {
  const { endpoints = [embeddedUrl ?? `http://${config.etcd.embedded}`], user, password } = config.etcd
  return { endpoints, user, password, tls: keys.etcdTls }
}

/** Returns whether a gateway with this configuration runs its own etcd. */
export function wantsEmbeddedEtcd({ etcd, discovery }: Config): boolean {
  return etcd.endpoints === undefined && discovery.registry === 'etcd'
}

/**
 * Starts the embedded etcd when none is configured; returns undefined otherwise. The caller closes it.
 *
 * @throws Error when its address cannot be bound
 */
export async function startOwnEtcd(config: Config, logger: Logger): Promise<EmbeddedEtcd | undefined> {
  if (!wantsEmbeddedEtcd(config)) return undefined
  const { startEmbeddedEtcd } = await import('../../discovery/embedded-etcd/server.ts')
  const etcd = await startEmbeddedEtcd(parseAddress(config.etcd.embedded))
  logger.info({ etcd: etcd.url }, 'embedded etcd is listening; its data lives as long as this process')
  return etcd
}
