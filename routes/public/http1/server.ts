import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ClientConnections } from '../../../middleware/connection/client-connections.ts'
import { asksForWebSocket } from '../../../middleware/connection/websocket-handshake.ts'

// To import a module of Node is to read all of its exports. WebSocket is one of this, and to read that loads the
// client behind fetch: 5 MB in every process, and nothing here uses it.
const { createServer } = process.getBuiltinModule('node:http')

export interface PublicServerOptions {
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  /** Requests on one connection, after which it is closed; 0 = no limit. */
  readonly maxRequestsPerConnection: number
  readonly connections: Pick<ClientConnections, 'accept' | 'endedLate'>
  /** Ends a connection on which a CONNECT came. */
  readonly onConnect: (request: IncomingMessage, socket: Socket) => void
}

/** What a client expects of us before it sends its body (RFC 9110 section 10.1.1). */
export type Expectation = 'none' | 'continue' | 'unknown'

export type Serve = (request: IncomingMessage, response: ServerResponse, expectation: Expectation) => void

/** A server looks at most this often for heads that are late. */
const LATEST_CHECK_MS = 500
/** How much longer than a client is told an idle connection is kept, so that no request meets its end. */
const KEEP_ALIVE_MARGIN_MS = 1_000

/** The server of the public listener, with all that it refuses and ends before there is a request to serve. */
export function createPublicServer(options: PublicServerOptions, serve: Serve): Server {
  const { keepAliveTimeoutMs, headersTimeoutMs, maxHeaderBytes, maxRequestsPerConnection } = options
  const marginMs = Math.min(KEEP_ALIVE_MARGIN_MS, Math.floor(keepAliveTimeoutMs / 2))
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs - marginMs,
      keepAliveTimeoutBuffer: marginMs,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.min(LATEST_CHECK_MS, headersTimeoutMs),
      // Long uploads are the route's affair.
      requestTimeout: 0,
      maxHeaderSize: maxHeaderBytes,
      // Refused in open call, with a problem document and a line in the log.
      requireHostHeader: false,
      shouldUpgradeCallback: asksForWebSocket,
      // Most requests have no body: the life of a stream on which nothing comes would cost more than routing.
      optimizeEmptyRequests: true,
    },
    (request, response) => {
      closeAfterLast(response)
      serve(request, response, 'none')
    },
  )
  // Beyond this many, Node would drop lines silently; open call counts them and refuses.
  server.maxHeadersCount = 0
  server.maxRequestsPerSocket = maxRequestsPerConnection
  return server
    .on('connection', socket => options.connections.accept(socket))
    .on('checkContinue', (request, response) => {
      closeAfterLast(response)
      serve(request, response, 'continue')
    })
    .on('checkExpectation', (request, response) => {
      closeAfterLast(response)
      serve(request, response, request.headers.expect === '' ? 'none' : 'unknown')
    })
    .on('connect', (request, socket: Duplex) => options.onConnect(request, socket as Socket))
}

/** Node says to the last request on a connection that it closes, but leaves that to the client. */
function closeAfterLast(response: ServerResponse & { maxRequestsOnConnectionReached?: boolean }): void {
  if (response.maxRequestsOnConnectionReached) response.shouldKeepAlive = false
}
