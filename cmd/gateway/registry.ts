import { join } from 'node:path'
import type { Keys } from '../../config/keys/keys.ts'
import type { Config } from '../../config/schema.ts'
import type { EmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import type { EtcdClientOptions } from '../../discovery/etcd/client.ts'
import type { Logger } from '../../discovery/logger.ts'
import { registries } from '../../discovery/registries.ts'
import type { Registry } from '../../discovery/registry.ts'
import { parseAddress } from '../../internal/nodes/node.ts'

/**
 * Opens the configured registry and initialises it. The caller closes it.
 *
 * @param embeddedUrl the address of the embedded etcd, when that is the registry
 */
export async function openRegistry(
  config: Config,
  { keys, embeddedUrl, logger }: { keys: Keys; embeddedUrl: string | undefined; logger: Logger },
): Promise<Registry> {
  const registry: Registry = await registries.get(config.discovery.registry)!({
    ...etcdClientOptions(config, keys, embeddedUrl),
    file: config.discovery.file,
    servicesPrefix: config.discovery.servicesPrefix,
    routesPrefix: config.discovery.routesPrefix,
    apiKeysPrefix: config.apiKeys.enabled ? config.apiKeys.prefix : undefined,
    revocationsPrefix: config.jwt.revocations.enabled ? config.jwt.revocations.prefix : undefined,
    descriptorsPrefix: config.discovery.descriptorsPrefix ?? undefined,
    certificatesPrefix: config.tls.fromEtcd ? config.discovery.certificatesPrefix : undefined,
    acmePrefix: config.tls.fromEtcd ? config.discovery.acmePrefix : undefined,
    policiesPrefix: config.discovery.policiesPrefix,
    format: config.discovery.format,
    sources: config.discovery.sources,
    // An etcd in memory starts empty each time, so a table from an earlier run would be wrong.
    dataDir: embeddedUrl !== undefined && embeddedFolder(config) === undefined ? undefined : config.dataDir,
    logger,
  })
  await registry.init()
  return registry
}

/** Returns how to reach etcd: the configured members, or else where the embedded one listens. */
export function etcdClientOptions(config: Config, keys: Keys, embeddedUrl?: string): EtcdClientOptions {
  const { endpoints = [embeddedUrl ?? `http://${config.etcd.embedded}`], user, password } = config.etcd
  const { ca, cert, key } = config.etcd
  return { endpoints, user, password, tls: keys.etcdTls && { ...keys.etcdTls, files: { ca, cert, key } } }
}

/** The port of etcd, which the embedded one has too unless told otherwise. */
const ETCD_PORT = 2_379

/** Returns whether a gateway with this configuration runs its own etcd. */
export function wantsEmbeddedEtcd({ etcd, discovery }: Config): boolean {
  return etcd.endpoints === undefined && discovery.registry === 'etcd'
}

/**
 * Returns the folder of the embedded etcd; undefined when it keeps its data in memory. Each port has a folder of its own, so
 * that several gateways in one directory do not meet. At any free port, nobody could find the data again.
 */
function embeddedFolder({ etcd, dataDir }: Config): string | undefined {
  if (etcd.embeddedMemory || etcd.embeddedData !== undefined) return etcd.embeddedData
  const { port } = parseAddress(etcd.embedded)
  if (port === 0) return undefined
  return join(dataDir, port === ETCD_PORT ? 'embedded-etcd' : `embedded-etcd-${port}`)
}

/**
 * Starts the embedded etcd when none is configured; returns undefined otherwise. The caller closes it.
 *
 * @throws Error when its address cannot be bound, or its data cannot be used
 */
export async function startOwnEtcd(config: Config, logger: Logger): Promise<EmbeddedEtcd | undefined> {
  if (!wantsEmbeddedEtcd(config)) return undefined
  const { startEmbeddedEtcd } = await import('../../discovery/embedded-etcd/server.ts')
  const dataFolder = embeddedFolder(config)
  const etcd = await startEmbeddedEtcd({ ...parseAddress(config.etcd.embedded), dataFolder, logger })
  const { url, revision, diskBytes } = etcd
  if (dataFolder === undefined)
    logger.info({ etcd: url }, 'embedded etcd is listening; its data is lost when this process ends')
  else {
    const kept = { folder: dataFolder, revision: Number(revision), bytes: diskBytes }
    logger.info({ etcd: url, ...kept }, 'embedded etcd is listening; its data is kept')
  }
  return etcd
}
