import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport } from '../../internal/upstream.ts'
import { Http1Transport } from '../http1/http1-transport.ts'

export interface ConnectionOptions {
  readonly connectTimeoutMs: number
  /** How long a node may send nothing between two pieces of an answer's body; 0 = no limit. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle connection is kept when the node does not say. Must be shorter than the node's own timeout. */
  readonly keepAliveMs: number
  /** The largest head of an answer. */
  readonly answerHeadBytes: number
  /** The most connections to one node. Undefined = as many as there are concurrent requests. */
  readonly maxConnections?: number | undefined
  /** How often the name of a node is looked up while there are connections to it; 0 = never. Default 0. */
  readonly dnsRefreshMs?: number | undefined
  /** Returns whether a connection may be made to an IP address. Default: always. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

export interface TransportOptions {
  readonly connection: ConnectionOptions
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
}

/**
 * Creates the transport for the protocol that a node speaks. HTTP/1.1 is the only one so far, and `isForwardable` keeps
 * requests away from nodes of any other protocol.
 */
export function createTransport(peer: Peer, { connection, onPiece }: TransportOptions): Transport {
  const { host, port } = peer.node
  return new Http1Transport(peer, { host, port, ...connection, onPiece })
}
