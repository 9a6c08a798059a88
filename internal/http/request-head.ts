import { TRACE_FIELDS, withoutHeaders } from './header-lines.ts'
import { memoizeNames } from './memoize-names.ts'

/** The fields of a request's head that the gateway needs. */
export interface RequestHead {
  /** Header lines for the node, flat: name, value, name, value. The gateway's own lines are appended before sending. */
  readonly headers: string[]
  readonly host: string | undefined
  readonly hostCount: number
  readonly authorization: string | undefined
  readonly authorizationCount: number
  readonly requestId: string | undefined
  readonly contentLength: string | undefined
  /** Content-Type, all lines joined. */
  readonly contentType: string | undefined
  /** Whether a Transfer-Encoding line says that a body of unknown length follows. */
  readonly chunked: boolean
  /** Whether Transfer-Encoding is anything but a single `chunked`, so that the end of the body cannot be found. */
  readonly unknownEncoding: boolean
  /** Whether the request has an Upgrade field. */
  readonly asksForUpgrade: boolean
  /** Whether TE says that the client takes trailers. */
  readonly acceptsTrailers: boolean
  /** Trailer, all lines joined: the names of trailers that the client announces. */
  readonly trailer: string | undefined
  /** The names, in lower case, of fields that Connection lists. They are hop-by-hop, as headers and as trailers. */
  readonly connectionOptions: ReadonlySet<string> | undefined
  /**
   * The lines in which a trusted proxy says what it changed, such as X-Forwarded-For: flat, not checked. Undefined when
   * there are none, and when the peer is not a trusted proxy.
   */
  readonly proxyLines: readonly string[] | undefined
  /** The lines of `traceparent`, `tracestate` and `baggage`, flat, not checked; undefined when they are in `headers`. */
  readonly traceLines: readonly string[] | undefined
}

/** How a header line with a certain name is treated. */
const TREAT = {
  pass: 0,
  drop: 1,
  host: 2,
  authorization: 3,
  requestId: 4,
  connection: 5,
  contentLength: 6,
  transferEncoding: 7,
  upgrade: 8,
  /** Read from a trusted proxy, and written anew by the gateway. */
  proxy: 9,
  /** Passes from a trusted proxy only. */
  proxyOnly: 10,
  te: 11,
  trailer: 12,
  contentType: 13,
  trace: 14,
} as const
type Treatment = (typeof TREAT)[keyof typeof TREAT]

/**
 * Header fields that end at this hop (RFC 9110 section 7.6.1), and fields that the gateway itself acts on: Expect is sent
 * by the transport, for as long as the client waits, and HTTP2-Settings is not offered to nodes.
 */
const HOP_BY_HOP = [
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'expect',
  'http2-settings',
]

/** Fields in which proxies say what they changed. The gateway writes its own in their place. */
const PROXY = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-real-ip',
]

/** Fields of RFC 9440, which nodes believe as they do X-Forwarded-Client-Cert. All X-Forwarded-* are treated like them. */
const PROXY_ONLY = ['client-cert', 'client-cert-chain']

const TREATMENTS: readonly (readonly [string, Treatment])[] = [
  ...HOP_BY_HOP.map(name => [name, TREAT.drop] as const),
  ...PROXY.map(name => [name, TREAT.proxy] as const),
  ...PROXY_ONLY.map(name => [name, TREAT.proxyOnly] as const),
  ['host', TREAT.host],
  ['authorization', TREAT.authorization],
  ['x-request-id', TREAT.requestId],
  ['connection', TREAT.connection],
  ['upgrade', TREAT.upgrade],
  ['te', TREAT.te],
  ['trailer', TREAT.trailer],
  ['content-length', TREAT.contentLength],
  ['content-type', TREAT.contentType],
  ['transfer-encoding', TREAT.transferEncoding],
]

/** The member of TE that is no transfer coding (RFC 9110 section 10.1.4). */
const TAKES_TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i

/**
 * Creates a reader of request heads, which takes one pass over the lines. Its `headers` leave out hop-by-hop fields, the
 * fields that Connection names, the fields that only proxies may set, and identity headers. A name spelled with `_` counts
 * as the same name with `-`, because CGI-like servers read it so.
 *
 * The reader is told whether the lines come from a trusted proxy. If so, X-Forwarded-* fields that the gateway does not
 * write itself stay in `headers`, unless they are identity headers or spelled with `_`.
 *
 * @param identityHeaders lower-case names that only the gateway may set
 * @param isTracing whether the gateway reads and writes the headers of traces, which pass otherwise. Default: false
 */
export function createRequestHeadReader(
  identityHeaders: Iterable<string>,
  isTracing = false,
): (rawHeaders: readonly string[], isProxied?: boolean) => RequestHead {
  const byName = new Map<string, Treatment>(TREATMENTS)
  if (isTracing) for (const name of TRACE_FIELDS) byName.set(name, TREAT.trace)
  for (const name of identityHeaders) byName.set(name, TREAT.drop)
  const treatmentOf = memoizeNames(classify)

  function classify(spelling: string): Treatment {
    const name = spelling.toLowerCase()
    const exact = byName.get(name)
    if (exact !== undefined) return exact
    const dashed = name.replaceAll('_', '-')
    // Nodes believe what the gateway tells of certificates, and could look for more of it than it says.
    if (dashed.startsWith('x-client-cert')) return TREAT.drop
    if (dashed.startsWith('x-forwarded-')) return dashed === name ? TREAT.proxyOnly : TREAT.drop
    // A server behind us could take the spelling with `_` for a header that we set or act on.
    return dashed !== name && byName.has(dashed) ? TREAT.drop : TREAT.pass
  }

  return (rawHeaders, isProxied = false) => {
    const headers: string[] = []
    let host: string | undefined
    let hostCount = 0
    let authorization: string | undefined
    let authorizationCount = 0
    let requestId: string | undefined
    let contentLength: string | undefined
    let contentType: string | undefined
    let chunked = false
    let unknownEncoding = false
    let asksForUpgrade = false
    let acceptsTrailers = false
    let trailer: string | undefined
    let proxyLines: string[] | undefined
    let traceLines: string[] | undefined
    let named: Set<string> | undefined

    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!
      const value = rawHeaders[i + 1]!
      switch (treatmentOf(name)) {
        case TREAT.pass:
          headers.push(name, value)
          break
        case TREAT.drop:
          break
        case TREAT.host:
          host ??= value
          hostCount++
          break
        case TREAT.authorization:
          authorization ??= value
          authorizationCount++
          headers.push(name, value)
          break
        case TREAT.requestId:
          requestId = requestId === undefined ? value : `${requestId}, ${value}`
          break
        case TREAT.connection:
          named = addConnectionOptions(named, value)
          break
        case TREAT.upgrade:
          asksForUpgrade = true
          break
        case TREAT.te:
          acceptsTrailers ||= TAKES_TRAILERS.test(value)
          break
        case TREAT.trailer:
          trailer = trailer === undefined ? value : `${trailer}, ${value}`
          break
        case TREAT.contentLength:
          contentLength = value
          break
        case TREAT.contentType:
          contentType = contentType === undefined ? value : `${contentType}, ${value}`
          headers.push(name, value)
          break
        case TREAT.transferEncoding:
          unknownEncoding ||= chunked || value.toLowerCase() !== 'chunked'
          chunked = true
          break
        case TREAT.proxy:
          if (isProxied) {
            proxyLines ??= []
            proxyLines.push(name, value)
          }
          break
        case TREAT.trace:
          traceLines ??= []
          traceLines.push(name, value)
          break
        case TREAT.proxyOnly:
          if (isProxied) headers.push(name, value)
          break
      }
    }

    return {
      headers: named === undefined ? headers : withoutHeaders(headers, named),
      host,
      hostCount,
      authorization,
      authorizationCount,
      requestId,
      contentLength,
      contentType,
      chunked,
      unknownEncoding,
      asksForUpgrade,
      acceptsTrailers,
      trailer,
      connectionOptions: named,
      proxyLines,
      traceLines:
        named === undefined || traceLines === undefined ? traceLines : withoutHeaders(traceLines, named),
    }
  }
}

/** Adds the field names that a Connection value lists to `named`. Returns undefined while there are none. */
export function addConnectionOptions(named: Set<string> | undefined, value: string): Set<string> | undefined {
  if (value === 'keep-alive' || value === 'close' || value === 'Keep-Alive') return named
  for (const option of value.split(',')) {
    const name = option.trim().toLowerCase()
    if (name === '' || name === 'close' || name === 'keep-alive') continue
    named ??= new Set()
    named.add(name)
  }
  return named
}
