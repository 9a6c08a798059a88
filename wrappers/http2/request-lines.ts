import { TOKEN } from '../../internal/http/header-lines.ts'
import { memoizeNames } from '../../internal/http/memoize-names.ts'
import { headersBesideSpan, type TrySpan } from '../../internal/trace/trace.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'

/** The fields of a request as they are sent, and the length of the body behind them. */
export interface RequestLines {
  /** Flat, pseudo-header fields first, latin1. */
  readonly lines: string[]
  /** Bytes that `content-length` declares; -1 = it declares none. */
  readonly bodyLength: number
}

const TREAT = { pass: 0, host: 1, contentLength: 2, te: 3, forbidden: 4 } as const
type Treatment = (typeof TREAT)[keyof typeof TREAT]
const TREATMENTS: ReadonlyMap<string, Treatment> = new Map<string, Treatment>([
  ['host', TREAT.host],
  ['content-length', TREAT.contentLength],
  ['te', TREAT.te],
  // RFC 9113 section 8.2.2: a request with one of these is malformed.
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map(
    name => [name, TREAT.forbidden] as const,
  ),
])
const treatmentOf = memoizeNames(
  (spelling): Treatment =>
    TOKEN.test(spelling) ? (TREATMENTS.get(spelling.toLowerCase()) ?? TREAT.pass) : TREAT.forbidden,
)
const LENGTH = /^\d{1,15}$/
/** As in the head of a request in HTTP/1.1. */
const FORBIDDEN_IN_TARGET = /[^\x21-\x7e\x80-\xff]/

/**
 * Writes the fields of a request. What must not stand in them is looked for again here, at the last place before the wire,
 * but for values, which the encoder checks.
 *
 * @param address the value of `:authority`, unless the request has a Host
 * @param span of the try, of which the node is told; undefined = the try is not traced
 * @throws TypeError when a part must not be written
 */
export function requestLines(
  request: UpstreamRequest,
  address: string,
  scheme: 'http' | 'https' = 'http',
  span?: TrySpan,
): RequestLines {
  const { method, target, body } = request
  const headers = span === undefined ? request.headers : headersBesideSpan(request)
  const isCall = request.rpc !== undefined
  if (!TOKEN.test(method)) throw new TypeError('the method is not a token')
  if (FORBIDDEN_IN_TARGET.test(target)) throw new TypeError('the target has a forbidden character')
  const lines = [':method', method, ':scheme', scheme, ':authority', address, ':path', target]
  let bodyLength = -1
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    switch (treatmentOf(name)) {
      case TREAT.host:
        lines[5] = value
        continue
      case TREAT.contentLength:
        if (bodyLength !== -1 || !LENGTH.test(value))
          throw new TypeError('content-length must be a single number')
        bodyLength = Number(value)
        break
      case TREAT.te:
        if (isCall) continue
        break
      case TREAT.forbidden:
        throw new TypeError(`the header ${JSON.stringify(name)} cannot be sent in HTTP/2`)
    }
    lines.push(name, value)
  }
  if (span !== undefined) {
    lines.push('traceparent', span.traceparent)
    if (span.trace.state !== undefined) lines.push('tracestate', span.trace.state)
  }
  if (body === null && bodyLength > 0)
    throw new TypeError('the headers have a content-length, but there is no body')
  // Servers take it for the sign that trailers pass, and some refuse calls without it.
  if (isCall) lines.push('te', 'trailers')
  // Servers of gRPC never say 100: a call is wanted, and its messages are asked for by what is read of them.
  if (body?.awaitsContinue && !isCall) lines.push('expect', '100-continue')
  return { lines, bodyLength }
}
