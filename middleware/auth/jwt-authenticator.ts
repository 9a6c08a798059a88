import type { Call, Identity } from '../../internal/call.ts'
import type { Claims } from '../../internal/claim-path.ts'
import { type ErrorCode, GatewayError } from '../../internal/http/errors.ts'
import { takeHeader } from '../../internal/http/header-lines.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import { AcceptedCredentials } from './accepted-credentials.ts'
import type { Authenticator } from './authenticator.ts'
import { type ClaimRules, checkClaims, TokenExpired } from './claim-rules.ts'
import { createClaimReader } from './claims.ts'
import type { KeySource, VerificationKey } from './key-source.ts'
import { type Jws, readClaims, readJws } from './token-form.ts'
import { type TokenPlaces, takeBearer, takeTokens } from './token-places.ts'
import { verifySignature } from './token-signature.ts'

/** An issuer whose tokens are accepted, with its rules. */
export interface TokenIssuer extends ClaimRules {
  /** The accepted values of `iss`; undefined = any that no other issuer lists. */
  readonly issuer?: readonly string[] | undefined
  readonly keys: KeySource
  /** A claim path, e.g. `realm_access.roles`. */
  readonly rolesClaim: string
  /** A claim path; `scope` or undefined = `scope`, or else `scp`. */
  readonly scopeClaim?: string | undefined
}

/** The ids (`jti`) of revoked tokens. */
export interface Revocations {
  /** False until the list has been read for the first time. */
  readonly isLoaded: boolean
  has(tokenId: string): boolean
}

export interface JwtAuthenticatorOptions {
  /** Each value of `iss` belongs to one of them at most. */
  readonly issuers: readonly TokenIssuer[]
  /** How far clocks may differ when `exp`, `nbf` and `iat` are checked. */
  readonly clockToleranceMs: number
  /** Claim path to the name of the header that carries it to the node. */
  readonly claimHeaders: Readonly<Record<string, string>>
  /** How many verified tokens are remembered; 0 = none. */
  readonly cacheSize: number
  /** Where else tokens may be sent; undefined = in the Authorization header alone. */
  readonly places?: TokenPlaces | undefined
  /** Undefined = tokens cannot be revoked. */
  readonly revocations?: Revocations | undefined
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface VerifiedToken {
  readonly identity: Identity
  readonly key: VerificationKey
  /** Its `jti`; undefined = it cannot be revoked. */
  readonly id: string | undefined
  /** When the token expires, milliseconds since 1970. */
  readonly acceptedUntil: number
}

/**
 * Creates the authenticator for bearer tokens (RFC 6750) that are JWTs (RFC 7519), checked as RFC 8725 advises. An
 * accepted token is remembered until it expires, is revoked, or its key is withdrawn: checking a signature takes 6 to
 * 60 µs, a look-up a fraction of one.
 */
export function createJwtAuthenticator(options: JwtAuthenticatorOptions): Authenticator {
  const { clockToleranceMs, cacheSize, places, revocations, now = Date.now } = options
  const accepted = new AcceptedCredentials<VerifiedToken>(cacheSize)
  const issuers = options.issuers.map(issuer => ({
    ...issuer,
    readIdentity: createClaimReader({ ...options, ...issuer }),
  }))
  type Issuer = (typeof issuers)[number]
  const byName = new Map(issuers.flatMap(each => (each.issuer ?? []).map(name => [name, each] as const)))
  const forAny = issuers.find(each => each.issuer === undefined)

  function issuerOf({ iss }: Claims): Issuer {
    const issuer = (typeof iss === 'string' ? byName.get(iss) : undefined) ?? forAny
    if (!issuer) throw new TypeError('the issuer of the token is not configured')
    return issuer
  }

  function verify(token: string): VerifiedToken | Promise<VerifiedToken> {
    return refusing(() => {
      const jws = readJws(token)
      const claims = readClaims(jws)
      const issuer = issuerOf(claims)
      if (issuer.keys.find(jws.algorithm, jws.keyId)) return judge(jws, claims, issuer)
      // Keys are not fetched for a token that would be refused anyway.
      checkClaims(claims, issuer, clockToleranceMs, now())
      const fetched = issuer.keys.refresh()
      return fetched
        ? fetched.then(() => refusing(() => judge(jws, claims, issuer)))
        : judge(jws, claims, issuer)
    })
  }

  function judge(jws: Jws, claims: Claims, issuer: Issuer): VerifiedToken {
    const key = signerOf(jws, issuer.keys)
    const expiresAt = checkClaims(claims, issuer, clockToleranceMs, now())
    const acceptedUntil = Math.min(expiresAt, key.acceptedUntil ?? expiresAt)
    return { identity: issuer.readIdentity(claims), key, id: tokenIdOf(claims), acceptedUntil }
  }

  /**
   * Returns the key that a token is signed with: the present one, or one from before it.
   *
   * @throws Error when it is none of them
   */
  function signerOf(jws: Jws, keys: KeySource): VerificationKey {
    const present = keys.find(jws.algorithm, jws.keyId)
    const former = keys.former?.filter(
      key => key.algorithms.includes(jws.algorithm) && now() < (key.acceptedUntil ?? Infinity),
    )
    let reason: unknown
    for (const key of [...(present ? [present] : []), ...(former ?? [])]) {
      try {
        verifySignature(jws, key)
        return key
      } catch (error) {
        reason ??= error
      }
    }
    if (reason !== undefined) throw reason
    if (!keys.isLoaded) throw unavailable('the keys of the issuer are not loaded yet')
    if (jws.keyId !== undefined && keys.mayLack?.(jws.keyId))
      throw unavailable('the kid of the token is not known, and the keys of the issuer cannot be fetched')
    throw new TypeError('the kid and alg of the token match no key, or more than one')
  }

  /** @throws GatewayError */
  function checkRevoked({ id }: VerifiedToken): void {
    if (revocations === undefined || id === undefined) return
    if (!revocations.isLoaded) throw unavailable('the revocations are not loaded yet')
    if (revocations.has(id)) throw refusal('WG_TOKEN_INVALID', new TypeError('the token was revoked'))
  }

  function accept(credential: string, fresh: VerifiedToken): Identity {
    checkRevoked(fresh)
    accepted.add(credential, fresh)
    return fresh.identity
  }

  /** Returns the identity that belongs to the value of an Authorization header. */
  function identify(credential: string): Identity | Promise<Identity> {
    // The cache key is the whole header value, so that nothing is parsed for a token seen before.
    const known = accepted.get(credential)
    if (known) {
      if (now() < known.acceptedUntil && known.key.isRetired !== true) {
        checkRevoked(known)
        return known.identity
      }
      accepted.delete(credential)
    }
    const token = bearerToken(credential)
    // With thousands of spellings of one token, a client could crowd out all others.
    const usual = `Bearer ${token}`
    if (credential !== usual) return identify(usual)
    const fresh = verify(token)
    return fresh instanceof Promise ? fresh.then(each => accept(usual, each)) : accept(usual, fresh)
  }

  return {
    challenge: CHALLENGE,
    authenticate(head: RequestHead, call: Call): Identity | Promise<Identity> {
      if (head.authorizationCount > 1) {
        throw refusal('WG_TOKEN_INVALID', new TypeError('more than one Authorization header'))
      }
      const sent = places === undefined ? (head.authorization ?? '') : takeBearer(head, call, places)
      const identity = identify(sent)
      const accepts = (known: Identity): Identity => {
        call.isAuthorizationChecked = sent === head.authorization
        return known
      }
      return identity instanceof Promise ? identity.then(accepts) : accepts(identity)
    },
    withhold(head: RequestHead, call: Call): void {
      if (places !== undefined) takeTokens(head, call, places)
      // Whatever its scheme: many nodes also read a token without one.
      takeHeader(head.headers, 'authorization')
      call.isAuthorizationChecked = false
    },
  }
}

/** Some issuers number their tokens, although RFC 7519 section 4.1.7 asks for text. */
function tokenIdOf({ jti }: Claims): string | undefined {
  if (typeof jti === 'number') return String(jti)
  return typeof jti === 'string' ? jti : undefined
}

const CHALLENGE = 'Bearer realm="waygate"'
const BEARER = /^Bearer +([^\s]+) *$/i

function bearerToken(authorization: string): string {
  const match = BEARER.exec(authorization)
  if (!match) throw new GatewayError('WG_TOKEN_MISSING', { headers: { 'www-authenticate': CHALLENGE } })
  return match[1]!
}

/** Runs a check of a token, and turns what it throws into a GatewayError. */
function refusing<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw refusal(error instanceof TokenExpired ? 'WG_TOKEN_EXPIRED' : 'WG_TOKEN_INVALID', error)
  }
}

function refusal(code: ErrorCode, cause: unknown): GatewayError {
  const description = code === 'WG_TOKEN_EXPIRED' ? 'the token has expired' : 'the token was not accepted'
  return new GatewayError(code, {
    cause,
    headers: {
      'www-authenticate': `${CHALLENGE}, error="invalid_token", error_description="${description}"`,
    },
  })
}

/** Not a 401: the client has done nothing wrong and must not discard its token. */
function unavailable(reason: string): GatewayError {
  return new GatewayError('WG_AUTH_UNAVAILABLE', {
    cause: new Error(reason),
    headers: { 'retry-after': '1' },
  })
}
