/** The most octets that stand before a name and a value: an index and a length, of up to 6 octets each. */
export const MAX_PREFIX_BYTES = 12

/** Writes a string literal: its length, then its latin1 (RFC 7541 section 5.2). Returns the index behind it. */
export function writeText(buffer: Buffer, at: number, text: string): number {
  const from = writeInteger(buffer, at, 0, 0x7f, text.length)
  return from + buffer.write(text, from, 'latin1')
}

/**
 * Writes an integer (RFC 7541 section 5.1). Returns the index behind it.
 *
 * @param first the bits of the first octet that are not part of the integer
 * @param prefix the largest value of the other bits of the first octet
 */
export function writeInteger(
  buffer: Buffer,
  start: number,
  first: number,
  prefix: number,
  value: number,
): number {
  let at = start
  if (value < prefix) {
    buffer[at++] = first | value
    return at
  }
  buffer[at++] = first | prefix
  let left = value - prefix
  for (; left >= 0x80; left >>>= 7) buffer[at++] = (left & 0x7f) | 0x80
  buffer[at++] = left
  return at
}

/** Whether a character is one of those that HTTP/2 forbids at both ends of a value (RFC 9113 section 8.2.1). */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
