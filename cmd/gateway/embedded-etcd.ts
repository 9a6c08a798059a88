import type { Config } from '../../config/schema.ts'
import type { EmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import type { Logger } from '../../discovery/logger.ts'
import { parseAddress } from '../../internal/nodes/node.ts'

/** Whether a gateway with this configuration brings its own etcd. */
export function wantsEmbeddedEtcd({ etcd, discovery }: Config): boolean {
  return etcd.endpoints === undefined && discovery.registry === 'etcd'
}

/**
 * The etcd of a gateway that has none configured; undefined for one that has. Whoever started it closes it.
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
