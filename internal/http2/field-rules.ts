import { isAuthority, isSameAuthority } from '../http/authority.ts'
import { ERROR, Http2Error } from './frames.ts'

/** The head of a request, without pseudo-fields among its lines. */
export interface RequestFields {
  readonly method: string
  /** `http` or `https`, as the client says. */
  readonly scheme: string
  /** The request target: a path with a query, the `*` of an OPTIONS, or the authority of a CONNECT. */
  readonly path: string
  readonly authority: string
  /**
   * The header lines as HTTP/1 would have them: `host` with the authority, then all others in their order. The lines of
   * `cookie` are joined to one (RFC 9113 section 8.2.3).
   */
  readonly lines: string[]
  /** The value of Content-Length; -1 = the request has none. */
  readonly contentLength: number
}

/** The head of an answer or of an interim answer, without the pseudo-field among its lines. */
export interface ResponseFields {
  /** 100 to 999, and not 101. */
  readonly status: number
  readonly lines: string[]
  /** The value of Content-Length; -1 = the answer has none. */
  readonly contentLength: number
}

const COLON = 0x3a
/** The methods that parsers of HTTP/1 know have this form; those parsers refuse all others. */
const METHOD = /^[A-Z]{1,32}(?:-[A-Z]{1,32})?$/
/** Printable ASCII without `#`. `canonicalTarget` decides about the rest. */
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/
const STATUS = /^[1-9]\d\d$/
const LENGTH = /^\d{1,15}$/

/**
 * Reads the head of a request (RFC 9113 section 8.3). Refuses the same as the HTTP/1 listener, so that nothing reaches a
 * node over HTTP/2 that could not reach it over HTTP/1.
 *
 * @param lines as HpackDecoder returns them
 * @throws Http2Error PROTOCOL_ERROR that names the rule; only the stream fails
 */
export function readRequestFields(lines: readonly string[]): RequestFields {
  let method: string | undefined
  let scheme: string | undefined
  let path: string | undefined
  let authority: string | undefined
  let at = 0
  for (; at < lines.length; at += 2) {
    const name = lines[at]!
    if (name.charCodeAt(0) !== COLON) break
    const value = lines[at + 1]!
    switch (name) {
      case ':method':
        if (method !== undefined) throw repeated(name)
        method = value
        break
      case ':scheme':
        if (scheme !== undefined) throw repeated(name)
        scheme = value
        break
      case ':path':
        if (path !== undefined) throw repeated(name)
        path = value
        break
      case ':authority':
        if (authority !== undefined) throw repeated(name)
        authority = value
        break
      default:
        throw malformed('the request has an unknown pseudo-field')
    }
  }

  const read: string[] = ['host', '']
  let host: string | undefined
  let cookieAt = -1
  let contentLength = -1
  for (; at < lines.length; at += 2) {
    const name = lines[at]!
    const value = lines[at + 1]!
    checkField(name, value)
    if (name.length === 4 && name === 'host') {
      if (host !== undefined) throw repeated(name)
      host = value
      continue
    }
    if (name.length === 6 && name === 'cookie') {
      if (cookieAt !== -1) {
        read[cookieAt] += `; ${value}`
        continue
      }
      cookieAt = read.length + 1
    } else if (name.length === 14 && name === 'content-length') {
      contentLength = readLength(contentLength, value)
    }
    read.push(name, value)
  }

  if (method === undefined || !METHOD.test(method)) throw malformed('the request has no valid :method')
  const asked = authority ?? host
  if (asked === undefined || !isAuthority(asked)) throw malformed('the request has no valid :authority')
  if (method === 'CONNECT') {
    // RFC 9113 section 8.5. Its target becomes the one of HTTP/1, which the gateway answers with 400.
    if (scheme !== undefined || path !== undefined || authority === undefined)
      throw malformed('a CONNECT has :scheme or :path, or no :authority')
    scheme = 'http'
    path = asked
  } else {
    if (scheme !== 'http' && scheme !== 'https') throw malformed('the request has no valid :scheme')
    if (path === undefined || !(TARGET.test(path) || (path === '*' && method === 'OPTIONS')))
      throw malformed('the request has no valid :path')
  }
  if (host !== undefined && host !== asked && !(isAuthority(host) && isSameAuthority(host, asked, scheme)))
    throw malformed('host and :authority differ')
  read[1] = asked
  return { method, scheme, path, authority: asked, lines: read, contentLength }
}

/**
 * Reads the head of an answer or of an interim answer.
 *
 * @param lines as HpackDecoder returns them
 * @throws Http2Error PROTOCOL_ERROR that names the rule; only the stream fails
 */
export function readResponseFields(lines: readonly string[]): ResponseFields {
  if (lines[0] !== ':status') throw malformed('the answer does not begin with :status')
  const text = lines[1]!
  if (!STATUS.test(text)) throw malformed('the status is not a three-digit number')
  const status = Number(text)
  // RFC 9113 section 8.6.
  if (status === 101) throw malformed('the answer has the status 101, which HTTP/2 does not have')
  let contentLength = -1
  for (let i = 2; i < lines.length; i += 2) {
    const name = lines[i]!
    checkField(name, lines[i + 1]!)
    if (name.length === 14 && name === 'content-length')
      contentLength = readLength(contentLength, lines[i + 1]!)
  }
  // RFC 9110 section 8.6.
  if ((status < 200 && contentLength !== -1) || (status === 204 && contentLength > 0))
    throw malformed('an answer that has no body has a content-length')
  return { status, lines: lines.slice(2), contentLength }
}

/**
 * Checks trailers of either side. What says where a message ends, or whom it is for, is malformed behind its body, as it is
 * over HTTP/1.
 *
 * @param lines as HpackDecoder returns them
 * @throws Http2Error PROTOCOL_ERROR that names the rule; only the stream fails
 */
export function checkTrailerFields(lines: readonly string[]): void {
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!
    checkField(name, lines[i + 1]!)
    if (name === 'content-length' || name === 'host')
      throw malformed('a length or a host must not be a trailer')
  }
}

/** Checks a field where no pseudo-field may be. */
function checkField(name: string, value: string): void {
  switch (name.length) {
    case 0:
      // The decoder has found the field malformed.
      throw malformed(value)
    case 2:
      if (name === 'te' && value.toLowerCase() !== 'trailers') throw malformed('te is not trailers')
      break
    case 7:
      if (name === 'upgrade') throw ofHttp1(name)
      break
    case 10:
      if (name === 'connection' || name === 'keep-alive') throw ofHttp1(name)
      break
    case 16:
      if (name === 'proxy-connection') throw ofHttp1(name)
      break
    case 17:
      if (name === 'transfer-encoding') throw ofHttp1(name)
      break
  }
  if (name.charCodeAt(0) === COLON) throw malformed('a pseudo-field comes after other fields, or in trailers')
}

function readLength(before: number, value: string): number {
  if (before !== -1) throw repeated('content-length')
  if (!LENGTH.test(value)) throw malformed('content-length is not a number')
  return Number(value)
}

function repeated(name: string): Http2Error {
  return malformed(`${name} occurs more than once`)
}

/** RFC 9113 section 8.2.2. */
function ofHttp1(name: string): Http2Error {
  return malformed(`${name} is a field of HTTP/1 connections`)
}

function malformed(rule: string): Http2Error {
  return new Http2Error(ERROR.protocolError, rule)
}
