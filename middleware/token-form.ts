/** Longer tokens are refused unread. */
export const MAX_TOKEN_BYTES = 8_192

/**
 * What jsonwebtoken lets through and a gateway must not: sloppy base64url (other spellings of one token
 * would pass for different ones), header parameters that change what the signature means and that we do
 * not implement (`crit`, `b64`; RFC 7515 section 4.1.11, RFC 7797), a payload that is not a claims set, and
 * times that are not numbers.
 *
 * @throws TypeError with the reason, for the log
 */
export function checkTokenForm(token: string): void {
  if (token.length > MAX_TOKEN_BYTES) throw new TypeError(`the token is longer than ${MAX_TOKEN_BYTES} bytes`)
  const parts = token.split('.')
  if (parts.length !== 3) throw new TypeError('the token is not three parts')
  for (const part of parts) {
    if (Buffer.from(part, 'base64url').toString('base64url') !== part) {
      throw new TypeError('the token is not canonical base64url')
    }
  }
  const header = jsonObject(parts[0]!, 'header')
  for (const parameter of ['crit', 'b64']) {
    if (Object.hasOwn(header, parameter)) throw new TypeError(`the token's header has ${parameter}`)
  }
  const payload = jsonObject(parts[1]!, 'payload')
  for (const claim of ['exp', 'nbf', 'iat']) {
    if (Object.hasOwn(payload, claim) && !Number.isFinite(payload[claim])) {
      throw new TypeError(`the token's ${claim} is not a number`)
    }
  }
}

function jsonObject(part: string, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    // Without the parser's error as cause: it quotes the token, and causes are logged.
    throw new TypeError(`the token's ${what} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`the token's ${what} is not an object`)
  }
  return value as Record<string, unknown>
}
