import { Call } from '../../internal/call.ts'
import { type GrpcDialect, grpcDialectOf } from '../../internal/grpc/content-type.ts'
import { isAuthority } from '../../internal/http/authority.ts'
import type { ClientRequest, ClientResponse, Expectation } from '../../internal/http/client-exchange.ts'
import { CLIENT_TLS, type ClientTls } from '../../internal/http/client-tls.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { MAX_HEADER_LINES, TRACE_FIELDS } from '../../internal/http/header-lines.ts'
import { createRequestHeadReader, type RequestHead } from '../../internal/http/request-head.ts'
import {
  type CanonicalTarget,
  canonicalTarget,
  isPlainTarget,
  originForm,
} from '../../internal/http/target.ts'
import { TrailerFilter } from '../../internal/http/trailers.ts'
import type { BodyReader, Exchange } from '../../internal/policy.ts'
import type { Trace } from '../../internal/trace/trace.ts'
import { plainAddress, realAddress } from './client-address.ts'
import { readProxyReport } from './forwarded.ts'
import { createRequestIds } from './request-id.ts'

/** What the configuration says about how exchanges are opened. */
export interface ExchangeSettings {
  /** Names, in lower case, of headers that only the gateway may set. */
  readonly identityHeaders: Iterable<string>
  /** The header of API keys, in lower case, which must not come as a trailer; undefined = there are none. */
  readonly keyHeader?: string | undefined
  /** The longest target that is accepted. */
  readonly maxTargetBytes: number
  /** Whether nodes get Forwarded (RFC 7239) beside X-Forwarded-*. Default: false. */
  readonly sendsForwarded?: boolean | undefined
  /**
   * Begins the trace of a request, or goes on with that of its caller. Undefined = the gateway does not trace, and the headers
   * of traces pass as they are.
   */
  readonly startTrace?: StartTrace | undefined
}

export interface OpenExchangeOptions {
  /** Reads the bodies of the requests. */
  readonly bodies: BodyReader
  /** Read for each request; a reload replaces the whole. */
  readonly settings: { readonly current: ExchangeSettings }
  /** Returns whether what a client at this address says about other clients is believed. */
  readonly isTrustedProxy: (address: string) => boolean
  /** The major version of HTTP that the listener speaks. A request of another one is refused. */
  readonly httpVersion: 1 | 2
  /** Called once per request, before it is served. */
  readonly onOpen: (call: Call) => void
  /** Called once per request, when its answer is over or its client has left. */
  readonly onClose: (exchange: Exchange) => void
}

/**
 * @param lines what the request says of a trace, flat
 * @param isProxied whether it comes from a trusted proxy
 */
export type StartTrace = (lines: readonly string[] | undefined, isProxied: boolean) => Trace

export type OpenExchange = (
  request: ClientRequest,
  response: ClientResponse,
  expectation: Expectation,
  isWebSocket?: boolean,
) => Exchange

const SLASH = 47
/** Those that Node's parser for HTTP/1 knows; it refuses all others. */
const METHODS: ReadonlySet<string> = new Set(process.getBuiltinModule('node:http').METHODS)
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** The error detail for a request target that is not a plain path. */
export const UNSAFE_TARGET =
  'The request target must be a plain path: no dot segments, encoded slashes, or controls.'

const NEEDS_HTTP2 = new GatewayError('WG_UNSUPPORTED_MEDIA', { detail: 'gRPC needs HTTP/2.' })

function dialectOf({ method }: ClientRequest, { contentType }: RequestHead): GrpcDialect | undefined {
  return contentType === undefined || method !== 'POST' ? undefined : grpcDialectOf(contentType)
}

/** Creates what reads requests as the settings say. */
function createReaders(of: ExchangeSettings) {
  const { identityHeaders, keyHeader, startTrace } = of
  const noTrailers = [
    ...identityHeaders,
    ...(keyHeader === undefined ? [] : [keyHeader]),
    ...(startTrace === undefined ? [] : TRACE_FIELDS),
  ]
  return {
    of,
    readHead: createRequestHeadReader(identityHeaders, startTrace !== undefined),
    trailerFilter: new TrailerFilter(noTrailers),
  }
}

const AGREED_ON_HTTP2 = 'The connection was agreed on HTTP/2 by ALPN, so its requests must be HTTP/2.'

/**
 * Creates the function that begins the exchange of a request: it reads the head once, gives the request an id and a call,
 * and decides whether the request can be routed at all.
 *
 * A request that cannot be routed becomes an exchange too, so that its answer has an id and the access log has a line.
 */
export function createOpenExchange({
  bodies,
  settings,
  isTrustedProxy,
  httpVersion,
  onOpen,
  onClose,
}: OpenExchangeOptions): OpenExchange {
  let readers = createReaders(settings.current)
  const newId = createRequestIds()

  function refusalOf(
    request: ClientRequest,
    head: RequestHead,
    target: string,
    isSafe: boolean,
    tls: ClientTls | undefined,
  ): GatewayError | undefined {
    if (target.length > settings.current.maxTargetBytes) return new GatewayError('WG_URI_TOO_LONG')
    if (request.rawHeaders.length > MAX_HEADER_LINES * 2) return new GatewayError('WG_HEADERS_TOO_LARGE')
    if (head.hostCount > 1 || (head.hostCount === 0 && request.httpVersionMinor > 0)) {
      return new GatewayError('WG_BAD_REQUEST', { detail: 'The request must have exactly one Host header.' })
    }
    if (head.host !== undefined && !isAuthority(head.host)) {
      return new GatewayError('WG_BAD_REQUEST', { detail: 'The Host header must be a host name or address.' })
    }
    if (head.unknownEncoding || (head.chunked && request.httpVersionMinor === 0 && httpVersion === 1)) {
      return new GatewayError('WG_BAD_REQUEST', { detail: 'The only Transfer-Encoding accepted is chunked.' })
    }
    if (request.method === 'TRACE' || request.httpVersionMajor !== httpVersion)
      return new GatewayError('WG_BAD_REQUEST')
    if (httpVersion === 2 && !METHODS.has(request.method!)) return new GatewayError('WG_BAD_REQUEST')
    if (!isSafe) return new GatewayError('WG_BAD_REQUEST', { detail: UNSAFE_TARGET })
    if (tls === undefined) return undefined
    if (tls.isHttp2 && httpVersion === 1)
      return new GatewayError('WG_BAD_REQUEST', { detail: AGREED_ON_HTTP2 })
    return head.host === undefined ? undefined : tls.refusalOf(head.host)
  }

  return (request, response, expectation, isWebSocket = false) => {
    if (readers.of !== settings.current) readers = createReaders(settings.current)
    const { readHead, trailerFilter } = readers
    const { maxTargetBytes, sendsForwarded = false, startTrace } = readers.of
    const peerAddress = plainAddress(request.socket.remoteAddress)
    const tls = request.socket[CLIENT_TLS]
    const isProxied = isTrustedProxy(peerAddress)
    const head = readHead(request.rawHeaders, isProxied)
    const proxied = isProxied ? readProxyReport(head.proxyLines, isTrustedProxy) : undefined
    const url = request.url!
    let target = url.charCodeAt(0) === SLASH ? url : (originForm(url, head.host) ?? url)
    let isSafe = target.length <= maxTargetBytes
    let respelled: CanonicalTarget | undefined
    if (isSafe && !isPlainTarget(target)) {
      respelled = canonicalTarget(target)
      if (respelled === undefined) isSafe = false
      else target = respelled.target
    }
    const id = head.requestId !== undefined && REQUEST_ID.test(head.requestId) ? head.requestId : newId()
    const call = new Call(id, request.method!, target, performance.now())
    if (tls !== undefined) call.tls = tls
    if (httpVersion === 2) call.http = '2'
    else if (request.httpVersionMinor === 0) call.http = '1.0'
    call.clientAddress = proxied
      ? realAddress(peerAddress, proxied.forwardedFor, isTrustedProxy)
      : peerAddress
    if (startTrace !== undefined) {
      call.trace = startTrace(head.traceLines, isProxied)
      // It may decide which route the request takes.
      if (call.trace.baggage !== undefined) head.headers.push('baggage', call.trace.baggage)
    }
    const spoken = dialectOf(request, head)
    // The status of a gRPC call comes in trailers, which HTTP/1.1 clients and proxies often lose.
    const isMisplaced = spoken === 'grpc' && request.httpVersionMajor === 1
    const exchange: Exchange = {
      request,
      response,
      bodies,
      call,
      head,
      trailerFilter,
      peerAddress,
      proxied,
      sendsForwarded,
      respelled,
      expectation,
      dialect: isMisplaced ? undefined : spoken,
      refusal: refusalOf(request, head, target, isSafe, tls) ?? (isMisplaced ? NEEDS_HTTP2 : undefined),
      isWebSocket,
      isDry: false,
      isPreflight: false,
      isRoutedByClient: false,
      plan: undefined,
      outgoing: undefined,
    }
    onOpen(call)
    response.on('close', () => onClose(exchange))
    return exchange
  }
}
