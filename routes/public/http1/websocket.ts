import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { TunnelEnd } from '../../../internal/http/client-exchange.ts'
import { linger } from '../../../middleware/connection/linger.ts'
import type { OpenExchange } from '../../../middleware/request/open-exchange.ts'
import type { PublicProxy } from '../proxy.ts'
import { Http1Response } from './response.ts'
import { Tunnel } from './tunnel.ts'

export interface WebSocketOptions {
  readonly openExchange: OpenExchange
  readonly proxy: PublicProxy
  /** Called when a node has accepted a handshake. */
  readonly onUpgrade: () => void
  /** Called with the size of each piece that passes through a WebSocket. */
  readonly onPiece: (bytes: number) => void
}

/** After this silence, the operating system probes whether the other side is still there. */
const KEEP_ALIVE_MS = 60_000
/** Bytes that are kept of a client whose handshake is not answered yet. With more than that, reading stops. */
const MAX_EARLY_BYTES = 65_536

/**
 * Serves the handshakes of WebSockets. A handshake takes the same way as any request, to the node and back. When the
 * answer is a 101, bytes pass both ways until the two ends close their connections; any other answer is one like any
 * other. Closing the app sends a close frame with 1001 to both ends of every WebSocket.
 *
 * @returns a function that ends every WebSocket and every handshake at once
 */
export function serveWebSockets(
  app: FastifyInstance,
  servers: readonly Server[],
  { openExchange, proxy, onUpgrade, onPiece }: WebSocketOptions,
): () => void {
  const clients = new Set<Socket>()
  const tunnels = new Set<Tunnel>()
  let isLeaving = false

  const onUpgradeRequest = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const client = stream as Socket
    clients.add(client)
    // Node removes its own error listener with the upgrade, and an error without one ends the process.
    client.on('error', () => {}).once('close', () => clients.delete(client))
    client.setKeepAlive(true, KEEP_ALIVE_MS)
    const response = new HandshakeResponse(request, client, head, (node, early) => {
      exchange.call.upgraded = true
      onUpgrade()
      const tunnel = new Tunnel({ client, node, early, onPiece, onClosed: () => tunnels.delete(tunnel) })
      tunnels.add(tunnel)
      if (isLeaving) tunnel.leave()
    })
    const exchange = openExchange(request, response, 'none', true)
    proxy.serve(exchange)
  }
  for (const server of servers) server.on('upgrade', onUpgradeRequest)
  app.addHook('preClose', done => {
    isLeaving = true
    for (const tunnel of tunnels) tunnel.leave()
    done()
  })
  return () => {
    for (const tunnel of tunnels) tunnel.destroy()
    for (const client of clients) client.destroy()
  }
}

/**
 * The response to a handshake. Node's server has let go of the connection by then, so this class does what the server
 * does for other responses: it notices that the client leaves, and closes the connection behind an answer.
 */
class HandshakeResponse extends Http1Response {
  readonly #client: Socket
  readonly #onTunnel: (node: TunnelEnd, early: readonly Buffer[]) => void
  /** What the client has sent behind its handshake. A well-behaved client sends nothing before the answer. */
  readonly #early: Buffer[] = []
  #earlyBytes = 0

  /**
   * @param head what came behind the handshake in the same piece
   * @param onTunnel called when a node has accepted the handshake and the 101 is sent
   */
  constructor(
    request: IncomingMessage,
    client: Socket,
    head: Buffer,
    onTunnel: (node: TunnelEnd, early: readonly Buffer[]) => void,
  ) {
    super(request)
    this.#client = client
    this.#onTunnel = onTunnel
    this.assignSocket(client)
    // Node's parser cannot read another request from this connection.
    this.closeAfter()
    this.once('finish', this.#close)
    client.on('data', this.#keep).on('end', this.#leave).on('drain', this.#drain)
    if (head.length > 0) this.#keep(head)
  }

  tunnel(node: TunnelEnd): void {
    this.off('finish', this.#close)
    this.#client.off('data', this.#keep).off('end', this.#leave).off('drain', this.#drain)
    this.end()
    this.#onTunnel(node, this.#early)
  }

  readonly #keep = (bytes: Buffer): void => {
    this.#early.push(bytes)
    this.#earlyBytes += bytes.length
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#client.pause()
  }

  readonly #leave = (): void => void this.#client.destroy()

  readonly #drain = (): void => void this.emit('drain')

  readonly #close = (): void => {
    this.#client.off('data', this.#keep)
    linger(this.#client)
  }
}
