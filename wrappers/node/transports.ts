import { speaksHttp1, usesTls } from '../../internal/nodes/node.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport } from '../../internal/upstream.ts'
import { Http1Transport, type Http1TransportOptions } from '../http1/http1-transport.ts'
import { Http2Transport, type Http2TransportOptions } from '../http2/http2-transport.ts'
import { NodeTls, type TlsSettings } from '../transport/node-tls.ts'

type OfEachNode = 'host' | 'port' | 'tls' | 'onPiece'

export interface TransportOptions {
  /** The settings of the connections to any node that speaks HTTP/1.1. */
  readonly connection: Omit<Http1TransportOptions, OfEachNode>
  /** The settings of the connections to any node that speaks HTTP/2. */
  readonly session: Omit<Http2TransportOptions, OfEachNode>
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
  /** Returns the present settings of TLS with the nodes of a service; called for each connection. */
  readonly tlsOf: (service: string) => TlsSettings
}

/** Creates the transport for the protocol that a node speaks: HTTP/1.1 or HTTP/2, in cleartext or over TLS. */
export function createTransport(peer: Peer, options: TransportOptions): Transport {
  const { connection, session, onPiece, tlsOf } = options
  const { host, port, service } = peer.node
  const tls = usesTls(peer.node) ? new NodeTls(peer.node, () => tlsOf(service)) : undefined
  return speaksHttp1(peer.node)
    ? new Http1Transport(peer, { host, port, ...connection, tls, onPiece })
    : new Http2Transport(peer, { host, port, ...session, tls, onPiece })
}
