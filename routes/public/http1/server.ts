import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Expectation } from '../../../internal/http/client-exchange.ts'
import { isWebSocketHandshake } from '../../../middleware/connection/websocket-handshake.ts'
import type { ConnectionLimits } from '../http2/listener.ts'
import { Http1Response } from './response.ts'

// An import statement of a Node module reads all of its exports. WebSocket is one of this module's, and reading it loads
// the client behind fetch: 5 MB in every process, which nothing here uses.
const { createServer } = process.getBuiltinModule('node:http')

export interface Http1ServerOptions extends ConnectionLimits {
  /** After so many requests a connection is closed; 0 = no limit. */
  readonly maxRequestsPerConnection: number
  /** Ends a connection on which a CONNECT arrived. */
  readonly onConnect: (request: IncomingMessage, socket: Socket) => void
}

export type ServeHttp1 = (request: IncomingMessage, response: Http1Response, expectation: Expectation) => void

/** Node also tells of values in which `100-continue` is one of several words. Lines of the field are joined. */
const ONLY_CONTINUE = /^100-continue(?:, 100-continue)*$/i
/** How often a server looks for overdue heads, at most. */
const MAX_CHECK_INTERVAL_MS = 500
/** An idle connection is kept this much longer than announced to the client, so that it is not closed while a request arrives. */
const KEEP_ALIVE_MARGIN_MS = 1_000

/**
 * Creates Node's server with every limit that applies before there is a request to serve, but that on the number of
 * connections.
 */
export function createHttp1Server(
  options: Http1ServerOptions,
  serve: ServeHttp1,
): Server<typeof IncomingMessage, typeof Http1Response> {
  const server = createServer(
    {
      ServerResponse: Http1Response,
      // Fixed from here on, unlike all other limits.
      connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, options.headersTimeoutMs),
      // The route limits long uploads.
      requestTimeout: 0,
      // Open exchange refuses a missing Host, with a problem document and a line in the access log.
      requireHostHeader: false,
      shouldUpgradeCallback: isWebSocketHandshake,
      // Most requests have no body: running a stream on which nothing arrives would cost more than routing.
      optimizeEmptyRequests: true,
    },
    (request, response) => {
      closeAfterLast(response)
      serve(request, response, 'none')
    },
  )
  // Node would silently drop header lines beyond this limit; open exchange counts them and refuses.
  server.maxHeadersCount = 0
  // Not changed later: Node answers 503 on a connection that had more requests than a new limit allows.
  server.maxRequestsPerSocket = options.maxRequestsPerConnection
  limitServer(server, options)
  return server
    .on('checkContinue', (request, response) => {
      closeAfterLast(response)
      serve(request, response, ONLY_CONTINUE.test(request.headers.expect!) ? 'continue' : 'unknown')
    })
    .on('checkExpectation', (request, response) => {
      closeAfterLast(response)
      serve(request, response, request.headers.expect === '' ? 'none' : 'unknown')
    })
    .on('connect', (request, socket: Duplex) => options.onConnect(request, socket as Socket))
}

/** Sets the limits of a server. That on heads holds for new connections, the others also for those that are open. */
export function limitServer(server: Server, limits: ConnectionLimits): void {
  const { keepAliveTimeoutMs, headersTimeoutMs, maxHeaderBytes } = limits
  const marginMs = Math.min(KEEP_ALIVE_MARGIN_MS, Math.floor(keepAliveTimeoutMs / 2))
  Object.assign(server, {
    ...{ keepAliveTimeout: keepAliveTimeoutMs - marginMs, keepAliveTimeoutBuffer: marginMs },
    ...{ headersTimeout: headersTimeoutMs, maxHeaderSize: maxHeaderBytes },
  })
}

/** Closes a connection after its last request. Node tells the client, and leaves the closing to it. */
function closeAfterLast(response: Http1Response & { maxRequestsOnConnectionReached?: boolean }): void {
  if (response.maxRequestsOnConnectionReached) response.closeAfter()
}
