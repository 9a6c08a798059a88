import { addressOf, createNode, laneOf, type NodeInput, parseAddress } from '../internal/nodes/node.ts'
import { protocolOf } from './codecs/metadata.ts'
import { type EtcdAccess, openEtcd, withEnvironment } from './etcd/connect-options.ts'
import { checkPrefix, DEFAULT_SERVICES_PREFIX } from './etcd/prefixes.ts'
import { Registrar } from './etcd/registrar.ts'
import { startRegistrar } from './etcd/start-registrar.ts'
import type { Logger } from './logger.ts'
import type { Registration } from './registry.ts'

export interface ServiceOptions extends EtcdAccess {
  /** The name of the service. */
  readonly name: string
  /** Default: WAYGATE_SERVICES_PREFIX, or else `/services/`. */
  readonly servicesPrefix?: string | undefined
  /** Unique within the service. Default `<name>-<host>-<port>`, which stays the same after a restart. */
  readonly id?: string | undefined
  /** 0..65535, default 1. */
  readonly weight?: number | undefined
  /**
   * What the service speaks: `http` (HTTP/1.1), `h2c` (HTTP/2 in cleartext) or `grpc` (gRPC in cleartext), or the same
   * over TLS: `https`, `h2` or `grpcs`. Gateways send no requests to a node of another protocol. Default: the metadata's
   * `protocol`, or else `http`.
   */
  readonly protocol?: string | undefined
  /** At most 256 entries. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Seconds until the node is removed if this process dies, from 6 to 86,400. Default 10. */
  readonly ttlSeconds?: number | undefined
  /** Aborts the registration while etcd is unreachable. */
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
 * Registers this process in etcd as one node of a service, and keeps it registered until `unregister()`,
 * which also closes the connection. Resolves when etcd has the node. While etcd is unreachable it keeps
 * trying.
 *
 * @throws TypeError when an option is invalid; the reason of `signal` when that aborts first
 */
export async function register(options: RegisterServiceOptions): Promise<Registration> {
  const { signal, ttlSeconds, logger } = options
  signal?.throwIfAborted()
  const access = withEnvironment(options)
  const node = createNode(nodeOf(options))
  if (laneOf(node) === undefined) {
    logger?.warn(
      { protocol: node.protocol },
      'gateways do not speak the protocol of this node, so it gets no requests',
    )
  }
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
  const { name, weight, metadata, protocol = metadata?.protocol } = options
  const { host, port } = 'address' in options ? parseAddress(options.address) : options
  // An IPv6 address has brackets, which an id must not have.
  const id =
    options.id ??
    `${name}-${addressOf({ host, port })
      .replace(/[[\]]/g, '')
      .replace(/:(\d+)$/, '-$1')}`
  return { service: name, id, host, port, weight, metadata, protocol: protocolOf(protocol, 'http') }
}
