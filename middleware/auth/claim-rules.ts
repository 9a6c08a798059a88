import type { Claims } from '../../internal/claim-path.ts'

/** Requirements on the registered claims of a token (RFC 7519 section 4.1). */
export interface ClaimRules {
  /** One of these must be in `aud`; undefined = any. */
  readonly audience?: readonly string[] | undefined
  /** Whether a token without `exp` is refused. */
  readonly requireExpiry: boolean
  /** The longest time from `iat` to `exp`; undefined = no limit. */
  readonly maxLifetimeMs?: number | undefined
}

/** Thrown for a token that was valid before. */
export class TokenExpired extends TypeError {}

/**
 * Checks the times, the audience and the form of the subject of a token.
 *
 * @param toleranceMs how far the clocks of issuer and gateway may differ
 * @param now milliseconds since 1970
 * @returns when the token expires, milliseconds since 1970
 * @throws TokenExpired, or TypeError with the reason, for the log
 */
export function checkClaims(claims: Claims, rules: ClaimRules, toleranceMs: number, now: number): number {
  const { exp, nbf, iat } = claims as Partial<Record<'exp' | 'nbf' | 'iat', number>>
  const { audience, requireExpiry, maxLifetimeMs } = rules
  // A number or an object would get a spelling of our making, and two of them the same (RFC 7519 section 4.1.2).
  if (claims.sub !== undefined && typeof claims.sub !== 'string')
    throw new TypeError('the sub of the token is not a string')
  if (exp === undefined && requireExpiry) throw new TypeError('the token has no exp')
  if (nbf !== undefined && nbf * 1000 > now + toleranceMs) throw new TypeError('the token is not valid yet')
  if (iat !== undefined && iat * 1000 > now + toleranceMs)
    throw new TypeError('the iat of the token is in the future')
  if (audience && !isFor(claims.aud, audience)) throw new TypeError('the token is for another audience')
  let endsAt = exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000
  if (maxLifetimeMs !== undefined) {
    // Without iat, the limit could not be enforced.
    if (iat === undefined) throw new TypeError('the token has no iat, which a limited lifetime requires')
    if (exp !== undefined && (exp - iat) * 1000 > maxLifetimeMs)
      throw new TypeError('the lifetime of the token is too long')
    endsAt = Math.min(endsAt, iat * 1000 + maxLifetimeMs)
  }
  const acceptedUntil = endsAt + toleranceMs
  if (now >= acceptedUntil) throw new TokenExpired('the token has expired')
  return acceptedUntil
}

/** `aud` is a string or a list of strings (RFC 7519 section 4.1.3). */
function isFor(aud: unknown, accepted: readonly string[]): boolean {
  const named = Array.isArray(aud) ? aud : [aud]
  return named.some(name => typeof name === 'string' && accepted.includes(name))
}
