import type { Call } from '../internal/call.ts'
import type { UpstreamRequest, UpstreamResponse } from '../internal/upstream.ts'
import type { KeptAnswer } from './stale-answers.ts'
import { createWholeResponse } from './static-response.ts'

/** Directives of Cache-Control that forbid keeping an answer for others or giving it once it is stale (RFC 9111). */
const FORBIDS = /(?:^|[\s,])(?:private|no-store|no-cache|must-revalidate|proxy-revalidate)(?:$|[\s,=])/i

/**
 * What the answer to a request is kept under; undefined when it must not be kept.
 *
 * It holds all that an answer may depend on. Who asks is part of it on a route with a token: the subject, what it
 * was granted, and the headers made of it. A request with cookies, or with an Authorization that was not checked here,
 * speaks for somebody whom the gateway does not know.
 */
export function staleKey(
  { route, method, target, headers, body }: UpstreamRequest,
  call: Call,
): string | undefined {
  if ((method !== 'GET' && method !== 'HEAD') || body) return undefined
  const { identity } = call
  if (route.auth.type === 'jwt' && identity?.subject === undefined) return undefined
  const varying: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'cookie' || name === 'range' || (name === 'authorization' && !identity)) return undefined
    if (VARYING.has(name)) varying.push(name, headers[i + 1]!)
  }
  const who = identity && [identity.subject, identity.scopes, identity.roles, identity.headers]
  return JSON.stringify([route.id, method, target, varying, who])
}

/** What a node's answer may depend on without saying so. */
const VARYING = new Set(['accept-encoding', 'host', 'x-forwarded-host', 'x-forwarded-proto'])

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
