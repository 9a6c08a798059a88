import type { Call, Identity } from '../../internal/call.ts'
import { createWholeResponse } from '../../internal/http/whole-response.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import type { KeptAnswer } from './stale-answers.ts'

/** Directives of Cache-Control that forbid keeping an answer for others or giving it once it is stale (RFC 9111). */
const FORBIDS = /(?:^|[\s,])(?:private|no-store|no-cache|must-revalidate|proxy-revalidate)(?:$|[\s,=])/i

/**
 * What the answer to a request is kept under; undefined when it must not be kept.
 *
 * It holds all that an answer may depend on. Who asks is part of it on a route that asks who it is: the subject, what it
 * was granted, the headers made of it, and its other claims, which the node can read, too. A request with any header
 * that is not known to be neutral (a cookie, an Authorization that was not checked here, an API key under whatever name)
 * may speak for somebody whom the gateway does not know.
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
    lasting(identity),
  ]
  return JSON.stringify([route.id, service, method, target, varying, who])
}

/** What a node's answer may depend on without saying so. */
const VARYING = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'host',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/** Headers that say nothing of who asks, and on which an answer depends only if it names them in Vary. */
const NEUTRAL = new Set([
  ...[
    'accept-charset',
    'cache-control',
    'dnt',
    'if-modified-since',
    'if-none-match',
    'origin',
    'pragma',
    'priority',
  ],
  ...[
    'referer',
    'save-data',
    'upgrade-insecure-requests',
    'user-agent',
    'via',
    'x-forwarded-for',
    'x-request-id',
  ],
  ...['baggage', 'traceparent', 'tracestate', 'b3'],
])

function isNeutral(name: string): boolean {
  return (
    NEUTRAL.has(name) ||
    name.startsWith('sec-fetch-') ||
    name.startsWith('sec-ch-') ||
    name.startsWith('x-b3-')
  )
}

/** Whether a header is one that the gateway has checked, or has set itself, for the caller it knows. */
function isOfIdentity(name: string, { identity, isAuthorizationChecked }: Call): boolean {
  if (!identity) return false
  if (name === 'authorization') return isAuthorizationChecked
  return identity.headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === name)
}

/** Claims that change with each token, and not with who it is for. */
const PASSING = new Set(['exp', 'iat', 'jti', 'nbf'])

function lasting({ claims = {} }: Identity): unknown {
  return Object.entries(claims).filter(([name]) => !PASSING.has(name))
}

/** Whether an answer may be given again, to the same request by the same subject. */
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
        if (value.split(',').some(name => !/^\s*(?:accept-encoding)?\s*$/i.test(name))) return false
        break
    }
  }
  return true
}

/** The answer again, with its age and a word that it is old (RFC 9111 section 5.1, RFC 7234 section 5.5.1). */
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
  // An answer to HEAD says how long the body would be.
  return { ...response, headers: length === undefined ? lines : [...lines, 'content-length', length] }
}
