import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Call, Identity } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import type { NodeConnection, Upstream } from '../../internal/upstream.ts'
import type { Authenticators } from '../../middleware/auth/authenticator.ts'
import { authorize } from '../../middleware/auth/authorize.ts'
import { readsItsChunks } from '../../middleware/connection/chunked-upgrade.ts'
import { createClientErrors } from '../../middleware/connection/client-error.ts'
import { LastRequests } from '../../middleware/connection/pipelining.ts'
import { asksForWebSocket } from '../../middleware/connection/websocket-handshake.ts'
import type { LoopGuard } from '../../middleware/request/loop-guard.ts'
import { matchRoute } from '../../middleware/request/match-route.ts'
import { createOpenCall, type OpenedCall } from '../../middleware/request/open-exchange.ts'
import { discardBody } from '../../middleware/request/request-body.ts'
import { createForward } from './forward.ts'
import { LateRequests } from './http1/drain-backlog.ts'
import { mountWebSocketsLate } from './http1/lazy-websocket.ts'
import { createPublicServer, type Expectation, type PublicServerOptions } from './http1/server.ts'
import { createRefuse } from './respond.ts'

/** For a client that has just connected to send its request. */
const FIRST_REQUEST_MS = 1_000

/** No route of Fastify's stands here, so none has a schema; what would compile them is 3 MB. */
const NO_SCHEMAS: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema },
}

export interface ProxyOptions extends Omit<PublicServerOptions, 'onConnect'> {
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
  /** Where a route does not say it; 0 = no limit. */
  readonly maxBodyBytes: number
  readonly maxTargetBytes: number
  /** Told the size of every piece of a request's body that comes. */
  readonly onPiece: (bytes: number) => void
  /** Refuses requests while this process has too much to do; undefined = never. */
  readonly loop?: LoopGuard | undefined
  readonly onOpen: () => void
  /** Told when a request becomes a WebSocket. */
  readonly onUpgrade: () => void
  /** Told of every request when its answer is over or its client has left. */
  readonly onClose: (call: Call, response: ServerResponse) => void
  /** Told of what was refused before there was a request to route, and with which status. */
  readonly onRefused: (call: Call, status: number) => void
  /** Told of errors that are ours. */
  readonly onInternalError: (error: unknown) => void
}

export interface Proxy {
  /** The public listener, not yet listening. Whoever made it closes it, or calls `close()` once it has served. */
  readonly app: FastifyInstance
  /** Keeps an eye on who connects from now on; `close()` is near. */
  expectClose(): void
  /**
   * Takes no new connections, ends idle ones, and resolves when all requests are over. A request that has come is
   * answered, although nobody has read it yet; a client that has just connected gets a moment to send one.
   */
  close(): Promise<void>
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
 * Every request passes, in this order: open call (id, head, refusals), loop guard, route, authorization, forward. Fastify
 * opens and closes the server; WebSockets go to @fastify/http-proxy, in a Fastify of its own; plain HTTP goes straight past its
 * router, whose routes are fixed once it listens while ours come and go.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const clientErrors = createClientErrors({
    onPiece: options.onPiece,
    onLateHead: () => options.connections.endedLate(),
    onRefused: options.onRefused,
  })
  const openCall = createOpenCall({
    ...options,
    onClose(call, response) {
      if (!response.headersSent) clientErrors.explain(call, response)
      options.onClose(call, response)
    },
  })
  const refuse = createRefuse(options)
  const forward = createForward({ ...options, refuse })
  const lastRequests = new LastRequests()
  const { loop } = options

  /**
   * A promise only where it takes time to know who the request speaks for.
   *
   * @throws GatewayError why the request must not go to a node
   */
  function admit({ call, head, hasEncodedSlash, refusal }: OpenedCall): Promise<void> | undefined {
    if (loop?.isOverloaded) loop.admit()
    if (refusal) throw refusal
    const route = matchRoute(options.routes(), call.method, head.host, call.target, hasEncodedSlash)
    call.route = route
    const identity = authorize(route, head, call, options.authenticators)
    if (identity instanceof Promise) return admitLater(call, route, head, identity)
    call.identity = identity
    checkLength(route, head)
    return undefined
  }

  async function admitLater(call: Call, route: Route, head: RequestHead, identity: Promise<Identity>) {
    call.identity = await identity
    checkLength(route, head)
  }

  async function admitChunks(request: IncomingMessage, opened: OpenedCall) {
    await readsItsChunks(request)
    return admit(opened)
  }

  function checkLength(route: Route, { contentLength }: RequestHead): void {
    if (contentLength === undefined) return
    const maxBytes = route.maxBodyBytes ?? options.maxBodyBytes
    if (maxBytes > 0 && Number(contentLength) > maxBytes) throw new GatewayError('WG_BODY_TOO_LARGE')
  }

  function turnAway(
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    { call, head }: OpenedCall,
  ) {
    if (head.chunked || head.contentLength !== undefined) discardBody(request, options.onPiece)
    refuse(error, response, call)
  }

  function serve(request: IncomingMessage, response: ServerResponse, expectation: Expectation): void {
    if (lastRequests.isBehind(request)) return
    const opened = openCall(request, response)
    const { head } = opened
    lastRequests.note(request, response, opened)
    try {
      if (expectation === 'unknown') throw opened.refusal ?? new GatewayError('WG_EXPECTATION_FAILED')
      const admission = head.asksForUpgrade && head.chunked ? admitChunks(request, opened) : admit(opened)
      if (admission) void serveLater(admission, request, response, opened, expectation)
      else forward(request, response, opened, expectation)
    } catch (error) {
      turnAway(error, request, response, opened)
    }
  }

  async function serveLater(
    admission: Promise<void>,
    request: IncomingMessage,
    response: ServerResponse,
    opened: OpenedCall,
    expectation: Expectation,
  ): Promise<void> {
    try {
      await admission
      // Nobody is there any more to whom a node's work would be of use.
      if (!response.destroyed) forward(request, response, opened, expectation)
    } catch (error) {
      turnAway(error, request, response, opened)
    }
  }

  /** A name such as localhost can stand for several addresses, each with a server of its own. */
  const servers: Server[] = []
  const app = Fastify({
    logger: false,
    serverFactory: () => {
      const server = createPublicServer({ ...options, onConnect: clientErrors.refuseConnect }, serve)
      servers.push(server)
      return server
    },
    forceCloseConnections: 'idle',
    clientErrorHandler: clientErrors.refuse,
    schemaController: NO_SCHEMAS,
  })
  const cutOffWebSockets = canChooseUpgrades(app.server)
    ? mountWebSocketsLate(app, { ...options, openCall, admit, refuse })
    : () => {}
  const stopListening = async () => {
    await Promise.all(servers.map(stopAccepting))
  }
  let late: LateRequests | undefined
  return {
    app,
    expectClose() {
      late ??= new LateRequests(servers)
    },
    async close() {
      late ??= new LateRequests(servers)
      await late.caughtUp()
      void stopListening()
      await late.heard(FIRST_REQUEST_MS)
      await late.caughtUp()
      await app.close()
    },
    stopListening,
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
