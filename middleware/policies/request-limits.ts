import { GatewayError } from '../../internal/http/errors.ts'
import { createTypeList, mediaTypeOf } from '../../internal/http/media-types.ts'
import { queryOf } from '../../internal/http/query.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'

/** Limits of one route. Each is below that for all requests. */
export interface RequestLimitsRule {
  readonly targetBytes?: number | undefined
  readonly headerBytes?: number | undefined
  readonly headerLines?: number | undefined
  readonly queryParameters?: number | undefined
  /** Content types that a body may have, as `createTypeList` takes them. */
  readonly contentTypes?: readonly string[] | undefined
  /** Whether a body must come with its length. Default: false. */
  readonly lengthRequired?: boolean | undefined
  /** False: refusals are only counted and logged. Default: true. */
  readonly enforce?: boolean | undefined
}

export interface RequestLimitsTools {
  /** Is called when a rule that is not enforced would have refused a request. */
  readonly wouldRefuse: (exchange: Exchange) => void
}

const URI_TOO_LONG = new GatewayError('WG_URI_TOO_LONG', {
  cause: new Error('over targetBytes of the route'),
})
const HEADERS_TOO_LARGE = new GatewayError('WG_HEADERS_TOO_LARGE', {
  cause: new Error('over headerBytes of the route'),
})
const TOO_MANY_HEADERS = new GatewayError('WG_HEADERS_TOO_LARGE', {
  cause: new Error('over headerLines of the route'),
})
const TOO_MANY_PARAMETERS = new GatewayError('WG_REQUEST_INVALID', {
  detail: 'The request has too many query parameters.',
  cause: new Error('over queryParameters of the route'),
})
const LENGTH_REQUIRED = new GatewayError('WG_LENGTH_REQUIRED')

/** The type of a body whose type is not said (RFC 9110 section 8.3). */
const UNKNOWN_TYPE = 'application/octet-stream'

/** Refuses requests that are larger than those of a route need to be, or have a body of a type that it does not take. */
export function createRequestLimits(rule: RequestLimitsRule, { wouldRefuse }: RequestLimitsTools): Policy {
  const refusalOf = compileLimits(rule)
  return {
    onRequest: exchange => {
      const refusal = refusalOf(exchange)
      if (refusal === undefined) return undefined
      if (rule.enforce !== false) throw refusal
      wouldRefuse(exchange)
      return undefined
    },
  }
}

function compileLimits(rule: RequestLimitsRule): (exchange: Exchange) => GatewayError | undefined {
  const { targetBytes = Infinity, headerBytes, headerLines = Infinity, queryParameters, contentTypes } = rule
  const takes = contentTypes && compileTypes(contentTypes)
  const wrongType =
    contentTypes && new GatewayError('WG_UNSUPPORTED_TYPE', { headers: { accept: acceptOf(contentTypes) } })
  return ({ call, head, request }) => {
    const { rawHeaders } = request
    if (request.url!.length > targetBytes) return URI_TOO_LONG
    if (rawHeaders.length > headerLines * 2) return TOO_MANY_HEADERS
    if (headerBytes !== undefined && bytesOf(rawHeaders) > headerBytes) return HEADERS_TOO_LARGE
    if (queryParameters !== undefined && parametersOf(call.target) > queryParameters)
      return TOO_MANY_PARAMETERS
    if (!head.chunked && !(Number(head.contentLength) > 0)) return undefined
    if (takes && !takes(head.contentType ?? UNKNOWN_TYPE)) return wrongType
    return rule.lengthRequired && head.chunked ? LENGTH_REQUIRED : undefined
  }
}

/** Returns the size of header lines as HTTP/1 has them: with a colon, a space and a line end each. */
function bytesOf(lines: readonly string[]): number {
  let bytes = 0
  for (const text of lines) bytes += text.length + 2
  return bytes
}

function parametersOf(target: string): number {
  const query = queryOf(target)
  return query === '' ? 0 : query.split('&').filter(pair => pair !== '').length
}

function compileTypes(entries: readonly string[]): (contentType: string) => boolean {
  const isListed = createTypeList(entries)
  return contentType => {
    // Of several types, a node may read another one than we do.
    if (withoutQuoted(contentType).includes(',')) return false
    return isListed(mediaTypeOf(contentType))
  }
}

/** Returns a list of media types as media ranges, which an ending alone is none of. */
function acceptOf(entries: readonly string[]): string {
  return entries.map(entry => (entry.startsWith('+') ? `*/*${entry}` : entry)).join(', ')
}

/**
 * Matches from a quote to the one that ends the text, or to the end of all. It matches at each quote, so that a text of many
 * escaped ones is read once, and not again from each of them.
 */
const QUOTED = /"(?:[^"\\]|\\.)*("|\\?$)/g

/** Returns a header value without its quoted texts. One that never ends is left. */
function withoutQuoted(value: string): string {
  return value.replace(QUOTED, (text, end) => (end === '"' ? '' : text))
}
