import { checkName } from '../internal/nodes/node.ts'
import type { DiscoveredService } from './discovered-service.ts'
import { clientOptions, type EtcdAccess, withEnvironment } from './etcd/connect-options.ts'
import { EtcdRegistry } from './etcd/etcd-registry.ts'
import { checkPrefix, DEFAULT_SERVICES_PREFIX } from './etcd/prefixes.ts'
import type { Logger } from './logger.ts'
import { ServiceFollower } from './service-follower.ts'

export interface DiscoverOptions extends EtcdAccess {
  /** Else WAYGATE_SERVICES_PREFIX, else `/services/`. */
  readonly servicesPrefix?: string | undefined
  /** The name of the value format; default `auto`. */
  readonly format?: string | undefined
  /** Folder for a copy of the list, from which it starts while etcd is away. Default: none. */
  readonly dataDir?: string | undefined
  /**
   * How long nodes that etcd seems to have lost stay while they take connections; 0 = etcd is always believed at
   * once. Default 60,000.
   */
  readonly suspectGraceMs?: number | undefined
  /** Gives up waiting for the first list. */
  readonly signal?: AbortSignal | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

/**
 * Follows the nodes of a service in etcd, with the guarantees of the gateway's own table: no event is missed, an
 * error never empties the list, and nodes that only etcd has lost stay while they take connections. Resolves
 * when the first list is there, an empty one too; while etcd is away it keeps trying.
 *
 * @throws TypeError when an option is not acceptable; the reason of `signal` when that aborts first
 */
export async function discover(name: string, options: DiscoverOptions = {}): Promise<DiscoveredService> {
  const { signal, suspectGraceMs, logger } = options
  signal?.throwIfAborted()
  checkName('service', name)
  const { servicesPrefix = DEFAULT_SERVICES_PREFIX, format, dataDir, ...access } = withEnvironment(options)
  const registry = new EtcdRegistry({
    ...clientOptions(access),
    servicesPrefix,
    // Just this service's keys are listed and watched, however many others there are.
    sources: [{ prefix: `${checkPrefix(servicesPrefix)}${name}/`, service: name, format }],
    withRoutes: false,
    dataDir,
    logger,
  })
  await registry.init()
  const follower = new ServiceFollower({ name, registry, suspectGraceMs, logger })
  try {
    await follower.ready(signal)
    return follower
  } catch (error) {
    await follower.close()
    throw error
  }
}
