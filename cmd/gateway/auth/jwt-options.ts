import type { Keys } from '../../../config/keys/keys.ts'
import type { Config } from '../../../config/schema.ts'
import type { JwtAuthenticatorOptions, TokenIssuer } from '../../../middleware/auth/jwt-authenticator.ts'
import { fixedKey, type KeySource } from '../../../middleware/auth/key-source.ts'

type IssuerSection = Config['jwt']['issuers'][number]

/**
 * Builds the options of the token authenticator from the configuration; undefined when no key is configured.
 *
 * @param jwksOf returns the keys at the `jwksUrl` of an issuer
 */
export function jwtOptions(
  { jwt }: Pick<Config, 'jwt'>,
  keys: Pick<Keys, 'jwt' | 'formerJwt' | 'issuers'>,
  jwksOf: (issuer: IssuerSection) => KeySource,
): JwtAuthenticatorOptions | undefined {
  const issuers = jwt.issuers.map((issuer, index): TokenIssuer => {
    const key = keys.issuers?.[index]
    return {
      issuer: [issuer.issuer],
      audience: listOf(issuer.audience ?? jwt.audience),
      keys: key ? fixedKey(key, key.former) : jwksOf(issuer),
      requireExpiry: issuer.requireExpiry ?? jwt.requireExpiry,
      maxLifetimeMs: milliseconds(issuer.maxLifetimeSeconds ?? jwt.maxLifetimeSeconds),
      rolesClaim: issuer.rolesClaim ?? jwt.rolesClaim,
      scopeClaim: issuer.scopeClaim ?? jwt.scopeClaim,
    }
  })
  if (keys.jwt) {
    issuers.push({
      ...jwt,
      issuer: listOf(jwt.issuer),
      audience: listOf(jwt.audience),
      keys: fixedKey(keys.jwt, keys.formerJwt),
      maxLifetimeMs: milliseconds(jwt.maxLifetimeSeconds),
    })
  }
  if (issuers.length === 0) return undefined
  const { claimHeaders, cacheSize, cookie, queryParameter } = jwt
  return {
    issuers,
    claimHeaders,
    cacheSize,
    clockToleranceMs: jwt.clockToleranceSeconds * 1000,
    places: cookie === undefined && queryParameter === undefined ? undefined : { cookie, queryParameter },
  }
}

function listOf(values: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof values === 'string' ? [values] : values
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
