import { isUtf8 } from 'node:buffer'
import type { Claims } from '../../internal/claim-path.ts'
import { findDuplicateMember } from '../../internal/text/json.ts'

/** Longer tokens are refused without being parsed. Those of large issuers have up to 200 groups, which take 11,000 bytes. */
export const MAX_TOKEN_BYTES = 16_384

/** A parsed token whose signature has not been checked yet. */
export interface Jws {
  readonly token: string
  readonly algorithm: string
  readonly keyId: string | undefined
  readonly payload: Buffer
}

/**
 * Parses a token strictly, where jsonwebtoken is lenient. It must have three parts in canonical base64url (other
 * spellings of a token would pass for different tokens). The members of its header must be unique, and must not include
 * those that change the meaning of the signature and are not implemented (`crit`, `b64`; RFC 7515 section 4.1.11,
 * RFC 7797). Keys that a header contains or refers to (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
 *
 * @throws TypeError with the reason, for the log
 */
export function readJws(token: string): Jws {
  if (token.length > MAX_TOKEN_BYTES) throw new TypeError(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)
  const parts = token.split('.', 4)
  if (parts.length !== 3) throw new TypeError('the token does not have three parts')
  const [head, payload] = parts.map(canonicalBytes) as [Buffer, Buffer, Buffer]
  const header = jsonObject(head, 'header')
  for (const parameter of ['crit', 'b64']) {
    if (Object.hasOwn(header, parameter)) throw new TypeError(`the header of the token has ${parameter}`)
  }
  const { alg, kid } = header
  if (typeof alg !== 'string') throw new TypeError('the alg of the token is not a string')
  if (kid !== undefined && typeof kid !== 'string')
    throw new TypeError('the kid of the token is not a string')
  return { token, algorithm: alg, keyId: kid, payload }
}

/**
 * Parses the claims of a token. The payload must be a JSON object with unique members whose times are numbers (RFC 7519
 * section 4).
 *
 * @throws TypeError with the reason, for the log
 */
export function readClaims({ payload }: Jws): Claims {
  const claims = jsonObject(payload, 'payload')
  for (const claim of ['exp', 'nbf', 'iat']) {
    if (Object.hasOwn(claims, claim) && !Number.isFinite(claims[claim])) {
      throw new TypeError(`the ${claim} of the token is not a number`)
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
  // Invalid bytes would all decode to the same replacement character.
  if (!isUtf8(bytes)) throw new TypeError(`the ${what} of the token is not UTF-8`)
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's error is not the cause: it quotes the token, and causes are logged.
    throw new TypeError(`the ${what} of the token is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`the ${what} of the token is not an object`)
  }
  if (findDuplicateMember(text) !== undefined)
    throw new TypeError(`the ${what} of the token has a duplicate member`)
  return value as Record<string, unknown>
}
