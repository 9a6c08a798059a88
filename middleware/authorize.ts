import type { Identity } from '../internal/call.ts'
import { GatewayError } from '../internal/errors.ts'
import type { RequestHead } from '../internal/request-head.ts'
import type { Route } from '../internal/route.ts'
import type { Authenticator } from './authenticator.ts'

/**
 * Who a request speaks for on this route; undefined where the route asks for nobody. A route that asks for a
 * token while no key is configured refuses every request: it never falls open.
 *
 * @throws GatewayError WG_TOKEN_* or WG_FORBIDDEN, with WWW-Authenticate (RFC 6750 section 3)
 */
export function authorize(
  route: Route,
  head: RequestHead,
  authenticator: Authenticator | undefined,
): Identity | undefined {
  const { auth } = route
  if (auth.type === 'none') return undefined
  if (!authenticator) {
    throw new GatewayError('WG_TOKEN_INVALID', {
      cause: new Error('the route asks for a token, but no key is configured'),
      headers: { 'www-authenticate': 'Bearer realm="waygate"' },
    })
  }
  const identity = authenticator.authenticate(head)
  if (auth.scopes.length > 0 && !auth.scopes.every(scope => identity.scopes.includes(scope))) {
    throw forbidden(`, scope="${auth.scopes.join(' ')}"`)
  }
  if (auth.roles.length > 0 && !auth.roles.some(role => identity.roles.includes(role))) throw forbidden('')
  return identity
}

function forbidden(parameters: string): GatewayError {
  return new GatewayError('WG_FORBIDDEN', {
    headers: { 'www-authenticate': `Bearer realm="waygate", error="insufficient_scope"${parameters}` },
  })
}
