import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { takeCookies } from '../../internal/http/header-lines.ts'
import { parameterName, parameterValue } from '../../internal/http/query.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'

/** Where a bearer token may be sent, besides the Authorization header. */
export interface TokenPlaces {
  readonly cookie?: string | undefined
  readonly queryParameter?: string | undefined
}

/**
 * Returns the bearer token of a request in the form of an Authorization header; '' when there is none. A token in a
 * cookie or the query is removed, so that neither nodes nor logs see it.
 *
 * @throws GatewayError WG_BAD_REQUEST when there is more than one token (RFC 6750 section 2)
 */
export function takeBearer(head: RequestHead, call: Call, places: TokenPlaces): string {
  const tokens = takeTokens(head, call, places)
  const { authorization = '' } = head
  if (tokens.length === 0) return authorization
  if (tokens.length > 1 || TOKEN.test(authorization)) {
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'The request has more than one token.',
      headers: { 'www-authenticate': 'Bearer realm="waygate", error="invalid_request"' },
    })
  }
  return `Bearer ${tokens[0]}`
}

/** A bearer token, or a JWT of another scheme or of none, which many nodes read as well. */
const TOKEN = /^bearer\s|(?:^|\s)[\w-]+\.[\w-]+\.[\w-]*\s*$/i

/** Removes all tokens from cookies and query, and returns them. */
export function takeTokens(
  { headers }: RequestHead,
  call: Call,
  { cookie, queryParameter }: TokenPlaces,
): string[] {
  const tokens: string[] = []
  if (cookie !== undefined) tokens.push(...takeCookies(headers, cookie))
  if (queryParameter !== undefined) call.target = withoutParameter(call.target, queryParameter, tokens)
  return tokens
}

/**
 * Returns the target without the query parameters called `name`, and adds their values to `values`. However they are encoded:
 * nodes decode names, and must not find a token there that was not judged.
 */
function withoutParameter(target: string, name: string, values: string[]): string {
  const query = target.indexOf('?')
  if (query === -1) return target
  const pairs = target.slice(query + 1).split('&')
  const kept = pairs.filter(pair => {
    if (!pair.includes('=') || parameterName(pair) !== name) return true
    values.push(parameterValue(pair))
    return false
  })
  if (kept.length === pairs.length) return target
  return kept.length === 0 ? target.slice(0, query) : `${target.slice(0, query)}?${kept.join('&')}`
}
