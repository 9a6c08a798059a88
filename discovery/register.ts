import { addressOf, createNode, type NodeInput, parseAddress } from '../internal/nodes/node.ts'
import { type EtcdAccess, openEtcd, withEnvironment } from './etcd/connect-options.ts'
import { checkPrefix, DEFAULT_SERVICES_PREFIX } from './etcd/prefixes.ts'
import { Registrar } from './etcd/registrar.ts'
import { startRegistrar } from './etcd/start-registrar.ts'
import type { Logger } from './logger.ts'
import type { Registration } from './registry.ts'

export interface ServiceOptions extends EtcdAccess {
  /** The name of the service. */
  readonly name: string
  /** Else WAYGATE_SERVICES_PREFIX, else `/services/`. */
  readonly servicesPrefix?: string | undefined
  /** Unique within the service; default `<name>-<host>-<port>`, the same after a restart. */
  readonly id?: string | undefined
  /** 0..65535, default 1. */
  readonly weight?: number | undefined
  /** At most 256 entries. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Seconds that the node stays when this process is gone without a word; 6 to 86,400, default 10. */
  readonly ttlSeconds?: number | undefined
  /** Gives up while the store is still away. */
  readonly signal?: AbortSignal | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

export type RegisterServiceOptions = ServiceOptions &
  (
    | { /** `host:port` or `[v6]:port`. */ readonly address: string }
    | { readonly host: string; readonly port: number }
  )

/**
 * Puts this process into etcd as one node of a service, and keeps it there until `unregister()`, which also
 * closes the connection. Resolves when etcd has it; while etcd is away it keeps trying.
 *
 * @throws TypeError when an option is not acceptable; the reason of `signal` when that aborts first
 */
export async function register(options: RegisterServiceOptions): Promise<Registration> {
  const { signal, ttlSeconds, logger } = options
  signal?.throwIfAborted()
  const access = withEnvironment(options)
  const node = createNode(nodeOf(options))
  const prefix = checkPrefix(access.servicesPrefix ?? DEFAULT_SERVICES_PREFIX)
  const client = openEtcd(access)
  let registrar: Registrar
  try {
    const key = `${prefix}${node.service}/${node.id}`
    registrar = new Registrar({ client, key, node, ttlSeconds, logger, onLeave: () => client.close() })
  } catch (error) {
    client.close()
    throw error
  }
  await startRegistrar(registrar, signal)
  return registrar
}

function nodeOf(options: RegisterServiceOptions): NodeInput {
  const { name, weight, metadata } = options
  const { host, port } = 'address' in options ? parseAddress(options.address) : options
  // An address has brackets around IPv6, an id must not.
  const id =
    options.id ??
    `${name}-${addressOf({ host, port })
      .replace(/[[\]]/g, '')
      .replace(/:(\d+)$/, '-$1')}`
  return { service: name, id, host, port, weight, metadata }
}
