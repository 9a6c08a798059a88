import type { Call, Identity } from '../../internal/call.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'
import type { KeptAnswer } from './stale-answers.ts'

/** Cache-Control directives that forbid storing an answer for others or serving it once it is stale (RFC 9111). */
const FORBIDS = /(?:^|[\s,])(?:private|no-store|no-cache|must-revalidate|proxy-revalidate)(?:$|[\s,=])/i

/**
 * Returns the key under which the answer to a request is kept; undefined when the answer must not be kept.
 *
 * The key holds everything that the answer may depend on. On a route with authentication that includes the identity:
 * its subject, its grants, the headers made from it, and its other claims, which the node can read as well. A request
 * with a header that is not known to be neutral has no key. Such a header (a cookie, an Authorization that was not
 * checked here, an API key of any name) may stand for a user whom the gateway does not know.
 */
export function staleKey(
  { route, service, method, target, headers, body }: UpstreamRequest,
  call: Call,
): string | undefined {
  if ((method !== 'GET' && method !== 'HEAD') || body) return undefined
  const { identity } = call
  if (route.auth.type !== 'none' && identity?.subject === undefined) return undefined
  const varying: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (VARYING.has(name)) varying.push(name, headers[i + 1]!)
    else if (!isNeutral(name) && !isOfIdentity(name, call)) return undefined
  }
  const who = identity && [
    identity.subject,
    identity.scopes,
    identity.roles,
    identity.headers,
    lastingClaims(identity),
  ]
  return JSON.stringify([route.id, service, call.variant, method, target, varying, who])
}

/** Headers on which an answer may depend although it does not name them in Vary. */
const VARYING = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'host',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
])

/** What `Vary` may name, in lower case: an answer is kept for each value of it. */
const SAME_FOR_ALL = new Set(['', 'accept-encoding'])

/** Headers that do not identify the client, and on which an answer depends only when it names them in Vary. */
const NEUTRAL = new Set([
  'accept-charset',
  'cache-control',
  'dnt',
  'forwarded',
  'if-modified-since',
  'if-none-match',
  'origin',
  'pragma',
  'priority',
  'referer',
  'save-data',
  'te',
  'upgrade-insecure-requests',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-server',
  'x-real-ip',
  'x-request-id',
  'baggage',
  'traceparent',
  'tracestate',
  'b3',
])

function isNeutral(name: string): boolean {
  return (
    NEUTRAL.has(name) ||
    name.startsWith('sec-fetch-') ||
    name.startsWith('sec-ch-') ||
    name.startsWith('x-b3-')
  )
}

/** Whether a header was checked by the gateway, or set by it, for the identity that it knows. */
function isOfIdentity(name: string, { identity, isAuthorizationChecked }: Call): boolean {
  if (!identity) return false
  if (name === 'authorization') return isAuthorizationChecked
  return identity.headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === name)
}

/** Claims that differ between the tokens of one subject. */
const PER_TOKEN = new Set(['exp', 'iat', 'jti', 'nbf'])

function lastingClaims({ claims = {} }: Identity): unknown {
  return Object.entries(claims).filter(([name]) => !PER_TOKEN.has(name))
}

/** Whether an answer may be given again to the same request of the same subject. */
export function isKeepable({ status, headers }: UpstreamResponse): boolean {
  if (status !== 200) return false
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    switch (headers[i]!.toLowerCase()) {
      case 'set-cookie':
        return false
      case 'cache-control':
        if (FORBIDS.test(value)) return false
        break
      case 'vary':
        if (value.split(',').some(name => !SAME_FOR_ALL.has(name.trim().toLowerCase()))) return false
        break
    }
  }
  return true
}

/** Makes the answer again, with Age and a Warning that it is stale (RFC 9111 section 5.1, RFC 7234 section 5.5.1). */
export function staleResponse(
  method: string,
  { headers, body }: KeptAnswer,
  ageMs: number,
): UpstreamResponse {
  const lines: string[] = []
  let age = Math.floor(ageMs / 1000)
  let length: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'age') age += Number(/^\d{1,9}$/.exec(headers[i + 1]!)?.[0] ?? 0)
    else if (name === 'content-length') length = headers[i + 1]!
    else lines.push(headers[i]!, headers[i + 1]!)
  }
  lines.push('age', String(age), 'warning', '110 - "Response is Stale"')
  const response = createWholeResponse(200, lines, body)
  if (method !== 'HEAD') return response
  // The answer to a HEAD request gives the length that the body would have.
  return { ...response, headers: length === undefined ? lines : [...lines, 'content-length', length] }
}
