import { memoizeNames } from '../../internal/http/memoize-names.ts'
import { headersBesideSpan, type TrySpan } from '../../internal/trace/trace.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'
import { isFieldValue, isToken } from './field-lines.ts'

const CHUNKED = -1

/** The head of a request as it is sent, and the length of the body behind it. */
export interface RequestText {
  /** latin1 */
  readonly head: string
  /** Bytes of the body; -1 = sent in chunks. */
  readonly bodyLength: number
}

/** Methods whose requests declare an empty body (RFC 9110 section 8.6). */
const USUALLY_WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'QUERY'])
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const LENGTH = /^\d{1,15}$/
const FORBIDDEN_IN_TARGET = /[^\x21-\x7e\x80-\xff]/

const isName = memoizeNames(isToken)

/**
 * Writes the head of a request. All parts are checked again here, at the last place before the wire: a line break in
 * one of them would begin a request of its own.
 *
 * @param address the value of Host, unless the request has one
 * @param span of the try, of which the node is told; undefined = the try is not traced
 * @throws TypeError when a part must not be written
 */
export function writeRequestHead(request: UpstreamRequest, address: string, span?: TrySpan): RequestText {
  const { method, target, body } = request
  const headers = span === undefined ? request.headers : headersBesideSpan(request)
  if (!KNOWN_METHODS.has(method) && !isToken(method)) throw new TypeError('the method is not a token')
  if (FORBIDDEN_IN_TARGET.test(target)) throw new TypeError('the target has a forbidden character')
  let text = ''
  let host = address
  let bodyLength = CHUNKED
  let connection = request.isWebSocket ? 'Upgrade' : 'keep-alive'
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (!isName(name)) throw new TypeError('a header name is not a token')
    if (!isFieldValue(value)) throw new TypeError('a header value has a forbidden character')
    if (name.length === 4 && name.toLowerCase() === 'host') host = value
    else {
      if (name.length === 14 && name.toLowerCase() === 'content-length') {
        if (bodyLength !== CHUNKED || !LENGTH.test(value))
          throw new TypeError('content-length must be a single number')
        bodyLength = Number(value)
      } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
        throw new TypeError('headers must not include transfer-encoding')
      } else if (name.length === 2 && name.toLowerCase() === 'te') {
        // It is for the next hop alone (RFC 9110 section 10.1.4).
        connection += ', te'
      }
      text += `${name}: ${value}\r\n`
    }
  }
  // Its values are made of digits and of what was read as printable ASCII, so they are not looked at again.
  if (span !== undefined) {
    text += `traceparent: ${span.traceparent}\r\n`
    if (span.trace.state !== undefined) text += `tracestate: ${span.trace.state}\r\n`
  }
  if (body === null) {
    if (bodyLength > 0) throw new TypeError('the headers have a content-length, but there is no body')
    if (bodyLength === CHUNKED && USUALLY_WITH_BODY.has(method)) text += 'content-length: 0\r\n'
    bodyLength = 0
  } else {
    if (bodyLength === CHUNKED) text += 'transfer-encoding: chunked\r\n'
    if (body.awaitsContinue) text += 'expect: 100-continue\r\n'
  }
  if (request.isWebSocket) text += 'upgrade: websocket\r\n'
  return {
    head: `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n${text}\r\n`,
    bodyLength,
  }
}
