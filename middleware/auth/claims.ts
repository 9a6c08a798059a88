import type { Identity } from '../../internal/call.ts'
import { type Claims, compileClaimPath } from '../../internal/claim-path.ts'

export interface ClaimReaderOptions {
  readonly rolesClaim: string
  /** `scope` and undefined = `scope` (RFC 8693), or else `scp`, as others call it. */
  readonly scopeClaim?: string | undefined
  readonly claimHeaders: Readonly<Record<string, string>>
}

/**
 * Turns the claims of a verified token into an {@link Identity}.
 *
 * @throws TypeError when a path of claims is none
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

function scopeOrScp({ scope, scp }: Claims): unknown {
  return scope ?? scp
}

/** A list, or a space-separated string (RFC 8693 section 4.2), as its words. */
function words(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter(word => word !== '')
  return Array.isArray(value) ? value.filter(word => typeof word === 'string') : []
}

const PLAIN = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/

/**
 * A claim as a header value that arrives as it left: printable ASCII stays, anything else is
 * percent-encoded UTF-8 (and so is `%`, to be unambiguous). Lists are joined by commas, objects are JSON.
 */
function headerValue(value: unknown): string {
  let text: string
  if (typeof value === 'string') text = value
  else if (Array.isArray(value) && value.every(item => typeof item === 'string')) text = value.join(',')
  else text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text === '' || PLAIN.test(text) ? text : encodeURIComponent(text.toWellFormed())
}
