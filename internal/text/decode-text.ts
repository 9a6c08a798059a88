import { isUtf8 } from 'node:buffer'

const BYTE_ORDER_MARK = '\ufeff'

/**
 * Decodes the content of a file that people write: UTF-8 without NUL. A byte order mark, which some editors put in front,
 * is left out.
 *
 * @throws TypeError whose message continues the name of the file: `is UTF-16; save it as UTF-8`
 */
export function decodeText(bytes: Buffer): string {
  refuseUtf16(bytes)
  if (!isUtf8(bytes)) throw new TypeError('is not UTF-8 text')
  const text = withoutByteOrderMark(bytes.toString())
  if (text.includes('\0')) throw new TypeError('has a NUL character, so it is not text in UTF-8')
  return text
}

/** Returns a text without the byte order mark at its start, which readers may ignore (RFC 8259 section 8.1). */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

/**
 * Returns a PEM file without a byte order mark, behind which OpenSSL does not find the first block. Comments between the
 * blocks may be in any encoding.
 *
 * @throws TypeError whose message continues the name of the file
 */
export function decodePem(bytes: Buffer): Buffer {
  refuseUtf16(bytes)
  return bytes.subarray(0, 3).equals(UTF8_MARK) ? bytes.subarray(3) : bytes
}

const UTF8_MARK = Buffer.from(BYTE_ORDER_MARK)

/** PowerShell's `>` writes UTF-16 by default. */
function refuseUtf16([first, second]: Buffer): void {
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new TypeError('is UTF-16; save it as UTF-8')
  }
}
