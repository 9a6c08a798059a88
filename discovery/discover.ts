import { checkName } from '../internal/nodes/node.ts'
import type { DiscoveredService } from './discovered-service.ts'
import { clientOptions, type EtcdAccess, withEnvironment } from './etcd/connect-options.ts'
import { EtcdRegistry } from './etcd/etcd-registry.ts'
import { checkPrefix, DEFAULT_SERVICES_PREFIX } from './etcd/prefixes.ts'
import type { Logger } from './logger.ts'
import { ServiceFollower } from './service-follower.ts'

export interface DiscoverOptions extends EtcdAccess {
  /** Default: WAYGATE_SERVICES_PREFIX, or else `/services/`. */
  readonly servicesPrefix?: string | undefined
  /** The name of the value format. Default `auto`. */
  readonly format?: string | undefined
  /** A folder for a copy of the list, which is used at a start while etcd is unreachable. Default: none. */
  readonly dataDir?: string | undefined
  /**
   * How long nodes that etcd seems to have lost stay in the list while they accept connections. With 0 they
   * are removed at once. Default 60,000.
   */
  readonly suspectGraceMs?: number | undefined
  /** Aborts waiting for the first list. */
  readonly signal?: AbortSignal | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

/**
 * Follows the nodes of a service in etcd, with the guarantees of the gateway's own table: no event is missed,
 * an error never empties the list, and nodes that only etcd has lost stay while they accept connections.
 * Resolves when the first list has arrived, even if it is empty. While etcd is unreachable it keeps trying.
 * The caller closes the result.
 *
 * @throws TypeError when an option is invalid; the reason of `signal` when that aborts first
 */
export async function discover(name: string, options: DiscoverOptions = {}): Promise<DiscoveredService> {
  const { signal, suspectGraceMs, logger } = options
  signal?.throwIfAborted()
  checkName('service', name)
  const { servicesPrefix = DEFAULT_SERVICES_PREFIX, format, dataDir, ...access } = withEnvironment(options)
  const registry = new EtcdRegistry({
    ...clientOptions(access),
    servicesPrefix,
    // Only this service's keys are listed and watched, however many other services there are.
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
