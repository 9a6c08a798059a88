import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport } from '../../internal/upstream.ts'
import { Http1Transport, type Http1TransportOptions } from '../http1/http1-transport.ts'

export interface TransportOptions {
  /** The settings of the connections to any node. */
  readonly connection: Omit<Http1TransportOptions, 'host' | 'port' | 'onPiece'>
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
