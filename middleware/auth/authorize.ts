import type { Call, Identity } from '../../internal/call.ts'
import { compileClaimPath } from '../../internal/claim-path.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { takeHeader } from '../../internal/http/header-lines.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { AuthenticatorName, AuthRule, ClaimRule, Route } from '../../internal/routing/route.ts'
import type { Authenticators } from './authenticator.ts'

/**
 * Returns the identity behind a request, as the route's `auth` requires it; undefined where `auth` is `none`. The
 * result is a promise only where an authenticator needs time. A route that requires an authenticator which is not
 * configured refuses every request: it never falls open.
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

/** Asks the authenticator of a rule for the identity, whatever that was granted. */
function identify(
  { type }: AuthRule,
  head: RequestHead,
  call: Call,
  authenticators: Authenticators,
): Identity | Promise<Identity> {
  const authenticator = authenticators[type]
  if (authenticator) return authenticator.authenticate(head, call)
  throw new GatewayError('WG_TOKEN_INVALID', {
    cause: new Error(`the route requires ${type}, which is not configured`),
    headers: { 'www-authenticate': 'Bearer realm="waygate"' },
  })
}

/**
 * Returns the identity if it was granted everything that the rule requires.
 *
 * @throws GatewayError WG_FORBIDDEN
 */
function grant(rule: AuthRule, identity: Identity): Identity {
  const { scopes, roles, claims } = rule
  if (scopes.length > 0 && !scopes.every(scope => identity.scopes.includes(scope))) {
    throw forbidden(rule, scopes.every(scope => SCOPE.test(scope)) ? `, scope="${scopes.join(' ')}"` : '')
  }
  if (roles.length > 0 && !roles.some(role => identity.roles.includes(role))) throw forbidden(rule, '')
  if (claims !== undefined && !claims.every(claim => holds(claim, identity))) throw forbidden(rule, '')
  return identity
}

/** What a challenge can name (RFC 6749 section 3.3). A document, and a token, may have other scopes. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

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

/** Only Bearer has an error code for this (RFC 6750 section 3.1). */
function forbidden({ type }: AuthRule, parameters: string): GatewayError {
  const challenge = `Bearer realm="waygate", error="insufficient_scope"${parameters}`
  return new GatewayError(
    'WG_FORBIDDEN',
    type === 'jwt' ? { headers: { 'www-authenticate': challenge } } : {},
  )
}

/** Each authenticator's result for this request. A second call would not find the credentials it has taken out. */
type Verdicts = Map<AuthenticatorName, Identity | GatewayError>

/**
 * Returns the identity of the first rule that the request meets, and takes out the credentials for all the others.
 *
 * If the request meets none of them, the error is the one that came closest to success: not checked (503), then not
 * granted, expired, not accepted, and no credentials at all. The last of these lists the challenge of every
 * authenticator.
 */
function authorizeAny(
  rules: readonly AuthRule[],
  head: RequestHead,
  call: Call,
  authenticators: Authenticators,
): Identity | Promise<Identity> {
  const verdicts: Verdicts = new Map()
  let closest: GatewayError | undefined

  function refused(error: unknown): void {
    if (!(error instanceof GatewayError)) throw error
    if (closest === undefined || closeness(error) > closeness(closest)) closest = error
  }

  /** Tries the rules from `index` on. Synchronous until an authenticator needs time. */
  function tryFrom(index: number): Identity | Promise<Identity> {
    for (let i = index; i < rules.length; i++) {
      const rule = rules[i]!
      try {
        const known = verdicts.get(rule.type) ?? identify(rule, head, call, authenticators)
        if (known instanceof Promise) return resume(known, i)
        if (known instanceof GatewayError) throw known
        verdicts.set(rule.type, known)
        const identity = grant(rule, known)
        withholdOthers(rule.type)
        return identity
      } catch (error) {
        refused(error)
        if (!verdicts.has(rule.type)) verdicts.set(rule.type, error as GatewayError)
      }
    }
    throw withEveryChallenge(closest!, rules, authenticators)
  }

  function withholdOthers(successful: AuthenticatorName): void {
    for (const { type } of rules) {
      if (type === successful) continue
      const other = authenticators[type]
      if (other) other.withhold(head, call)
      // While no key for tokens is configured, nothing else keeps them from the node.
      else if (type === 'jwt') takeHeader(head.headers, 'authorization')
    }
  }

  async function resume(pending: Promise<Identity>, index: number): Promise<Identity> {
    verdicts.set(
      rules[index]!.type,
      await pending.catch((error: unknown) => {
        if (error instanceof GatewayError) return error
        throw error
      }),
    )
    return tryFrom(index)
  }

  return tryFrom(0)
}

/** How far a request came before it was refused. */
function closeness({ code }: GatewayError): number {
  switch (code) {
    case 'WG_TOKEN_MISSING':
    case 'WG_CERTIFICATE_REQUIRED':
      return 0
    case 'WG_TOKEN_INVALID':
      return 1
    case 'WG_TOKEN_EXPIRED':
      return 2
    case 'WG_FORBIDDEN':
      return 3
    // The credentials could not be checked, and might have been accepted.
    default:
      return 4
  }
}

/** A client that sent no credentials gets the challenges of all authenticators (RFC 9110 section 11.6.1). */
function withEveryChallenge(
  error: GatewayError,
  rules: readonly AuthRule[],
  authenticators: Authenticators,
): GatewayError {
  if (closeness(error) > 0) return error
  const challenges = new Set(rules.flatMap(({ type }) => authenticators[type]?.challenge ?? []))
  return new GatewayError('WG_TOKEN_MISSING', {
    detail: 'This route needs credentials.',
    headers: { 'www-authenticate': [...challenges].join(', ') },
  })
}
