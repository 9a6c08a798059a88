import { isIP } from 'node:net'
import { GRPC_STATUS, GRPC_STATUS_NAMES } from '../../internal/grpc/status.ts'
import { normaliseHost, portOf } from '../../internal/http/authority.ts'
import { ERRORS } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { pathOf } from '../../internal/http/target.ts'
import { type Node, usesTls } from '../../internal/nodes/node.ts'
import { askedHostOf, type Exchange, schemeOf } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import { roundMs } from '../../internal/telemetry/live-times.ts'
import type { Trace, TrySpan } from '../../internal/trace/trace.ts'
import type { TraceParent } from '../../internal/trace/trace-context.ts'
import type { FailureKind } from '../../internal/upstream-failure.ts'
import { quoteJson } from '../../middleware/access-log.ts'

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
/** Clients choose how long paths and names of browsers are. */
const MAX_CHARACTERS = 1_024

/**
 * Returns the span of a request as JSON of OTLP.
 *
 * @param originMs the time at which the monotonic clock was 0, milliseconds since 1970
 */
export function requestSpan(ended: EndedRequest, originMs: number): string {
  const { exchange, trace, status, error, endedAt } = ended
  const { call } = exchange
  const { route } = call
  let attributes = methodOf(call.method)
  attributes += text('url.path', pathOf(call.target))
  const scheme = schemeOf(exchange)
  attributes += text('url.scheme', scheme)
  if (route !== undefined) attributes += attributesOfRoute(route)
  // A client that left before the head of its answer has got no status.
  if (exchange.response.headersSent || call.upgraded)
    attributes += integer('http.response.status_code', status)
  const host = askedHostOf(exchange)
  if (host !== undefined && host !== '') attributes += authority(host, scheme)
  attributes += text('client.address', call.clientAddress!)
  attributes += text('network.peer.address', exchange.peerAddress)
  attributes += text('network.protocol.version', call.http)
  const userAgent = getHeader(exchange.head.headers, 'user-agent')
  if (userAgent !== undefined) attributes += text('user_agent.original', userAgent)
  if (error !== undefined) attributes += text('error.type', error)
  if (call.rpc !== undefined) attributes += rpc(call.rpc, call.grpcStatus)
  attributes += text('waygate.request_id', call.requestId)
  attributes += integer('waygate.attempts', call.attempts)
  if (call.degraded) attributes += yes('waygate.fallback')
  if (call.revision !== undefined) attributes += text('waygate.revision', call.revision)
  attributes += number('waygate.loop_wait_ms', ended.loopWaitMs)
  const method = METHODS.has(call.method) ? call.method : 'HTTP'
  // An open WebSocket is no longer a request: its span ends with the answer to the handshake.
  const answeredAt = call.upgraded ? (trace.tries.at(-1)?.endedAt ?? endedAt) : endedAt
  // What the gateway refuses is the client's mistake, but for the codes of 500 and more.
  const isRefused = call.errorCode !== undefined && ERRORS[call.errorCode].status < 500
  const isFailed = isServerError(call.grpcStatus) || (error !== undefined && !isRefused)
  let span = beginning(trace, trace.spanId, trace.parentId)
  span += `,"flags":${flags(trace) | FLAG_KNOWS_REMOTE | (trace.parentId === undefined ? 0 : FLAG_IS_REMOTE)}`
  span += `,"name":${quoteJson(route === undefined ? method : `${method} ${route.path}`)},"kind":${KIND_SERVER}`
  span += times(call.startedAt, answeredAt, originMs)
  span += `,"attributes":[${attributes}]`
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
  const scheme = usesTls(node) ? 'https' : 'http'
  const isFailedCall = grpcStatus !== undefined && grpcStatus !== GRPC_STATUS.OK
  let error: string | undefined
  if (status >= 400) error = String(status)
  else if (isFailedCall) error = GRPC_STATUS_NAMES[grpcStatus]
  else if (span.failure !== undefined) error = failureName(span.failure)
  let attributes = methodOf(method)
  attributes += attributesOfNode(node)
  if (span.address !== undefined && isIP(node.host) === 0) attributes += networkPeer(span.address, node.port)
  attributes += text('url.full', `${scheme}://${peer.address}${pathOf(request.target)}`)
  if (span.resendCount > 0 && !isCopy) attributes += integer('http.request.resend_count', span.resendCount)
  if (status !== 0) attributes += integer('http.response.status_code', status)
  if (error !== undefined) attributes += text('error.type', error)
  if (called !== undefined) attributes += rpc(called.method, grpcStatus)
  attributes += text('waygate.breaker', span.breaker)
  if (request.isHedge) attributes += yes('waygate.hedge')
  if (isCopy) attributes += yes('waygate.mirror')
  let json = beginning(trace, span.spanId, trace.spanId)
  json += `,"flags":${flags(trace) | FLAG_KNOWS_REMOTE}`
  json += `,"name":"${METHODS.has(method) ? method : 'HTTP'}","kind":${KIND_CLIENT}`
  json += times(span.startedAt, span.endedAt, originMs)
  json += `,"attributes":[${attributes}]`
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

/** Creates a function whose texts are made once per object. */
function remembering<Key extends object>(make: (key: Key) => string): (key: Key) => string {
  const made = new WeakMap<Key, string>()
  return key => {
    let known = made.get(key)
    if (known === undefined) {
      known = make(key)
      made.set(key, known)
    }
    return known
  }
}

const attributesOfRoute = remembering(({ id, path, service }: Route) => {
  const own = text('http.route', path) + text('waygate.route', id)
  // A route that no node answers has no service.
  return service ? own + text('waygate.service', service) : own
})

const attributesOfNode = remembering(({ host, port, service, id }: Node) => {
  const address = text('server.address', host) + integer('server.port', port)
  const peer = isIP(host) === 0 ? '' : networkPeer(host, port)
  return address + peer + text('waygate.service', service) + text('waygate.node', id)
})

/** A node that has a name may have another address in each try. */
function networkPeer(address: string, port: number): string {
  return text('network.peer.address', address) + integer('network.peer.port', port)
}

function beginning({ traceId, state }: Trace, spanId: string, parentId: string | undefined): string {
  let json = `{"traceId":"${traceId}","spanId":"${spanId}"`
  if (state !== undefined) json += `,"traceState":${quoteJson(state)}`
  return parentId === undefined ? json : `${json},"parentSpanId":"${parentId}"`
}

function flags({ isSampled, isRandom }: Pick<TraceParent, 'isSampled' | 'isRandom'>): number {
  return (isSampled ? 1 : 0) | (isRandom ? 2 : 0)
}

function linkTo(link: TraceParent): string {
  const all = flags(link) | FLAG_KNOWS_REMOTE | FLAG_IS_REMOTE
  return `{"traceId":"${link.traceId}","spanId":"${link.spanId}","flags":${all}}`
}

function times(startedAt: number, endedAt: number, originMs: number): string {
  return `,"startTimeUnixNano":"${nanos(originMs + startedAt)}","endTimeUnixNano":"${nanos(originMs + endedAt)}"`
}

/** A number has no room for nanoseconds since 1970. Microseconds fit, and clocks are no finer. */
function nanos(ms: number): string {
  return `${Math.round(ms * 1_000)}000`
}

/** Returns the attributes about the method, which come first. */
function methodOf(method: string): string {
  const known = METHODS.has(method) ? method : '_OTHER'
  const first = `{"key":"http.request.method","value":{"stringValue":"${known}"}}`
  return known === method ? first : first + text('http.request.method_original', method)
}

const MAX_HOSTS = 1_000
const byHost = { http: new Map<string, string>(), https: new Map<string, string>() }

/** Reads a Host header. Most requests are for one of a few hosts, and the text of an attribute takes as long as reading it. */
function authority(host: string, scheme: 'http' | 'https'): string {
  const known = byHost[scheme].get(host)
  if (known !== undefined) return known
  const name = normaliseHost(host).replace(/^\[(.*)\]$/, '$1')
  const made = text('server.address', name) + integer('server.port', Number(portOf(host, scheme)))
  if (byHost[scheme].size < MAX_HOSTS) byHost[scheme].set(host, made)
  return made
}

function rpc(method: string, status: number | undefined): string {
  const name = status === undefined ? undefined : (GRPC_STATUS_NAMES[status] ?? String(status))
  const called = text('rpc.system.name', 'grpc') + text('rpc.method', method)
  return name === undefined ? called : called + text('rpc.status_code', name)
}

/** Each attribute begins with a comma. */
function text(key: string, value: string): string {
  const shown = value.length > MAX_CHARACTERS ? value.slice(0, MAX_CHARACTERS) : value
  return `,{"key":"${key}","value":{"stringValue":${quoteJson(shown)}}}`
}

/** Integers have 64 bits there, which JSON has as text. */
function integer(key: string, value: number): string {
  return `,{"key":"${key}","value":{"intValue":"${value}"}}`
}

function number(key: string, value: number): string {
  return `,{"key":"${key}","value":{"doubleValue":${roundMs(value)}}}`
}

function yes(key: string): string {
  return `,{"key":"${key}","value":{"boolValue":true}}`
}
