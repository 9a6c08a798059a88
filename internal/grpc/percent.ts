const PLAIN = /^[\x20-\x24\x26-\x7e]*$/
const SPECIAL_BYTE = /[^\x20-\x24\x26-\x7e]/g
const ESCAPE = /%([0-9a-f]{2})/gi

/** Writes a text as the value of `grpc-message`: UTF-8, with `%` and all that is not printable ASCII escaped. */
export function encodeGrpcMessage(text: string): string {
  if (PLAIN.test(text)) return text
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  return bytes.replace(
    SPECIAL_BYTE,
    byte => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

/**
 * Reads the value of `grpc-message`. Never fails, because a message with a mistake says more than none: a malformed escape
 * stays as it is, and what is not UTF-8 becomes U+FFFD (grpc/doc/PROTOCOL-HTTP2.md, "Percent-Encoded").
 *
 * @param value latin1, as header values are
 */
export function decodeGrpcMessage(value: string): string {
  if (PLAIN.test(value)) return value
  const bytes = value.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
