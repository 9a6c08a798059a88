import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport } from '../../internal/upstream.ts'
import { Http1Transport, type Http1TransportOptions } from '../http1/http1-transport.ts'
import { Http2Transport, type Http2TransportOptions } from '../http2/http2-transport.ts'

type OfEachNode = 'host' | 'port' | 'onPiece'

export interface TransportOptions {
  /** The settings of the connections to any node that speaks HTTP/1.1. */
  readonly connection: Omit<Http1TransportOptions, OfEachNode>
  /** The settings of the connections to any node that speaks HTTP/2. */
  readonly session: Omit<Http2TransportOptions, OfEachNode>
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
}

/** Creates the transport for the protocol that a node speaks: HTTP/1.1, or HTTP/2 for `h2c` and `grpc`. */
export function createTransport(peer: Peer, { connection, session, onPiece }: TransportOptions): Transport {
  const { host, port, protocol } = peer.node
  return protocol === undefined
    ? new Http1Transport(peer, { host, port, ...connection, onPiece })
    : new Http2Transport(peer, { host, port, ...session, onPiece })
}
