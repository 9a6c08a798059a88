import { crc32c } from '../../internal/http/proxy-header.ts'

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** The example of the specification, version 1. */
export const LINE = 'PROXY TCP4 192.0.2.7 192.168.0.11 56324 443\r\n'

/** Builds a header of version 2. */
export function binaryHeader(command: number, family: number, block: Uint8Array = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.from([...SIGNATURE, command, family, 0, 0])
  fixed.writeUInt16BE(block.length, 14)
  return Buffer.concat([fixed, block])
}

/** The addresses 192.0.2.7:56324 and 192.168.0.11:443. */
export const TCP4_BLOCK = Buffer.from('c0000207' + 'c0a8000b' + 'dc04' + '01bb', 'hex')
/** The addresses [2001:db8::7]:56324 and [2001:db8::11]:443. */
export const TCP6_BLOCK = Buffer.from(
  `20010db8${'0'.repeat(22)}07${'20010db8'}${'0'.repeat(22)}11dc0401bb`,
  'hex',
)

/** Builds one field of those that may follow the addresses (TLV). */
export function extra(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value])
}

/** Returns a header of version 2 with a checksum as its last field. */
export function withChecksum(command: number, family: number, block: Uint8Array): Buffer {
  const header = binaryHeader(command, family, Buffer.concat([block, extra(3, Buffer.alloc(4))]))
  header.writeUInt32BE(crc32c(header), header.length - 4)
  return header
}
