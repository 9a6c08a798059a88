import type { Config } from '../../config/schema.ts'
import type { SessionCounts } from '../../wrappers/http2/session-pool.ts'
import type { Names } from '../../wrappers/names/names.ts'
import type { TransportOptions } from '../../wrappers/node/transports.ts'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'
import type { NodeGuard } from './node-guard.ts'

/** What every connection to a node is made with. */
export interface ConnectOptions {
  readonly config: Config
  readonly guard: NodeGuard
  /** Resolves the hosts of nodes. */
  readonly names: Names
  /** Returns the present settings of TLS with the nodes of a service. */
  readonly tlsOf: (service: string) => TlsSettings
  /** Counts what becomes of the HTTP/2 connections to nodes. */
  readonly sessionCounts: SessionCounts
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
}

/** Returns the settings of the transports of nodes, as they are configured. */
export function transportOptions(options: ConnectOptions): TransportOptions {
  const { config, guard, names, tlsOf, sessionCounts, onPiece } = options
  const { connectionsPerNode, http2, dns: _, tls: __, ...rest } = config.upstream
  const upstream = { ...rest, names, allows: guard.allows }
  return {
    connection: { ...upstream, maxConnections: connectionsPerNode ?? undefined },
    session: {
      ...upstream,
      ...http2,
      maxSessions: http2.connectionsPerNode ?? undefined,
      streamsPerSession: http2.streamsPerConnection,
      counts: sessionCounts,
    },
    ...{ tlsOf, onPiece },
  }
}
