import type { Call, Identity } from '../../internal/call.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { Route } from '../../internal/routing/route.ts'
import { grant, identify } from './auth-rule.ts'
import type { Authenticators } from './authenticator.ts'
import { authorizeAny } from './authorize-any.ts'

/**
 * Who a request speaks for on this route; undefined where the route asks for nobody. A promise only where an
 * authenticator needs time. A route that asks for what is not configured refuses every request: it never falls open.
 *
 * @throws GatewayError WG_TOKEN_*, WG_FORBIDDEN, with WWW-Authenticate (RFC 6750 section 3), or WG_AUTH_UNAVAILABLE
 */
export function authorize(
  { auth }: Route,
  head: RequestHead,
  call: Call,
  authenticators: Authenticators,
): Identity | undefined | Promise<Identity> {
  if (auth.type === 'none') return undefined
  if (auth.type === 'any') return authorizeAny(auth.rules, head, call, authenticators)
  const identity = identify(auth, head, call, authenticators)
  return identity instanceof Promise ? identity.then(known => grant(auth, known)) : grant(auth, identity)
}
