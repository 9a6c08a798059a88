import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport } from '../../internal/upstream.ts'
import { Http1Transport } from '../http1/http1-transport.ts'

export interface ConnectionOptions {
  readonly connectTimeoutMs: number
  /** The longest silence between two pieces of an answer's body; 0 = no limit. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle connection is kept when the node does not say; must be below the node's own time. */
  readonly keepAliveMs: number
  /** Undefined = as many as there are concurrent requests. */
  readonly maxConnections?: number | undefined
  /** Whether a connection may be made to an IP address. Default: to all. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

export interface TransportOptions {
  readonly connection: ConnectionOptions
  /** Is called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
}

/**
 * Creates the transport of a node by the protocol that the node speaks. HTTP/1.1 is the only one so far; `isForwardable`
 * keeps requests away from nodes of any other.
 */
export function createTransport(peer: Peer, { connection, onPiece }: TransportOptions): Transport {
  const { host, port } = peer.node
  return new Http1Transport(peer, { host, port, ...connection, onPiece })
}
