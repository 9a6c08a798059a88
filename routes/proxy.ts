import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Call } from '../internal/call.ts'
import { GatewayError } from '../internal/errors.ts'
import type { RouteTable } from '../internal/route-table.ts'
import type { Upstream } from '../internal/upstream.ts'
import type { Authenticator } from '../middleware/authenticator.ts'
import { authorize } from '../middleware/authorize.ts'
import { answerClientError } from '../middleware/client-error.ts'
import { matchRoute } from '../middleware/match-route.ts'
import { createOpenCall, type OpenedCall } from '../middleware/open-call.ts'
import { sendProblem } from '../middleware/problem.ts'
import { createForward } from './forward.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the first hook of every request on the public listener. */
    opened: OpenedCall
  }
}

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
 * Fastify takes no routes once it listens, so there is one catch-all, @fastify/http-proxy's at `/`; what
 * stands behind it is the route table's affair. Every request passes, in this order: open call (id, head,
 * refusals), route, authorization, and then the forward handler, in a hook of @fastify/http-proxy that comes
 * before its own use of @fastify/reply-from.
 */
export function createProxy(options: ProxyOptions): FastifyInstance {
  const openCall = createOpenCall(options)
  const forward = createForward(options)
  /** Targets that Fastify's own router cannot decode; no hook sees them. */
  function refuseTarget(request: IncomingMessage, response: ServerResponse): void {
    const { call, refusal = new GatewayError('WG_BAD_REQUEST') } = openCall(request, response)
    request.resume()
    call.errorCode = refusal.code
    sendProblem(response, refusal, call.requestId, options.isDraining())
  }

  const app = Fastify({
    logger: false,
    // Answered by us while in flight, and refused by the closed port after that.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: options.keepAliveTimeoutMs,
    clientErrorHandler: answerClientError,
    // Ids are given in open call, which reads the head anyway.
    genReqId: () => '',
    http: {
      maxHeaderSize: options.maxHeaderBytes,
      // Refused in open call, with a problem document and a line in the log.
      requireHostHeader: false,
      headersTimeout: options.headersTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, options.headersTimeoutMs),
    },
    routerOptions: {
      maxParamLength: 65_536,
      onBadUrl: (_path, request, reply) => refuseTarget(request, reply),
    },
  })
  // Beyond this many, Node would drop lines silently; open call counts them and refuses.
  app.server.maxHeadersCount = 0
  const methods = METHODS.filter(method => method !== 'CONNECT' && method !== 'TRACE')
  // Said to be without a body, a method's requests meet none of Fastify's parsers. Those would swallow a
  // text/plain body and refuse content types that are a node's to judge.
  for (const method of methods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })

  app.decorateRequest('opened')
  app.addHook('onRequest', (request, reply, done) => {
    const opened = openCall(request.raw, reply.raw)
    request.opened = opened
    if (opened.refusal) {
      done(opened.refusal)
      return
    }
    const { call, head } = opened
    try {
      call.route = matchRoute(options.routes(), call.method, head.host, call.target)
      call.identity = authorize(call.route, head, options.authenticator)
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  })
  app.setErrorHandler((error, request, reply) => {
    reply.hijack()
    const { call } = request.opened
    const known = asGatewayError(error)
    if (known.code === 'WG_INTERNAL') options.onInternalError(error)
    call.errorCode = known.code
    call.failure = known.cause
    sendProblem(reply.raw, known, call.requestId, options.isDraining())
  })
  app.setNotFoundHandler(() => {
    throw new GatewayError('WG_BAD_REQUEST')
  })

  app.register(httpProxy, {
    // Required by the plugin; requests are gone before it would be used.
    upstream: 'http://waygate.invalid',
    prefix: '/',
    httpMethods: methods,
    // Not the plugin's `handler`: before calling that, it resolves the target against its own upstream, with
    // three URLs and a regular expression for each request. That alone costs a quarter of a bare pass-through.
    preHandler: (request, reply, _done) => {
      reply.hijack()
      forward(request.raw, reply.raw, request.opened)
    },
  })
  return app
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  const { statusCode = 500 } = error as { statusCode?: number }
  return new GatewayError(statusCode >= 400 && statusCode < 500 ? 'WG_BAD_REQUEST' : 'WG_INTERNAL', {
    cause: error,
  })
}
