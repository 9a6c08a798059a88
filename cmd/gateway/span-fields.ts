import { isIP } from 'node:net'
import type { Call } from '../../internal/call.ts'
import { GRPC_STATUS, GRPC_STATUS_NAMES } from '../../internal/grpc/status.ts'
import { isAuthority, normaliseHost, portOf } from '../../internal/http/authority.ts'
import { ERRORS } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { pathOf } from '../../internal/http/target.ts'
import { addressOf, type Node, usesTls } from '../../internal/nodes/node.ts'
import { askedHostOf, type Exchange, schemeOf } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import { roundMs } from '../../internal/telemetry/live-times.ts'
import type { Trace, TrySpan } from '../../internal/trace/trace.ts'
import { flagsOf, type TraceParent } from '../../internal/trace/trace-context.ts'
import type { FailureKind } from '../../internal/upstream-failure.ts'
import type { WrittenSpan } from './span-batch.ts'
import {
  fixed32Field,
  fromHex,
  integerAttribute,
  lengthField,
  lengthHead,
  numberAttribute,
  remembering,
  rememberingValues,
  textAttribute,
  timeField,
  trueAttribute,
  utf8,
  varintField,
} from './span-wire.ts'

// The names of attributes are those of OpenTelemetry's semantic conventions 1.45, of which only stable ones are used. Bytes are
// put together by hand, since to make the same from objects takes several times as long.

/** A request whose answer is over, for its span. */
export interface EndedRequest {
  readonly exchange: Exchange
  readonly trace: Trace
  /** As the access log has it. */
  readonly status: number
  /** Why it counts as failed: one of our codes, a status, or how the node broke its answer off. */
  readonly error: string | undefined
  /** When the answer ended, milliseconds on the monotonic clock. */
  readonly endedAt: number
  /** The recent length of a turn of the event loop, milliseconds. */
  readonly loopWaitMs: number
}

/** Fields of the messages `Span`, `Span.Event`, `Span.Link` and `Status` (opentelemetry/proto/trace/v1/trace.proto). */
const SPAN = { state: 3, name: 5, kind: 6, events: 11, links: 13, status: 15, flags: 16 } as const
const EVENT = { time: 1, name: 2 } as const
const LINK = { traceId: 1, spanId: 2, flags: 6 } as const
const STATUS_CODE = 3
const FLAG_KNOWS_REMOTE = 0x100
const FLAG_IS_REMOTE = 0x200

const SERVER = varintField(SPAN.kind, 2)
const CLIENT = varintField(SPAN.kind, 3)
const FAILED = lengthField(SPAN.status, varintField(STATUS_CODE, 2))
const CLOSED = lengthField(EVENT.name, 'waygate.websocket.closed')

/** Other methods are counted as one, since clients can invent any number of them. */
const METHODS: ReadonlySet<string> = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
)
/** The statuses of gRPC that speak of the server and not of the call. */
const SERVER_ERRORS: ReadonlySet<number> = new Set([
  ...[GRPC_STATUS.UNKNOWN, GRPC_STATUS.DEADLINE_EXCEEDED, GRPC_STATUS.UNIMPLEMENTED],
  ...[GRPC_STATUS.INTERNAL, GRPC_STATUS.UNAVAILABLE, GRPC_STATUS.DATA_LOSS],
])
const ATTRIBUTE = {
  clientAddress: textAttribute('client.address'),
  error: textAttribute('error.type'),
  method: textAttribute('http.request.method'),
  originalMethod: textAttribute('http.request.method_original'),
  resendCount: integerAttribute('http.request.resend_count'),
  status: integerAttribute('http.response.status_code'),
  route: textAttribute('http.route'),
  peerAddress: textAttribute('network.peer.address'),
  peerPort: integerAttribute('network.peer.port'),
  version: textAttribute('network.protocol.version'),
  rpcMethod: textAttribute('rpc.method'),
  rpcStatus: textAttribute('rpc.status_code'),
  rpcSystem: textAttribute('rpc.system.name'),
  serverAddress: textAttribute('server.address'),
  serverPort: integerAttribute('server.port'),
  fullUrl: textAttribute('url.full'),
  path: textAttribute('url.path'),
  scheme: textAttribute('url.scheme'),
  userAgent: textAttribute('user_agent.original'),
  attempts: integerAttribute('waygate.attempts'),
  breaker: textAttribute('waygate.breaker'),
  nodeId: textAttribute('waygate.node'),
  requestId: textAttribute('waygate.request_id'),
  revision: textAttribute('waygate.revision'),
  routeId: textAttribute('waygate.route'),
  service: textAttribute('waygate.service'),
} as const
const FALLBACK = trueAttribute('waygate.fallback')
const HEDGE = trueAttribute('waygate.hedge')
const MIRROR = trueAttribute('waygate.mirror')

/**
 * Returns the span of a request.
 *
 * @param originMs the time at which the monotonic clock was 0, milliseconds since 1970
 */
export function requestSpan(ended: EndedRequest, originMs: number): WrittenSpan {
  const { exchange, trace, status, error, endedAt } = ended
  const { call } = exchange
  const { route } = call
  const scheme = schemeOf(exchange)
  const method = METHODS.has(call.method) ? call.method : 'HTTP'
  const ownFlags = flagsOf(trace) | FLAG_KNOWS_REMOTE | (trace.parentId === undefined ? 0 : FLAG_IS_REMOTE)
  let fields = SERVER + flags(ownFlags) + nameOf(method, route === undefined ? '' : pathInName(route))
  fields += methodOf(call.method) + protocolOf[scheme][call.http]
  fields += ATTRIBUTE.path(pathOf(call.target))
  if (route !== undefined) fields += attributesOfRoute(route)
  // A client that left before the head of its answer has got no status.
  if (exchange.response.headersSent || call.upgraded) fields += ATTRIBUTE.status(status)
  const host = askedHostOf(exchange)
  if (host !== undefined && host !== '') fields += authorityOf[scheme](host)
  fields += ATTRIBUTE.clientAddress(call.clientAddress!)
  fields += ATTRIBUTE.peerAddress(exchange.peerAddress)
  const userAgent = getHeader(exchange.head.headers, 'user-agent')
  if (userAgent !== undefined) fields += ATTRIBUTE.userAgent(userAgent)
  if (error !== undefined) fields += ATTRIBUTE.error(error)
  if (call.rpc !== undefined) fields += rpc(call.rpc, call.grpcStatus)
  fields += ATTRIBUTE.requestId(call.requestId)
  fields += ATTRIBUTE.attempts(call.attempts)
  if (call.degraded) fields += FALLBACK
  if (call.revision !== undefined) fields += ATTRIBUTE.revision(call.revision)
  fields += loopWait(ended.loopWaitMs)
  if (call.upgraded) fields += lengthField(SPAN.events, timeField(EVENT.time, originMs + endedAt) + CLOSED)
  if (trace.link !== undefined) fields += linkTo(trace.link)
  // What the gateway refuses is the client's mistake, but for the codes of 500 and more.
  const isRefused = call.errorCode !== undefined && ERRORS[call.errorCode].status < 500
  if (isServerError(call.grpcStatus) || (error !== undefined && !isRefused)) fields += FAILED
  // An open WebSocket is no longer a request: its span ends with the answer to the handshake.
  const answeredAt = call.upgraded ? (trace.tries.at(-1)?.endedAt ?? endedAt) : endedAt
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentId: trace.parentId,
    startedAt: originMs + call.startedAt,
    endedAt: originMs + answeredAt,
    fields: withState(trace, fields),
  }
}

/** Returns the span of a try. @param originMs as for {@link requestSpan} */
export function trySpan(span: TrySpan, originMs: number): WrittenSpan {
  const { trace, request, peer, status, grpcStatus } = span
  const { method, rpc: called, isCopy } = request
  const { node } = peer
  const isFailedCall = grpcStatus !== undefined && grpcStatus !== GRPC_STATUS.OK
  let error: string | undefined
  if (status >= 400) error = String(status)
  else if (isFailedCall) error = GRPC_STATUS_NAMES[grpcStatus]
  else if (span.failure !== undefined) error = failureName(span.failure)
  let fields = CLIENT + flags(flagsOf(trace) | FLAG_KNOWS_REMOTE)
  fields += nameOf(METHODS.has(method) ? method : 'HTTP', '')
  fields += methodOf(method) + attributesOfNode(node)
  fields += ATTRIBUTE.fullUrl(addressInUrl(node) + pathOf(request.target))
  // A node that has a name may have another address in each try.
  if (span.address !== undefined && isIP(node.host) === 0) fields += networkPeer(span.address, node.port)
  if (span.resendCount > 0 && !isCopy) fields += ATTRIBUTE.resendCount(span.resendCount)
  if (status !== 0) fields += ATTRIBUTE.status(status)
  if (error !== undefined) fields += ATTRIBUTE.error(error)
  if (called !== undefined) fields += rpc(called.method, grpcStatus)
  fields += ATTRIBUTE.breaker(span.breaker)
  if (request.isHedge) fields += HEDGE
  if (isCopy) fields += MIRROR
  // A try that was given up has not failed.
  if (error !== undefined && error !== 'canceled' && error !== 'CANCELLED') fields += FAILED
  return {
    traceId: trace.traceId,
    spanId: span.spanId,
    parentId: trace.spanId,
    startedAt: originMs + span.startedAt,
    endedAt: originMs + span.endedAt,
    fields: withState(trace, fields),
  }
}

/** Returns why a request failed, as its span says; undefined when it did not. */
export function errorOf({ call, response }: Exchange, status: number): string | undefined {
  if (call.errorCode !== undefined) return call.errorCode
  if (isServerError(call.grpcStatus)) return GRPC_STATUS_NAMES[call.grpcStatus!]
  if (status >= 500) return String(status)
  if (response.writableFinished || call.upgraded) return undefined
  // The client's side was ended because the node's was.
  const last = call.trace?.tries.findLast(each => each.status !== 0)
  return last?.failure === undefined || last.failure === 'aborted' ? undefined : failureName(last.failure)
}

function isServerError(grpcStatus: number | undefined): boolean {
  return grpcStatus !== undefined && SERVER_ERRORS.has(grpcStatus)
}

function failureName(kind: FailureKind): string {
  return kind === 'aborted' ? 'canceled' : kind
}

const attributesOfRoute = remembering(({ id, path, service }: Route) => {
  const own = ATTRIBUTE.route(path) + ATTRIBUTE.routeId(id)
  // A route that no node answers has no service.
  return service ? own + ATTRIBUTE.service(service) : own
})

const pathInName = remembering(({ path }: Route) => ` ${utf8(path)}`)

function nameOf(method: string, path: string): string {
  return lengthHead(SPAN.name, method.length + path.length) + method + path
}

const attributesOfNode = remembering(({ host, port, service, id }: Node) => {
  const address = ATTRIBUTE.serverAddress(host) + ATTRIBUTE.serverPort(port)
  const peer = isIP(host) === 0 ? '' : networkPeer(host, port)
  return address + peer + ATTRIBUTE.service(service) + ATTRIBUTE.nodeId(id)
})

const addressInUrl = remembering((node: Node) => `${usesTls(node) ? 'https' : 'http'}://${addressOf(node)}`)

function networkPeer(address: string, port: number): string {
  return ATTRIBUTE.peerAddress(address) + ATTRIBUTE.peerPort(port)
}

function withState({ state }: Trace, fields: string): string {
  return state === undefined ? fields : fields + lengthField(SPAN.state, utf8(state))
}

function linkTo(link: TraceParent): string {
  const ids =
    lengthField(LINK.traceId, fromHex(link.traceId)) + lengthField(LINK.spanId, fromHex(link.spanId))
  const all = flagsOf(link) | FLAG_KNOWS_REMOTE | FLAG_IS_REMOTE
  return lengthField(SPAN.links, ids + fixed32Field(LINK.flags, all))
}

const flags = rememberingValues((value: number) => fixed32Field(SPAN.flags, value))

/** Returns the attributes about the method. */
function methodOf(method: string): string {
  return METHODS.has(method) ? knownMethod(method) : OTHER_METHOD + ATTRIBUTE.originalMethod(method)
}

const knownMethod = rememberingValues(ATTRIBUTE.method)
const OTHER_METHOD = knownMethod('_OTHER')

/** The attributes about scheme and version. */
const protocolOf = { http: protocols('http'), https: protocols('https') } as const

function protocols(scheme: 'http' | 'https'): Readonly<Record<Call['http'], string>> {
  const of = rememberingValues((version: string) => ATTRIBUTE.scheme(scheme) + ATTRIBUTE.version(version))
  return { '1.0': of('1.0'), '1.1': of('1.1'), '2': of('2') }
}

/** Functions of a Host header. Most requests are for one of a few hosts. */
const authorityOf = { http: authorities('http'), https: authorities('https') } as const

function authorities(scheme: 'http' | 'https'): (host: string) => string {
  return rememberingValues(host => {
    const name = ATTRIBUTE.serverAddress(normaliseHost(host).replace(/^\[(.*)\]$/, '$1'))
    // Of a Host that is refused, anything may stand in place of the port.
    return isAuthority(host) ? name + ATTRIBUTE.serverPort(Number(portOf(host, scheme))) : name
  })
}

let lastWait = { ms: -1, attribute: '' }

/** It is measured now and then, so that many spans have the same. */
function loopWait(ms: number): string {
  if (ms !== lastWait.ms) lastWait = { ms, attribute: numberAttribute('waygate.loop_wait_ms', roundMs(ms)) }
  return lastWait.attribute
}

function rpc(method: string, status: number | undefined): string {
  const called = GRPC + ATTRIBUTE.rpcMethod(method)
  return status === undefined
    ? called
    : called + ATTRIBUTE.rpcStatus(GRPC_STATUS_NAMES[status] ?? String(status))
}

const GRPC = ATTRIBUTE.rpcSystem('grpc')
