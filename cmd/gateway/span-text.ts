import { isIP } from 'node:net'
import type { Call } from '../../internal/call.ts'
import { GRPC_STATUS, GRPC_STATUS_NAMES } from '../../internal/grpc/status.ts'
import { normaliseHost, portOf } from '../../internal/http/authority.ts'
import { ERRORS } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { pathOf } from '../../internal/http/target.ts'
import { addressOf, type Node, usesTls } from '../../internal/nodes/node.ts'
import { askedHostOf, type Exchange, schemeOf } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import { ownText } from '../../internal/telemetry/cut-text.ts'
import { roundMs } from '../../internal/telemetry/live-times.ts'
import type { Trace, TrySpan } from '../../internal/trace/trace.ts'
import { flagsOf, type TraceParent } from '../../internal/trace/trace-context.ts'
import type { FailureKind } from '../../internal/upstream-failure.ts'
import {
  escaped,
  integerAttribute,
  integerKey,
  numberAttribute,
  remembering,
  rememberingTexts,
  textAttribute,
  textKey,
  trueAttribute,
} from './span-attributes.ts'

// The names of attributes are those of OpenTelemetry's semantic conventions 1.45, of which only stable ones are used. Texts are
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

/** Numbers of the protocol (opentelemetry/proto/trace/v1/trace.proto). */
const KIND_SERVER = 2
const KIND_CLIENT = 3
const STATUS_ERROR = 2
const FLAG_KNOWS_REMOTE = 0x100
const FLAG_IS_REMOTE = 0x200

/** Other methods are counted as one, since clients can invent any number of them. */
const METHODS: ReadonlySet<string> = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
)
/** The statuses of gRPC that speak of the server and not of the call. */
const SERVER_ERRORS: ReadonlySet<number> = new Set([
  ...[GRPC_STATUS.UNKNOWN, GRPC_STATUS.DEADLINE_EXCEEDED, GRPC_STATUS.UNIMPLEMENTED],
  ...[GRPC_STATUS.INTERNAL, GRPC_STATUS.UNAVAILABLE, GRPC_STATUS.DATA_LOSS],
])
const KEY = {
  clientAddress: textKey('client.address'),
  error: textKey('error.type'),
  peerAddress: textKey('network.peer.address'),
  resendCount: integerKey('http.request.resend_count'),
  status: integerKey('http.response.status_code'),
  userAgent: textKey('user_agent.original'),
  path: textKey('url.path'),
  attempts: integerKey('waygate.attempts'),
  breaker: textKey('waygate.breaker'),
  requestId: textKey('waygate.request_id'),
  revision: textKey('waygate.revision'),
} as const

/**
 * Returns the span of a request as JSON of OTLP.
 *
 * @param originMs the time at which the monotonic clock was 0, milliseconds since 1970
 */
export function requestSpan(ended: EndedRequest, originMs: number): string {
  const { exchange, trace, status, error, endedAt } = ended
  const { call } = exchange
  const { route } = call
  const scheme = schemeOf(exchange)
  let attributes = methodOf(call.method) + protocolOf[scheme][call.http]
  attributes += textAttribute(KEY.path, pathOf(call.target))
  if (route !== undefined) attributes += attributesOfRoute(route)
  // A client that left before the head of its answer has got no status.
  if (exchange.response.headersSent || call.upgraded) attributes += integerAttribute(KEY.status, status)
  const host = askedHostOf(exchange)
  if (host !== undefined && host !== '') attributes += authorityOf[scheme](host)
  attributes += textAttribute(KEY.clientAddress, call.clientAddress!)
  attributes += textAttribute(KEY.peerAddress, exchange.peerAddress)
  const userAgent = getHeader(exchange.head.headers, 'user-agent')
  if (userAgent !== undefined) attributes += textAttribute(KEY.userAgent, userAgent)
  if (error !== undefined) attributes += textAttribute(KEY.error, error)
  if (call.rpc !== undefined) attributes += rpc(call.rpc, call.grpcStatus)
  attributes += textAttribute(KEY.requestId, call.requestId)
  attributes += integerAttribute(KEY.attempts, call.attempts)
  if (call.degraded) attributes += trueAttribute('waygate.fallback')
  if (call.revision !== undefined) attributes += textAttribute(KEY.revision, call.revision)
  attributes += loopWait(ended.loopWaitMs)
  const method = METHODS.has(call.method) ? call.method : 'HTTP'
  // An open WebSocket is no longer a request: its span ends with the answer to the handshake.
  const answeredAt = call.upgraded ? (trace.tries.at(-1)?.endedAt ?? endedAt) : endedAt
  // What the gateway refuses is the client's mistake, but for the codes of 500 and more.
  const isRefused = call.errorCode !== undefined && ERRORS[call.errorCode].status < 500
  const isFailed = isServerError(call.grpcStatus) || (error !== undefined && !isRefused)
  const ownFlags = flagsOf(trace) | FLAG_KNOWS_REMOTE | (trace.parentId === undefined ? 0 : FLAG_IS_REMOTE)
  let span = beginning(trace, trace.spanId, trace.parentId)
  span += times(call.startedAt, answeredAt, originMs)
  span += `,"flags":${ownFlags},"kind":${KIND_SERVER},"name":"${method}`
  if (route !== undefined) span += nameOfRoute(route)
  span += `","attributes":[${attributes}]`
  if (call.upgraded)
    span += `,"events":[{"timeUnixNano":"${nanos(originMs + endedAt)}","name":"waygate.websocket.closed"}]`
  if (trace.link !== undefined) span += `,"links":[${linkTo(trace.link)}]`
  return isFailed ? `${span},"status":{"code":${STATUS_ERROR}}}` : `${span}}`
}

/** Returns the span of a try as JSON of OTLP. @param originMs as for {@link requestSpan} */
export function trySpan(span: TrySpan, originMs: number): string {
  const { trace, request, peer, status, grpcStatus } = span
  const { method, rpc: called, isCopy } = request
  const { node } = peer
  const isFailedCall = grpcStatus !== undefined && grpcStatus !== GRPC_STATUS.OK
  let error: string | undefined
  if (status >= 400) error = String(status)
  else if (isFailedCall) error = GRPC_STATUS_NAMES[grpcStatus]
  else if (span.failure !== undefined) error = failureName(span.failure)
  let attributes = methodOf(method)
  attributes += textAttribute(attributesOfNode(node), pathOf(request.target))
  // A node that has a name may have another address in each try.
  if (span.address !== undefined && isIP(node.host) === 0) attributes += networkPeer(span.address, node.port)
  if (span.resendCount > 0 && !isCopy) attributes += integerAttribute(KEY.resendCount, span.resendCount)
  if (status !== 0) attributes += integerAttribute(KEY.status, status)
  if (error !== undefined) attributes += textAttribute(KEY.error, error)
  if (called !== undefined) attributes += rpc(called.method, grpcStatus)
  attributes += textAttribute(KEY.breaker, span.breaker)
  if (request.isHedge) attributes += trueAttribute('waygate.hedge')
  if (isCopy) attributes += trueAttribute('waygate.mirror')
  let json = beginning(trace, span.spanId, trace.spanId)
  json += times(span.startedAt, span.endedAt, originMs)
  json += `,"flags":${flagsOf(trace) | FLAG_KNOWS_REMOTE},"kind":${KIND_CLIENT}`
  json += `,"name":"${METHODS.has(method) ? method : 'HTTP'}","attributes":[${attributes}]`
  // A try that was given up has not failed.
  const isFailed = error !== undefined && error !== 'canceled' && error !== 'CANCELLED'
  return isFailed ? `${json},"status":{"code":${STATUS_ERROR}}}` : `${json}}`
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
  const own = textAttribute(textKey('http.route'), path) + textAttribute(textKey('waygate.route'), id)
  // A route that no node answers has no service.
  return service ? own + textAttribute(textKey('waygate.service'), service) : own
})

const nameOfRoute = remembering(({ path }: Route) => ` ${escaped(path)}`)

/** Returns the attributes of a node, and the beginning of `url.full`, behind which the path comes. */
const attributesOfNode = remembering((node: Node) => {
  const { host, port, service, id } = node
  const address =
    textAttribute(textKey('server.address'), host) + integerAttribute(integerKey('server.port'), port)
  const peer = isIP(host) === 0 ? '' : networkPeer(host, port)
  const own = textAttribute(textKey('waygate.service'), service) + textAttribute(textKey('waygate.node'), id)
  const url = `${usesTls(node) ? 'https' : 'http'}://${addressOf(node)}`
  return address + peer + own + textKey('url.full') + escaped(url)
})

function networkPeer(address: string, port: number): string {
  return textAttribute(KEY.peerAddress, address) + integerAttribute(integerKey('network.peer.port'), port)
}

function beginning({ traceId, state }: Trace, spanId: string, parentId: string | undefined): string {
  let json = `{"traceId":"${traceId}","spanId":"${spanId}"`
  if (state !== undefined) json += `,"traceState":"${escaped(state)}"`
  return parentId === undefined ? json : `${json},"parentSpanId":"${parentId}"`
}

function linkTo(link: TraceParent): string {
  const all = flagsOf(link) | FLAG_KNOWS_REMOTE | FLAG_IS_REMOTE
  return `{"traceId":"${link.traceId}","spanId":"${link.spanId}","flags":${all}}`
}

function times(startedAt: number, endedAt: number, originMs: number): string {
  return `,"startTimeUnixNano":"${nanos(originMs + startedAt)}","endTimeUnixNano":"${nanos(originMs + endedAt)}"`
}

let lastSecond = { seconds: -1, digits: '' }

/**
 * Returns a time as text. A number has no room for nanoseconds since 1970. Microseconds fit, and clocks are no finer. V8 writes
 * numbers of more than 31 bits slowly, so the seconds of the last time are kept.
 */
function nanos(ms: number): string {
  const micros = Math.round(ms * 1_000)
  const seconds = Math.floor(micros / 1_000_000)
  if (seconds !== lastSecond.seconds) lastSecond = { seconds, digits: String(seconds) }
  // The leading 1 keeps the zeros behind it.
  return `${lastSecond.digits}${String((1_000_000 + micros - seconds * 1_000_000) | 0).slice(1)}000`
}

/** Returns the attributes about the method, which come first. */
function methodOf(method: string): string {
  return METHODS.has(method) ? knownMethod(method) : OTHER_METHOD + textAttribute(ORIGINAL_METHOD, method)
}

const METHOD = textKey('http.request.method')
const knownMethod = rememberingTexts(method => textAttribute(METHOD, method).slice(1))
const OTHER_METHOD = knownMethod('_OTHER')
const ORIGINAL_METHOD = textKey('http.request.method_original')

/** The attributes about scheme and version. */
const protocolOf = { http: protocols('http'), https: protocols('https') } as const

function protocols(scheme: 'http' | 'https'): Readonly<Record<Call['http'], string>> {
  const of = (version: string) =>
    ownText(
      textAttribute(textKey('url.scheme'), scheme) +
        textAttribute(textKey('network.protocol.version'), version),
    )
  return { '1.0': of('1.0'), '1.1': of('1.1'), '2': of('2') }
}

/** Functions of a Host header. Most requests are for one of a few hosts. */
const authorityOf = { http: authorities('http'), https: authorities('https') } as const

function authorities(scheme: 'http' | 'https'): (host: string) => string {
  return rememberingTexts(host => {
    const name = normaliseHost(host).replace(/^\[(.*)\]$/, '$1')
    const port = Number(portOf(host, scheme))
    return textAttribute(textKey('server.address'), name) + integerAttribute(integerKey('server.port'), port)
  })
}

let lastWait = { ms: -1, attribute: '' }

/** It is measured now and then, so that many spans have the same. */
function loopWait(ms: number): string {
  if (ms !== lastWait.ms)
    lastWait = { ms, attribute: ownText(numberAttribute('waygate.loop_wait_ms', roundMs(ms))) }
  return lastWait.attribute
}

function rpc(method: string, status: number | undefined): string {
  const name = status === undefined ? undefined : (GRPC_STATUS_NAMES[status] ?? String(status))
  const called = textAttribute(RPC_METHOD, method)
  return name === undefined ? called : called + textAttribute(textKey('rpc.status_code'), name)
}

const RPC_METHOD = textAttribute(textKey('rpc.system.name'), 'grpc') + textKey('rpc.method')
