import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { ClientConnections } from '../../../middleware/connection/client-connections.ts'
import type { ProxyProtocol } from '../../../middleware/connection/proxy-protocol.ts'
import type { TlsServer } from '../tls/tls-server.ts'

export interface AcceptOptions {
  readonly connections: Pick<ClientConnections, 'accept' | 'awaitTls' | 'secure'>
  /** Undefined = no connection begins with a header of the PROXY protocol. */
  readonly proxyProtocol: ProxyProtocol | undefined
  /** Answers a client that has sent a request without TLS to the port for TLS, and ends its connection. */
  readonly refusePlain: (socket: Socket) => void
}

/**
 * Decides what becomes of the connections that a server accepts: they are registered, give their header of the PROXY
 * protocol, then do their TLS handshake, and only then Node's server reads their requests. It reads below the stream of a
 * socket, so nothing could be read before it otherwise.
 *
 * @param server does not listen yet
 * @param tls undefined = its clients use no TLS
 */
export function acceptConnections(server: Server, options: AcceptOptions, tls: TlsServer | undefined): void {
  const { connections, proxyProtocol } = options
  if (proxyProtocol === undefined && tls === undefined) {
    server.on('connection', socket => void connections.accept(socket))
    return
  }
  const readers = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  const read = (socket: Socket) => {
    for (const reader of readers) Reflect.apply(reader, server, [socket])
  }
  const begin = tls === undefined ? read : tlsBeforeReading(tls, options, read)
  server.on('connection', socket => {
    if (proxyProtocol !== undefined) proxyProtocol.accept(socket, () => begin(socket))
    else if (connections.accept(socket)) begin(socket)
  })
}

function tlsBeforeReading(
  tls: TlsServer,
  { connections, refusePlain }: AcceptOptions,
  read: (socket: Socket) => void,
): (socket: Socket) => void {
  const shakeHands = tls.open((accepted, socket) => {
    connections.secure(accepted, socket)
    read(socket)
  }, refusePlain)
  return socket => {
    connections.awaitTls(socket)
    shakeHands(socket)
  }
}
