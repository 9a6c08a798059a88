import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Call } from '../internal/call.ts'
import type { RouteTable } from '../internal/route-table.ts'
import type { Upstream } from '../internal/upstream.ts'
import type { Authenticator } from '../middleware/authenticator.ts'
import { authorize } from '../middleware/authorize.ts'
import { answerClientError } from '../middleware/client-error.ts'
import { matchRoute } from '../middleware/match-route.ts'
import { createOpenCall, type OpenedCall } from '../middleware/open-call.ts'
import { createForward } from './forward.ts'
import { createRefuse } from './refuse.ts'

export interface ProxyOptions {
  /** The table as it is now; asked once per request. */
  readonly routes: () => RouteTable
  /** The whole way to a node: balancing, breaker, retries. */
  readonly upstream: Upstream
  /** Undefined when no key is configured. */
  readonly authenticator: Authenticator | undefined
  readonly identityHeaders: readonly string[]
  readonly isTrustedProxy: (address: string) => boolean
  /** Whether answers tell clients to open another connection, since this process is about to go. */
  readonly isDraining: () => boolean
  readonly maxBodyBytes: number
  /** Told the size of every piece of a request's body that comes. */
  readonly onPiece: (bytes: number) => void
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly onOpen: () => void
  /** Told of every request when its answer is over or its client has left. */
  readonly onClose: (call: Call, request: IncomingMessage, response: ServerResponse) => void
  /** Told of errors that are ours. */
  readonly onInternalError: (error: unknown) => void
}

/**
 * The public listener, not yet listening. Whoever calls it closes it.
 *
 * Every request passes, in this order: open call (id, head, refusals), route, authorization, forward. Fastify
 * opens and closes the server; plain HTTP goes straight past its router, whose routes are fixed once it
 * listens while ours come and go.
 */
export function createProxy(options: ProxyOptions): FastifyInstance {
  const openCall = createOpenCall(options)
  const refuse = createRefuse(options)
  const forward = createForward({ ...options, refuse })

  /** A request that may go to a node; undefined when it has been refused. */
  function admit(request: IncomingMessage, response: ServerResponse): OpenedCall | undefined {
    const opened = openCall(request, response)
    const { call, head, refusal } = opened
    try {
      if (refusal) throw refusal
      call.route = matchRoute(options.routes(), call.method, head.host, call.target)
      call.identity = authorize(call.route, head, options.authenticator)
      return opened
    } catch (error) {
      refuse(error, response, call)
      return undefined
    }
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const opened = admit(request, response)
    if (opened) forward(request, response, opened)
  }

  return Fastify({
    logger: false,
    serverFactory: () => createPublicServer(options, serve),
    forceCloseConnections: 'idle',
    clientErrorHandler: answerClientError,
  })
}

function createPublicServer(
  { keepAliveTimeoutMs, headersTimeoutMs, maxHeaderBytes }: ProxyOptions,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
      // Long uploads are the route's affair.
      requestTimeout: 0,
      maxHeaderSize: maxHeaderBytes,
      // Refused in open call, with a problem document and a line in the log.
      requireHostHeader: false,
    },
    serve,
  )
  // Beyond this many, Node would drop lines silently; open call counts them and refuses.
  server.maxHeadersCount = 0
  return server
}
