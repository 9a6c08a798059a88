import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Call, Identity } from '../internal/call.ts'
import type { RouteTable } from '../internal/route-table.ts'
import type { NodeConnection, Upstream } from '../internal/upstream.ts'
import type { Authenticators } from '../middleware/authenticator.ts'
import { authorize } from '../middleware/authorize.ts'
import { answerClientError } from '../middleware/client-error.ts'
import { matchRoute } from '../middleware/match-route.ts'
import { createOpenCall, type OpenedCall } from '../middleware/open-call.ts'
import { asksForWebSocket } from '../middleware/websocket-handshake.ts'
import { createForward } from './forward.ts'
import { mountWebSocketsLate } from './late-websocket.ts'
import { createRefuse } from './refuse.ts'

// To import a module of Node is to read all of its exports. WebSocket is one of this, and to read that loads the
// client behind fetch: 5 MB in every process, and nothing here uses it.
const { createServer } = process.getBuiltinModule('node:http')

/** No route of Fastify's stands here, so none has a schema; what would compile them is 3 MB. */
const NO_SCHEMAS: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema },
}

export interface ProxyOptions {
  /** The table as it is now; asked once per request. */
  readonly routes: () => RouteTable
  /** The whole way to a node: balancing, breaker, retries. */
  readonly upstream: Upstream
  /** The same for a connection, for WebSockets. */
  readonly connect: Upstream<NodeConnection>
  readonly authenticators: Authenticators
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

export interface Proxy {
  /** The public listener, not yet listening. Whoever made it closes it. */
  readonly app: FastifyInstance
  /**
   * Takes no new connections and leaves those alone that there are, idle ones too, which closing it would end.
   * Resolves when all of them have ended by themselves.
   */
  stopListening(): Promise<void>
  /** Ends every connection, whatever it is busy with. */
  cutOff(): void
}

/**
 * The public listener, not yet listening.
 *
 * Every request passes, in this order: open call (id, head, refusals), route, authorization, forward. Fastify
 * opens and closes the server; WebSockets go to @fastify/http-proxy, in a Fastify of its own; plain HTTP goes straight past its
 * router, whose routes are fixed once it listens while ours come and go.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const openCall = createOpenCall(options)
  const refuse = createRefuse(options)
  const forward = createForward({ ...options, refuse })

  /**
   * A promise only where it takes time to know who the request speaks for.
   *
   * @throws GatewayError why the request must not go to a node
   */
  function admit({ call, head, refusal }: OpenedCall): Promise<void> | undefined {
    if (refusal) throw refusal
    call.route = matchRoute(options.routes(), call.method, head.host, call.target)
    const identity = authorize(call.route, head, call, options.authenticators)
    if (identity instanceof Promise) return admitLater(call, identity)
    call.identity = identity
    return undefined
  }

  async function admitLater(call: Call, identity: Promise<Identity>): Promise<void> {
    call.identity = await identity
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const opened = openCall(request, response)
    try {
      const admission = admit(opened)
      if (admission) void serveLater(admission, request, response, opened)
      else forward(request, response, opened)
    } catch (error) {
      refuse(error, response, opened.call)
    }
  }

  async function serveLater(
    admission: Promise<void>,
    request: IncomingMessage,
    response: ServerResponse,
    opened: OpenedCall,
  ): Promise<void> {
    try {
      await admission
      // Nobody is there any more to whom a node's work would be of use.
      if (!response.destroyed) forward(request, response, opened)
    } catch (error) {
      refuse(error, response, opened.call)
    }
  }

  /** A name such as localhost can stand for several addresses, each with a server of its own. */
  const servers: Server[] = []
  const app = Fastify({
    logger: false,
    serverFactory: () => {
      const server = createPublicServer(options, serve)
      servers.push(server)
      return server
    },
    forceCloseConnections: 'idle',
    clientErrorHandler: answerClientError,
    schemaController: NO_SCHEMAS,
  })
  const cutOffWebSockets = canChooseUpgrades(app.server)
    ? mountWebSocketsLate(app, { ...options, openCall, admit, refuse })
    : () => {}
  return {
    app,
    async stopListening() {
      await Promise.all(servers.map(stopAccepting))
    },
    cutOff() {
      app.server.closeAllConnections()
      cutOffWebSockets()
    },
  }
}

function refuseSchema(): never {
  throw new Error('the public listener has no schemas')
}

/** As net.Server does it: http.Server's own close would end idle connections as well. */
function stopAccepting(server: Server): Promise<void> {
  return new Promise(resolve => NetServer.prototype.close.call(server, () => resolve()))
}

/**
 * Whether this Node lets a server say which upgrades it takes (since 22.21 and 24.9). Where it does not, the plugin
 * would be handed every one, h2c and pipelined ones too; then there are none, and their wishes are ignored.
 */
function canChooseUpgrades(server: Server): boolean {
  return (server as Server & { shouldUpgradeCallback?: unknown }).shouldUpgradeCallback === asksForWebSocket
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
      shouldUpgradeCallback: asksForWebSocket,
      // Most requests have no body: the life of a stream on which nothing comes would cost more than routing.
      optimizeEmptyRequests: true,
    },
    serve,
  )
  // Beyond this many, Node would drop lines silently; open call counts them and refuses.
  server.maxHeadersCount = 0
  return server
}
