import type { Identity } from '../internal/call.ts'
import { type Claims, claimAt } from '../internal/claim-at.ts'

export interface ClaimReaderOptions {
  readonly rolesClaim: string
  readonly scopeClaim?: string | undefined
  readonly claimHeaders: Readonly<Record<string, string>>
}

/** Turns the claims of a verified token into an {@link Identity}. */
export function createClaimReader({
  rolesClaim,
  scopeClaim,
  claimHeaders,
}: ClaimReaderOptions): (claims: Claims) => Identity {
  return claims => ({
    subject: claims.sub === undefined ? undefined : headerValue(claims.sub),
    headers: Object.entries(claimHeaders).flatMap(([path, header]) => {
      const value = claimAt(claims, path)
      return value === undefined || value === null ? [] : [header, headerValue(value)]
    }),
    scopes: words(scopeClaim === undefined ? (claims.scope ?? claims.scp) : claimAt(claims, scopeClaim)),
    roles: words(claimAt(claims, rolesClaim)),
    claims,
  })
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
