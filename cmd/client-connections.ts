import type { Logger } from 'pino'
import type { Config } from '../config/schema.ts'
import { ClientConnections } from '../middleware/connection/client-connections.ts'

/** The connections of clients, limited as configured; those not taken are told of in the log. */
export function createClientConnections(
  { clientLimits }: Config,
  isTrustedProxy: (address: string) => boolean,
  logger: Logger,
): ClientConnections {
  return new ClientConnections({
    maxConnections: clientLimits.connections,
    maxConnectionsPerAddress: clientLimits.connectionsPerAddress,
    // Later than Node's own, and never in the middle of a head that has begun in time.
    idleTimeoutMs:
      clientLimits.keepAliveTimeoutMs === 0
        ? 0
        : clientLimits.keepAliveTimeoutMs + clientLimits.headersTimeoutMs,
    bodyIdleTimeoutMs: clientLimits.bodyIdleTimeoutMs,
    sendIdleTimeoutMs: clientLimits.sendIdleTimeoutMs,
    isTrustedProxy,
    onRefused: (limit, client) =>
      logger.warn({ limit, client }, 'client connections are refused; told at most once a minute'),
  })
}
