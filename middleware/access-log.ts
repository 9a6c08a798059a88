import type { ServerResponse } from 'node:http'
import type { Call } from '../internal/call.ts'
import type { Peer } from '../internal/peer.ts'
import type { Route } from '../internal/route.ts'
import { pathOf } from '../internal/target.ts'

/** What the log needs of a logger; pino's fits. */
interface AccessLogger {
  info(fields: object, message: string): void
  /** One whose lines all have these fields. */
  child(fields: object): { info(fields: object, message: string): void }
}
type LineLogger = ReturnType<AccessLogger['child']>

/** For a client that left before its answer began; nginx's number for it. */
const CLIENT_CLOSED_REQUEST = 499
const SWITCHING_PROTOCOLS = 101

/** The status that a call which is over is logged and counted with. */
export function statusOf(call: Call, response: ServerResponse): number {
  if (call.upgraded) return SWITCHING_PROTOCOLS
  return response.writableFinished || response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST
}

/** Writes one line per request. The query is left out: tokens and names travel in it. */
export function createAccessLog(
  logger: AccessLogger,
): (call: Call, status: number, client: string, totalMs: number) => void {
  const loggerOf = createWayLoggers(logger)
  return (call, status, client, totalMs) => {
    loggerOf(call.route, call.peer).info(
      {
        requestId: call.requestId,
        method: call.method,
        path: pathOf(call.target),
        status,
        attempts: call.attempts,
        upstreamMs: call.upstreamMs < 0 ? undefined : round(call.upstreamMs),
        totalMs: round(totalMs),
        client,
        user: call.identity?.subject,
        fallback: call.degraded || undefined,
        code: call.errorCode,
        reason: call.failure === undefined ? undefined : reasonOf(call.failure),
      },
      'request',
    )
  }
}

/**
 * Loggers that have the fields of a way through the gateway, so that the four are written as JSON once and not for
 * every request. They go with their route and their peer.
 */
function createWayLoggers(
  logger: AccessLogger,
): (route: Route | undefined, peer: Peer | undefined) => LineLogger {
  const ways = new WeakMap<Route, WeakMap<Peer, LineLogger>>()
  return (route, peer) => {
    if (!route) return logger
    if (!peer) return logger.child({ route: route.id, service: route.service })
    let byPeer = ways.get(route)
    if (!byPeer) {
      byPeer = new WeakMap()
      ways.set(route, byPeer)
    }
    let way = byPeer.get(peer)
    if (!way) {
      const { node, address } = peer
      way = logger.child({ route: route.id, service: route.service, node: node.id, address })
      byPeer.set(peer, way)
    }
    return way
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

/** The innermost cause in a few words: that is what an operator looks for. */
function reasonOf(failure: unknown): string {
  let cause = failure
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}
