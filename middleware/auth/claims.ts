import type { Identity } from '../../internal/call.ts'
import { type Claims, compileClaimPath } from '../../internal/claim-path.ts'

export interface ClaimReaderOptions {
  readonly rolesClaim: string
  /** `scope` or undefined = `scope` (RFC 8693), or else `scp`, which some issuers use instead. */
  readonly scopeClaim?: string | undefined
  readonly claimHeaders: Readonly<Record<string, string>>
}

/**
 * Creates the function that turns the claims of a verified token into an {@link Identity}.
 *
 * @throws TypeError when a claim path is malformed
 */
export function createClaimReader({
  rolesClaim,
  scopeClaim = 'scope',
  claimHeaders,
}: ClaimReaderOptions): (claims: Claims) => Identity {
  const scopesOf = scopeClaim === 'scope' ? scopeOrScp : compileClaimPath(scopeClaim)
  const rolesOf = compileClaimPath(rolesClaim)
  const headers = Object.entries(claimHeaders).map(
    ([path, header]) => [compileClaimPath(path), header] as const,
  )
  return claims => ({
    subject: claims.sub === undefined ? undefined : headerValue(claims.sub),
    headers: headers.flatMap(([readClaim, header]) => {
      const value = readClaim(claims)
      return value === undefined || value === null ? [] : [header, headerValue(value)]
    }),
    scopes: words(scopesOf(claims)),
    roles: words(rolesOf(claims)),
    claims,
  })
}

/** What the owner of an API key or a user is granted. */
export interface Grants {
  readonly scopes?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
  readonly claims?: Claims | undefined
}

/**
 * Creates the function that turns a name and its grants into the {@link Identity} that a token with that `sub` and
 * those claims would give, so that neither nodes nor rules depend on how a request was authenticated.
 *
 * @throws TypeError when a claim path is malformed
 */
export function createGrantReader({
  claimHeaders,
}: Pick<ClaimReaderOptions, 'claimHeaders'>): (name: string, grants: Grants) => Identity {
  const read = createClaimReader({ claimHeaders, rolesClaim: 'roles', scopeClaim: 'scope' })
  return (sub, { claims, scopes = [], roles = [] }) => read({ ...claims, sub, scope: scopes, roles })
}

function scopeOrScp({ scope, scp }: Claims): unknown {
  return scope ?? scp
}

/** Splits a space-separated string (RFC 8693 section 4.2); of a list, keeps the strings. */
function words(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter(word => word !== '')
  return Array.isArray(value) ? value.filter(word => typeof word === 'string') : []
}

const PLAIN = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/

/**
 * Writes a claim as a header value that reaches the node unchanged: printable ASCII is kept, anything else is
 * percent-encoded UTF-8 (and so is `%`, to be unambiguous). Lists are joined by commas, objects are JSON.
 *
 * A comma within an entry of a list is written as `%2C` first. Otherwise a user who chooses one entry, such as the name of a
 * team, would get another one with it.
 */
function headerValue(value: unknown): string {
  let text: string
  if (typeof value === 'string') text = value
  else if (Array.isArray(value) && value.every(item => typeof item === 'string'))
    text = value.map(item => item.replaceAll(',', '%2C')).join(',')
  else text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text === '' || PLAIN.test(text) ? text : encodeURIComponent(text.toWellFormed())
}
