import { isUtf8 } from 'node:buffer'
import type { Claims } from '../../internal/claim-path.ts'
import { hasDuplicateMembers } from './json-members.ts'

/** Longer tokens are refused unread. */
export const MAX_TOKEN_BYTES = 8_192

/** A signed token as it was sent, its signature not checked yet. */
export interface Jws {
  readonly token: string
  readonly algorithm: string
  readonly keyId: string | undefined
  readonly payload: Buffer
}

/**
 * Reads a token strictly, where jsonwebtoken is lenient: three parts in canonical base64url (other spellings of one
 * token would pass for different ones), a header whose members are unique, and none of those that change what the
 * signature means and that we do not implement (`crit`, `b64`; RFC 7515 section 4.1.11, RFC 7797). Keys that a
 * header brings or points to (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
 *
 * @throws TypeError with the reason, for the log
 */
export function readJws(token: string): Jws {
  if (token.length > MAX_TOKEN_BYTES) throw new TypeError(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)
  const parts = token.split('.', 4)
  if (parts.length !== 3) throw new TypeError('the token is not three parts')
  const [head, payload] = parts.map(canonicalBytes) as [Buffer, Buffer, Buffer]
  const header = jsonObject(head, 'header')
  for (const parameter of ['crit', 'b64']) {
    if (Object.hasOwn(header, parameter)) throw new TypeError(`the token's header has ${parameter}`)
  }
  const { alg, kid } = header
  if (typeof alg !== 'string') throw new TypeError("the token's alg is not text")
  if (kid !== undefined && typeof kid !== 'string') throw new TypeError("the token's kid is not text")
  return { token, algorithm: alg, keyId: kid, payload }
}

/**
 * The claims of a token: a JSON object whose members are unique, its times numbers (RFC 7519 section 4).
 *
 * @throws TypeError with the reason, for the log
 */
export function readClaims({ payload }: Jws): Claims {
  const claims = jsonObject(payload, 'payload')
  for (const claim of ['exp', 'nbf', 'iat']) {
    if (Object.hasOwn(claims, claim) && !Number.isFinite(claims[claim])) {
      throw new TypeError(`the token's ${claim} is not a number`)
    }
  }
  return claims
}

function canonicalBytes(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw new TypeError('the token is not canonical base64url')
  return bytes
}

function jsonObject(bytes: Buffer, what: string): Record<string, unknown> {
  // Bytes that are no text would all be read as the same replacement character.
  if (!isUtf8(bytes)) throw new TypeError(`the token's ${what} is not UTF-8`)
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Without the parser's error as cause: it quotes the token, and causes are logged.
    throw new TypeError(`the token's ${what} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`the token's ${what} is not an object`)
  }
  if (hasDuplicateMembers(text)) throw new TypeError(`the token's ${what} names a member twice`)
  return value as Record<string, unknown>
}
