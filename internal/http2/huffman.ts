import { ERROR, Http2Error } from './frames.ts'

/**
 * The characters by the length of their codes in bits (RFC 7541 appendix B). The code is canonical: codes are counted up in
 * this order. The code behind the last one, of 30 bits, is EOS, which must not appear in a string.
 */
export const HUFFMAN_CODES: readonly (readonly [bits: number, characters: string])[] = [
  [5, '012aceiost'],
  [6, ' %-./3456789=A_bdfghlmnpru'],
  [7, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
  [8, '&*,;XZ'],
  [10, '!"()?'],
  [11, "'+|"],
  [12, '#>'],
  [13, '\0$@[]~'],
  [14, '^}'],
  [15, '<`{'],
  [19, '\\\xc3\xd0'],
  [20, '\x80\x82\x83\xa2\xb8\xc2\xe0\xe2'],
  [21, '\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6'],
  [
    22,
    '\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9',
  ],
  [
    23,
    '\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef',
  ],
  [24, '\t\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed'],
  [25, '\xc7\xcf\xea\xeb'],
  [26, '\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff'],
  [27, '\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe'],
  [
    28,
    '\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9',
  ],
  [30, '\n\r\x16'],
]

/** Codes of up to this many bits are found with one look-up. All letters and digits have such codes. */
const SHORT_BITS = 10
const SHORT_MASK = (1 << SHORT_BITS) - 1
const LONGEST_BITS = 30

/** For the next 10 bits: the length of the code at their beginning and its character; 0 = the code is longer. */
const short = new Uint16Array(1 << SHORT_BITS)
/** For each length above that: the first code of that length, and the characters of all of them in order. */
const long: (readonly [firstCode: number, characters: string] | undefined)[] = []

buildTables()

function buildTables(): void {
  let code = 0
  let before = 0
  for (const [bits, characters] of HUFFMAN_CODES) {
    code <<= bits - before
    before = bits
    if (bits > SHORT_BITS) long[bits] = [code, characters]
    for (let i = 0; i < characters.length; i++, code++) {
      const unused = SHORT_BITS - bits
      if (unused >= 0)
        short.fill((bits << 8) | characters.charCodeAt(i), code << unused, (code + 1) << unused)
    }
  }
}

let scratch = Buffer.allocUnsafeSlow(4_096)

/**
 * Decodes a Huffman-encoded string (RFC 7541 section 5.2) to latin1.
 *
 * @throws Http2Error COMPRESSION_ERROR when it contains EOS, or when its padding is not less than 8 bits of ones
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string {
  const most = Math.ceil(((end - start) * 8) / 5)
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most)
  const text = scratch
  let length = 0
  let at = start
  /** The last bits that were read. The lowest `waiting` of them are not decoded yet. Ones follow the end of the string. */
  let bits = 0
  let waiting = 0
  for (;;) {
    if (waiting < SHORT_BITS) {
      bits = (bits << 16) | ((at < end ? bytes[at]! : 0xff) << 8) | (at + 1 < end ? bytes[at + 1]! : 0xff)
      at += 2
      waiting += 16
    }
    const found = short[(bits >>> (waiting - SHORT_BITS)) & SHORT_MASK]!
    if (found !== 0) {
      text[length++] = found
      waiting -= found >> 8
      continue
    }
    const position = (at - start) * 8 - waiting
    const left = (end - start) * 8 - position
    if (left < 8) {
      // Followed by ones, fewer than 8 bits begin no short code only if they are ones themselves, which is the padding.
      if (left < 0) throw notHuffman()
      return text.toString('latin1', 0, length)
    }
    const [character, codeBits] = decodeLong(bytes, start * 8 + position, end * 8)
    text[length++] = character
    // Goes on behind the code.
    const next = position + codeBits
    at = start + (next >> 3)
    waiting = 0
    if ((next & 7) !== 0) {
      bits = bytes[at++]!
      waiting = 8 - (next & 7)
    }
  }
}

/** Decodes one code that is longer than SHORT_BITS. `from` and `end` count bits. */
function decodeLong(bytes: Buffer, from: number, end: number): [character: number, bits: number] {
  let code = 0
  for (let bits = 1; bits <= LONGEST_BITS && from + bits <= end; bits++) {
    const at = from + bits - 1
    code = (code << 1) | ((bytes[at >> 3]! >> (7 - (at & 7))) & 1)
    const [firstCode, characters] = long[bits] ?? [0, '']
    if (code - firstCode < characters.length) return [characters.charCodeAt(code - firstCode), bits]
  }
  throw notHuffman()
}

function notHuffman(): Http2Error {
  return new Http2Error(ERROR.compressionError, 'a string is not Huffman-encoded')
}
