import type { Call, Identity } from '../../internal/call.ts'
import type { Claims } from '../../internal/claim-path.ts'
import { type ErrorCode, GatewayError } from '../../internal/http/errors.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import { takeHeader } from '../../internal/http/take-header.ts'
import { AcceptedCredentials } from './accepted-credentials.ts'
import type { Authenticator } from './authenticator.ts'
import { type ClaimRules, checkClaims, TokenExpired } from './claim-rules.ts'
import { createClaimReader } from './claims.ts'
import type { KeySource, VerificationKey } from './key-source.ts'
import { type Jws, readClaims, readJws } from './token-form.ts'
import { type TokenPlaces, takeBearer, takeTokens } from './token-places.ts'
import { verifySignature } from './token-signature.ts'

/** Whose tokens are accepted, and which of them. */
export interface TokenIssuer extends ClaimRules {
  /** One of these must be `iss`; undefined = any that no other issuer names. */
  readonly issuer?: readonly string[] | undefined
  readonly keys: KeySource
  /** Path of claims, e.g. `realm_access.roles`. */
  readonly rolesClaim: string
  /** Path of claims; `scope` and undefined = `scope`, or else `scp`. */
  readonly scopeClaim?: string | undefined
}

/** The ids of tokens (`jti`) that were taken back. */
export interface Revocations {
  /** False while it is not known yet which they are. */
  readonly isLoaded: boolean
  has(tokenId: string): boolean
}

export interface JwtAuthenticatorOptions {
  /** No two name the same `iss`. */
  readonly issuers: readonly TokenIssuer[]
  /** How far clocks may disagree about `exp`, `nbf` and `iat`. */
  readonly clockToleranceMs: number
  /** Claim path to the header that tells the node. */
  readonly claimHeaders: Readonly<Record<string, string>>
  /** Verified tokens that are remembered; 0 = none. */
  readonly cacheSize: number
  /** Where tokens are looked for besides the Authorization header; undefined = nowhere. */
  readonly places?: TokenPlaces | undefined
  /** Undefined = no token is ever taken back. */
  readonly revocations?: Revocations | undefined
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

interface VerifiedToken {
  readonly identity: Identity
  readonly key: VerificationKey
  /** Its `jti`. */
  readonly id: unknown
  /** Milliseconds since 1970 from which it is no longer accepted. */
  readonly acceptedUntil: number
}

/**
 * Checks bearer tokens (RFC 6750) that are JWTs (RFC 7519) as RFC 8725 advises. A token that was accepted is remembered
 * until it expires, its key is taken back or it is revoked: a signature costs 6 to 60 µs, a look-up a fraction of one.
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
    if (!issuer) throw new TypeError('the token is from an issuer that is not accepted')
    return issuer
  }

  function verify(token: string): VerifiedToken | Promise<VerifiedToken> {
    return refusing(() => {
      const jws = readJws(token)
      const claims = readClaims(jws)
      const issuer = issuerOf(claims)
      if (issuer.keys.find(jws.algorithm, jws.keyId)) return judge(jws, claims, issuer)
      // No fetch is worth a token that would be refused anyway.
      checkClaims(claims, issuer, clockToleranceMs, now())
      const fetched = issuer.keys.refresh()
      return fetched
        ? fetched.then(() => refusing(() => judge(jws, claims, issuer)))
        : judge(jws, claims, issuer)
    })
  }

  function judge(jws: Jws, claims: Claims, issuer: Issuer): VerifiedToken {
    const key = issuer.keys.find(jws.algorithm, jws.keyId)
    if (!key) {
      if (!issuer.keys.isLoaded) throw unavailable('the keys of the issuer have not come yet')
      throw new TypeError('no key, or more than one, is for the kid and alg of the token')
    }
    verifySignature(jws, key)
    const acceptedUntil = checkClaims(claims, issuer, clockToleranceMs, now())
    return { identity: issuer.readIdentity(claims), key, id: claims.jti, acceptedUntil }
  }

  /** @throws GatewayError */
  function checkRevoked({ id }: VerifiedToken): void {
    if (revocations === undefined || typeof id !== 'string') return
    if (!revocations.isLoaded) throw unavailable('the list of revoked tokens has not come yet')
    if (revocations.has(id)) throw refusal('WG_TOKEN_INVALID', new TypeError('the token was revoked'))
  }

  function accept(credential: string, fresh: VerifiedToken, head: RequestHead, call: Call): Identity {
    checkRevoked(fresh)
    accepted.add(credential, fresh)
    call.isAuthorizationChecked = credential === head.authorization
    return fresh.identity
  }

  return {
    challenge: CHALLENGE,
    authenticate(head: RequestHead, call: Call): Identity | Promise<Identity> {
      if (head.authorizationCount > 1) {
        throw refusal('WG_TOKEN_INVALID', new TypeError('more than one Authorization header'))
      }
      const credential = places === undefined ? (head.authorization ?? '') : takeBearer(head, call, places)
      // By the whole header value, so that a token seen before need not be cut out of it.
      const known = accepted.get(credential)
      if (known) {
        if (now() < known.acceptedUntil && known.key.isRetired !== true) {
          checkRevoked(known)
          call.isAuthorizationChecked = credential === head.authorization
          return known.identity
        }
        accepted.delete(credential)
      }
      const fresh = verify(bearerToken(credential))
      if (fresh instanceof Promise) return fresh.then(token => accept(credential, token, head, call))
      return accept(credential, fresh, head, call)
    },
    withhold(head: RequestHead, call: Call): void {
      if (places !== undefined) takeTokens(head, call, places)
      // Of whatever scheme: many nodes read a token without one, too.
      takeHeader(head.headers, 'authorization')
      call.isAuthorizationChecked = false
    },
  }
}

const CHALLENGE = 'Bearer realm="waygate"'
const BEARER = /^Bearer +([^\s]+) *$/i

function bearerToken(authorization: string): string {
  const match = BEARER.exec(authorization)
  if (!match) throw new GatewayError('WG_TOKEN_MISSING', { headers: { 'www-authenticate': CHALLENGE } })
  return match[1]!
}

/** Runs a check of a token; whatever it throws becomes a refusal. */
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

/** Not the client's fault, and no reason for it to throw its token away. */
function unavailable(reason: string): GatewayError {
  return new GatewayError('WG_AUTH_UNAVAILABLE', {
    cause: new Error(reason),
    headers: { 'retry-after': '1' },
  })
}
