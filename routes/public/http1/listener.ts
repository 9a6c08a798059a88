import type { IncomingMessage, Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Call } from '../../../internal/call.ts'
import type { Expectation } from '../../../internal/http/client-exchange.ts'
import type { Exchange } from '../../../internal/policy.ts'
import { checkChunkedBody } from '../../../middleware/connection/chunked-upgrade.ts'
import type { ClientConnections } from '../../../middleware/connection/client-connections.ts'
import { createClientErrors, type ParserError } from '../../../middleware/connection/client-error.ts'
import { http1Bodies } from '../../../middleware/connection/http1-body.ts'
import { PipelinedRequests } from '../../../middleware/connection/pipelining.ts'
import { isWebSocketHandshake } from '../../../middleware/connection/websocket-handshake.ts'
import { createOpenExchange, type OpenExchangeOptions } from '../../../middleware/request/open-exchange.ts'
import { NO_SCHEMAS } from '../../no-schemas.ts'
import {
  type ConnectionLimits,
  createHttp2Listener,
  type Http2ListenerOptions,
  type Http2Settings,
} from '../http2/listener.ts'
import type { PublicProxy } from '../proxy.ts'
import type { TlsServer } from '../tls/tls-server.ts'
import { type AcceptOptions, acceptConnections } from './accept-connections.ts'
import { DrainBacklog } from './drain-backlog.ts'
import type { Http1Response } from './response.ts'
import { createHttp1Server, type Http1ServerOptions, limitServer } from './server.ts'
import { serveWebSockets } from './websocket.ts'

/** How long a client that has just connected has to send its request while the listener closes. */
const FIRST_REQUEST_MS = 1_000

export interface Http1ListenerOptions
  extends Omit<Http1ServerOptions, 'onConnect'>,
    Omit<OpenExchangeOptions, 'bodies' | 'httpVersion' | 'now'> {
  readonly connections: Http2ListenerOptions['connections'] &
    AcceptOptions['connections'] &
    Pick<ClientConnections, 'countSlowHead'>
  readonly proxyProtocol: AcceptOptions['proxyProtocol']
  /** Undefined = clients may speak HTTP/1 only. */
  readonly http2: Http2Settings | undefined
  /** Undefined = the listener has no port for TLS. */
  readonly tls?: TlsServer | undefined
  readonly proxy: PublicProxy
  /** Called with the size of each piece of data that is refused before there is a request, passes a WebSocket, or is HTTP/2. */
  readonly onPiece: (bytes: number) => void
  /** Called when a request becomes a WebSocket. */
  readonly onUpgrade: () => void
  /** Called with requests that were refused before there was an exchange, and with the status they got. */
  readonly onRefused: (call: Call, status: number) => void
}

export interface Http1Listener {
  /** Not yet listening. Its owner closes it, or calls `close()` once it has served. */
  readonly app: FastifyInstance
  /** The server of the port for TLS, not yet listening; undefined when there is none. */
  readonly secure: Server | undefined
  /** Changes the limits of connections. */
  limit(limits: ConnectionLimits): void
  /** Starts to track new connections and requests. Call it some time before `close()`. */
  expectClose(): void
  /**
   * Accepts no new connections, ends idle ones, and resolves when every request is over. A request that has arrived but
   * was not read yet is answered; a client that has just connected gets a moment to send one.
   */
  close(): Promise<void>
  /**
   * Accepts no new connections and leaves the others open, idle ones included. Resolves when all of them have ended by
   * themselves.
   */
  stopListening(): Promise<void>
  /** Ends every connection at once. */
  cutOff(): void
}

/**
 * Creates the public listener. Node's server accepts all connections and reads HTTP/1. Those whose clients begin with the
 * preface of HTTP/2 are handed to the other side of the listener.
 *
 * Fastify opens and closes the server. Plain requests go straight to the proxy, past Fastify's router, whose routes are
 * fixed once it listens.
 */
export function createHttp1Listener(options: Http1ListenerOptions): Http1Listener {
  const { proxy } = options
  const pipelined = new PipelinedRequests()
  const clientErrors = createClientErrors({
    waits: answer => pipelined.waits(answer),
    onPiece: options.onPiece,
    onSlowHead: () => options.connections.countSlowHead(),
    onRefused: options.onRefused,
  })
  const openExchange = createOpenExchange({
    ...options,
    bodies: http1Bodies,
    onClose(exchange: Exchange) {
      if (!exchange.response.headersSent) clientErrors.explain(exchange)
      options.onClose(exchange)
    },
    httpVersion: 1,
  })
  let backlog: DrainBacklog | undefined
  const http2 =
    options.http2 &&
    createHttp2Listener(options.http2, { ...options, onRequest: socket => backlog?.arrived(socket) })

  function serve(request: IncomingMessage, response: Http1Response, expectation: Expectation): void {
    if (pipelined.isAfterLast(request)) return
    if (pipelined.mustWait(request, response))
      pipelined.wait(request, response, () => begin(request, response, expectation))
    else begin(request, response, expectation)
  }

  function begin(request: IncomingMessage, response: Http1Response, expectation: Expectation): void {
    const exchange = openExchange(request, response, expectation)
    pipelined.markIfLast(request, response, exchange)
    const { asksForUpgrade, chunked } = exchange.head
    proxy.serve(exchange, asksForUpgrade && chunked ? () => checkChunkedBody(request) : undefined)
  }

  let present: ConnectionLimits = options
  /** A name such as localhost can stand for several addresses; each gets a server of its own. */
  const servers: Server[] = []
  const createServer = (tls?: TlsServer) => {
    const server = createHttp1Server({ ...options, ...present, onConnect: clientErrors.refuseConnect }, serve)
    acceptConnections(server, { ...options, refusePlain: clientErrors.refusePlain }, tls)
    servers.push(server)
    return server
  }
  const onClientError = (error: ParserError, socket: Socket) => {
    if (http2?.accept(error, socket) !== true) clientErrors.refuse(error, socket)
  }
  const app = Fastify({
    logger: false,
    serverFactory: () => createServer(),
    forceCloseConnections: 'idle',
    clientErrorHandler: onClientError,
    schemaController: NO_SCHEMAS,
  })
  const secure = options.tls && createServer(options.tls).on('clientError', onClientError)
  const cutOffWebSockets = canChooseUpgrades(app.server)
    ? serveWebSockets(app, secure ? [app.server, secure] : [app.server], { ...options, openExchange })
    : () => {}
  const stopListening = async () => {
    await Promise.all(servers.map(stopAccepting))
  }
  return {
    app,
    secure,
    limit(limits) {
      present = limits
      for (const server of servers) limitServer(server, limits)
      http2?.limit(limits)
    },
    expectClose() {
      backlog ??= new DrainBacklog(servers)
      http2?.drain()
    },
    async close() {
      backlog ??= new DrainBacklog(servers)
      await backlog.caughtUp()
      void stopListening()
      await backlog.heard(FIRST_REQUEST_MS)
      await backlog.caughtUp()
      options.proxyProtocol?.endPending()
      http2?.close()
      await Promise.all([app.close(), secure && closeServer(secure)])
    },
    stopListening,
    cutOff() {
      options.proxyProtocol?.endPending()
      app.server.closeAllConnections()
      secure?.closeAllConnections()
      options.tls?.cutOff()
      http2?.cutOff()
      cutOffWebSockets()
    },
  }
}

/** Resolves when the server no longer listens and all of its connections are closed, of which it closes the idle ones. */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}

/** Closes as net.Server does: http.Server's own close would end idle connections as well. */
function stopAccepting(server: Server): Promise<void> {
  return new Promise(resolve => NetServer.prototype.close.call(server, () => resolve()))
}

/**
 * Returns whether this Node lets a server choose the upgrades it takes (since 22.21 and 24.9). On an older one the
 * server hands over every upgrade, h2c and pipelined ones too. WebSockets are then not served, and requests for an upgrade
 * are plain ones.
 */
function canChooseUpgrades(server: Server): boolean {
  return (
    (server as Server & { shouldUpgradeCallback?: unknown }).shouldUpgradeCallback === isWebSocketHandshake
  )
}
