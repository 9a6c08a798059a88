import type { Logger } from 'pino'
import type { Config } from '../config/schema.ts'
import { ClientConnections } from '../middleware/connection/client-connections.ts'

/** The connections of clients, limited as configured; those not taken are told of in the log. */
export function createClientConnections(
  { limits }: Config,
  isTrustedProxy: (address: string) => boolean,
  logger: Logger,
): ClientConnections {
  return new ClientConnections({
    maxConnections: limits.connections,
    maxConnectionsPerAddress: limits.connectionsPerAddress,
    // Later than Node's own, and never in the middle of a head that has begun in time.
    idleTimeoutMs: limits.keepAliveTimeoutMs === 0 ? 0 : limits.keepAliveTimeoutMs + limits.headersTimeoutMs,
    bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
    sendIdleTimeoutMs: limits.sendIdleTimeoutMs,
    isTrustedProxy,
    onRefused: (limit, client) =>
      logger.warn({ limit, client }, 'client connections are refused; told at most once a minute'),
  })
}
