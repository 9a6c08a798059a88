import { normaliseHost } from './http/authority.ts'
import { askedHostOf, type Exchange } from './policy.ts'
import type { UpstreamResponse } from './upstream.ts'
import { createWholeResponse } from './whole-response.ts'

export const HTTPS_PORT = 443
/** The method and the body stay as they are. */
const PERMANENT_REDIRECT = 308
const NO_BODY = Buffer.alloc(0)

/**
 * Redirects a request to the same address with TLS, as its client spells it: with the host that it has asked, and the
 * prefix that a trusted proxy has stripped. The caller has made sure that there is a host, and that it may be named.
 *
 * @param port where clients find TLS
 */
export function redirectToTls(exchange: Exchange, port: number): UpstreamResponse {
  const host = normaliseHost(askedHostOf(exchange)!)
  const authority = port === HTTPS_PORT ? host : `${host}:${port}`
  const location = `https://${authority}${exchange.proxied?.prefix ?? ''}${spelledTarget(exchange)}`
  return createWholeResponse(PERMANENT_REDIRECT, ['location', location], NO_BODY)
}

/** Returns the target as the client has spelled it, in origin-form. */
function spelledTarget({ call, request }: Exchange): string {
  return request.url!.startsWith('/') ? request.url! : call.target
}
