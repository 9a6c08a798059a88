import type { Logger } from 'pino'
import { DEFAULT_CONFIG_FILE, type LoadedConfig } from '../config/load.ts'
import { ConfigError } from '../config/problem.ts'
import { codecNamed } from '../discovery/codecs/codecs.ts'
import { type EmbeddedEtcd, startEmbeddedEtcd } from '../discovery/embedded-etcd/server.ts'
import { registries } from '../discovery/registries.ts'
import type { Registry } from '../discovery/registry.ts'
import { parseAddress } from '../internal/node.ts'
import { etcdClientOptions } from './etcd-options.ts'
import { type Gateway, startGateway } from './gateway.ts'
import type { Log } from './logger.ts'

/** A gateway with its registry and, where none is configured, with an etcd of its own. */
export interface Stack {
  readonly gateway: Gateway
  /** Undefined when `etcd.endpoints` are configured. */
  readonly embeddedEtcd: EmbeddedEtcd | undefined
  /** Stops the gateway first, what it stands on last. Resolves with how many requests were cut off. */
  stop(): Promise<number>
}

/**
 * Starts what `waygate start` runs.
 *
 * @throws Error when an address cannot be bound; nothing is left running then
 */
export async function startStack(loaded: LoadedConfig, { logger, write: writeLine }: Log): Promise<Stack> {
  const { config, keys } = loaded
  checkFormats(loaded)
  const closers: (() => Promise<unknown>)[] = []
  const closeAll = async () => {
    for (const close of closers.reverse()) await close()
  }
  try {
    let embeddedEtcd: EmbeddedEtcd | undefined
    if (config.etcd.endpoints === undefined && config.discovery.registry === 'etcd') {
      embeddedEtcd = await startEmbeddedEtcd(parseAddress(config.etcd.embedded))
      closers.push(() => embeddedEtcd!.close())
      logger.info(
        { etcd: embeddedEtcd.url },
        'embedded etcd is listening; its data lives as long as this process',
      )
    }
    const registry: Registry = registries.get(config.discovery.registry)!({
      ...etcdClientOptions(config, keys, embeddedEtcd?.url),
      file: config.discovery.file,
      servicesPrefix: config.discovery.servicesPrefix,
      routesPrefix: config.discovery.routesPrefix,
      format: config.discovery.format,
      sources: config.discovery.sources,
      // The embedded etcd starts empty each time; a table from its last life would be no truth.
      dataDir: embeddedEtcd ? undefined : config.dataDir,
      logger: logger.child({ module: 'discovery' }),
    })
    await registry.init()
    closers.push(() => registry.close())
    const gateway = await startGateway({ config, keys, registry, logger, writeLine })
    return {
      gateway,
      embeddedEtcd,
      async stop() {
        const cut = await gateway.stop()
        await closeAll()
        return cut
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** The names of formats are discovery's, which the configuration's schema does not know. */
function checkFormats({ config, sourceOf }: LoadedConfig): void {
  const { format, sources } = config.discovery
  const named = [
    { path: 'discovery.format', format },
    ...sources.map((source, i) => ({ path: `discovery.sources[${i}].format`, format: source.format })),
  ]
  const problems = named.flatMap(each => {
    try {
      codecNamed(each.format)
      return []
    } catch (error) {
      return { path: `$.${each.path}`, message: (error as Error).message, source: sourceOf(each.path) }
    }
  })
  if (problems.length > 0) throw new ConfigError(problems)
}

/** Says once, at start, what an operator should know of a configuration. */
export function logStartWarnings({ config, keys, warnings, file }: LoadedConfig, logger: Logger): void {
  for (const warning of warnings) logger.warn(warning)
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, 'configuration read')
  if (!keys.jwt)
    logger.warn('no key for tokens is configured: routes are open to everyone unless they ask for one')
  if (config.workers !== 1)
    logger.warn({ workers: config.workers }, 'this version runs one process; workers is ignored')
}
