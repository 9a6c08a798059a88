import type { Call, Identity } from '../../internal/call.ts'
import { compileClaimPath } from '../../internal/claim-path.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { AuthRule, ClaimRule } from '../../internal/routing/route.ts'
import type { Authenticators } from './authenticator.ts'

/** Who a request speaks for by the authenticator of a rule, whatever was granted. */
export function identify(
  { type }: AuthRule,
  head: RequestHead,
  call: Call,
  authenticators: Authenticators,
): Identity | Promise<Identity> {
  const authenticator = authenticators[type]
  if (authenticator) return authenticator.authenticate(head, call)
  throw new GatewayError('WG_TOKEN_INVALID', {
    cause: new Error(`the route asks for ${type}, which is not configured`),
    headers: { 'www-authenticate': 'Bearer realm="waygate"' },
  })
}

/**
 * The same identity, when it was granted what the rule asks for.
 *
 * @throws GatewayError WG_FORBIDDEN
 */
export function grant(rule: AuthRule, identity: Identity): Identity {
  const { scopes, roles, claims } = rule
  if (scopes.length > 0 && !scopes.every(scope => identity.scopes.includes(scope))) {
    throw forbidden(rule, `, scope="${scopes.join(' ')}"`)
  }
  if (roles.length > 0 && !roles.some(role => identity.roles.includes(role))) throw forbidden(rule, '')
  if (claims !== undefined && !claims.every(claim => holds(claim, identity))) throw forbidden(rule, '')
  return identity
}

const valueReaders = new WeakMap<ClaimRule, ReturnType<typeof compileClaimPath>>()

function holds(rule: ClaimRule, { claims }: Identity): boolean {
  if (!claims) return false
  let read = valueReaders.get(rule)
  if (!read) {
    read = compileClaimPath(rule.path)
    valueReaders.set(rule, read)
  }
  const value = read(claims)
  const isAccepted = (item: unknown) => (rule.values as readonly unknown[]).includes(item)
  return Array.isArray(value) ? value.some(isAccepted) : isAccepted(value)
}

/** Basic has no words for it (RFC 7617); the other schemes are told in those of RFC 6750. */
function forbidden({ type }: AuthRule, parameters: string): GatewayError {
  const challenge = `Bearer realm="waygate", error="insufficient_scope"${parameters}`
  return new GatewayError(
    'WG_FORBIDDEN',
    type === 'jwt' ? { headers: { 'www-authenticate': challenge } } : {},
  )
}
