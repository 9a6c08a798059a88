import type { KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { Identity } from '../internal/call.ts'
import { type ErrorCode, GatewayError } from '../internal/errors.ts'
import type { RequestHead } from '../internal/request-head.ts'
import type { Authenticator } from './authenticator.ts'
import { createClaimReader } from './claims.ts'
import { checkTokenForm } from './token-form.ts'

export interface JwtAuthenticatorOptions {
  /** A KeyObject, not text: jsonwebtoken parses text anew for every token, at up to 50 times the cost. */
  readonly key: KeyObject
  /** Only these are accepted, whatever a token says of itself. */
  readonly algorithms: readonly jwt.Algorithm[]
  /** One of these must be `iss`; undefined = any. */
  readonly issuer?: string | readonly string[] | undefined
  /** One of these must be in `aud`; undefined = any. */
  readonly audience?: string | readonly string[] | undefined
  /** How far clocks may disagree about `exp` and `nbf`. */
  readonly clockToleranceMs: number
  /** Whether a token without `exp` is refused. */
  readonly requireExpiry: boolean
  /** Path of claims, e.g. `realm_access.roles`. */
  readonly rolesClaim: string
  /** Path of claims; undefined = `scope`, or else `scp`. */
  readonly scopeClaim?: string | undefined
  /** Claim path to the header that tells the node. */
  readonly claimHeaders: Readonly<Record<string, string>>
  /** Verified tokens that are remembered; 0 = none. */
  readonly cacheSize: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface VerifiedToken {
  readonly identity: Identity
  /** Milliseconds since 1970 from which it is no longer accepted. */
  readonly acceptedUntil: number
}

/**
 * Checks bearer tokens (RFC 6750) that are JWTs (RFC 7519) with jsonwebtoken, after stricter checks of their
 * form. A token that was accepted is remembered until it expires, at most `cacheSize` of them: a signature
 * costs 6 to 60 µs, a look-up a fraction of one.
 */
export function createJwtAuthenticator(options: JwtAuthenticatorOptions): Authenticator {
  const { key, clockToleranceMs, cacheSize, now = Date.now } = options
  const verified = new Map<string, VerifiedToken>()
  const readClaims = createClaimReader(options)
  const verifyOptions: jwt.VerifyOptions & { complete?: false } = {
    algorithms: [...options.algorithms],
    clockTolerance: clockToleranceMs / 1000,
    ...(options.issuer !== undefined && { issuer: listOf(options.issuer) }),
    ...(options.audience !== undefined && { audience: listOf(options.audience) }),
  }

  function verify(token: string): VerifiedToken {
    try {
      checkTokenForm(token)
    } catch (error) {
      throw refusal('WG_TOKEN_INVALID', error)
    }
    let claims: string | jwt.JwtPayload
    try {
      claims = jwt.verify(token, key, { ...verifyOptions, clockTimestamp: Math.floor(now() / 1000) })
    } catch (error) {
      throw refusal(error instanceof jwt.TokenExpiredError ? 'WG_TOKEN_EXPIRED' : 'WG_TOKEN_INVALID', error)
    }
    if (typeof claims !== 'object')
      throw refusal('WG_TOKEN_INVALID', new TypeError('the payload is not an object'))
    if (claims.exp === undefined && options.requireExpiry) {
      throw refusal('WG_TOKEN_INVALID', new TypeError('the token has no exp'))
    }
    return {
      identity: readClaims(claims),
      acceptedUntil:
        claims.exp === undefined ? Number.POSITIVE_INFINITY : claims.exp * 1000 + clockToleranceMs,
    }
  }

  return {
    authenticate(head: RequestHead): Identity {
      if (head.authorizationCount > 1) {
        throw refusal('WG_TOKEN_INVALID', new TypeError('more than one Authorization header'))
      }
      const { authorization = '' } = head
      // By the whole header value, so that a token seen before need not be cut out of it.
      const known = verified.get(authorization)
      if (known) {
        if (now() < known.acceptedUntil) return known.identity
        verified.delete(authorization)
      }
      const fresh = verify(bearerToken(authorization))
      if (cacheSize > 0) {
        // The oldest goes first: a Map keeps the order in which keys came.
        if (verified.size >= cacheSize) verified.delete(verified.keys().next().value!)
        verified.set(authorization, fresh)
      }
      return fresh.identity
    },
  }
}

function listOf(values: string | readonly string[]): [string, ...string[]] {
  return (typeof values === 'string' ? [values] : [...values]) as [string, ...string[]]
}

const BEARER = /^Bearer +([^\s]+) *$/i

function bearerToken(authorization: string): string {
  const match = BEARER.exec(authorization)
  if (!match) {
    throw new GatewayError('WG_TOKEN_MISSING', { headers: { 'www-authenticate': 'Bearer realm="waygate"' } })
  }
  return match[1]!
}

function refusal(code: ErrorCode, cause: unknown): GatewayError {
  const description = code === 'WG_TOKEN_EXPIRED' ? 'the token has expired' : 'the token was not accepted'
  return new GatewayError(code, {
    cause,
    headers: {
      'www-authenticate': `Bearer realm="waygate", error="invalid_token", error_description="${description}"`,
    },
  })
}
