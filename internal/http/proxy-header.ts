/** The client that a header of the PROXY protocol tells of. */
export interface ToldClient {
  /** An IPv4 or IPv6 address without zone. An IPv6 address need not be in its canonical form. */
  readonly address: string
  readonly port: number
}

/**
 * Why bytes are no header. `missing`: they begin unlike one. `invalid`: they begin like one and break a rule. `too-long`: the
 * header is longer than any that is sent.
 */
export type HeaderFault = 'missing' | 'invalid' | 'too-long'

/** What the first bytes of a connection say. */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'fault'; readonly fault: HeaderFault }
  | {
      readonly kind: 'header'
      /** The length of the header. What follows belongs to the client. */
      readonly bytes: number
      /** Undefined when the header tells of none. The connection's own address then stays. */
      readonly client: ToldClient | undefined
    }

/** The longest header of version 1 that the specification allows, with its line end. */
const LONGEST_LINE = 107
/** The most bytes behind the fixed part of version 2. Senders must need less: their whole header fits into one packet. */
const LONGEST_BLOCK = 4_096

const LINE_START = Buffer.from('PROXY ')
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** The signature, version and command, family, and the length of what follows. */
const FIXED_BYTES = SIGNATURE.length + 4

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' }

/**
 * Reads a header of the PROXY protocol, version 1 or 2, from the first bytes of a connection (haproxy's
 * doc/proxy-protocol.txt). Of what version 2 may add, the checksum is verified, and everything else is skipped.
 *
 * @param bytes everything received so far. Call again with more when it is incomplete.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsLike(bytes, LINE_START)) return bytes.length < LINE_START.length ? INCOMPLETE : readLine(bytes)
  if (!beginsLike(bytes, SIGNATURE)) return fault('missing')
  if (bytes.length < FIXED_BYTES) return INCOMPLETE
  const length = bytes.readUInt16BE(FIXED_BYTES - 2)
  if (length > LONGEST_BLOCK) return fault('too-long')
  return bytes.length < FIXED_BYTES + length
    ? INCOMPLETE
    : readBinary(bytes.subarray(0, FIXED_BYTES + length))
}

/** Returns whether the bytes are the beginning of `start`, or begin with it. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

function fault(what: HeaderFault): ProxyHeader {
  return { kind: 'fault', fault: what }
}

const LINE_FEED = 0x0a
const LINE = /^PROXY (?:UNKNOWN(?: .*)?|TCP([46]) (\S+) (\S+) (\S+) (\S+))\r\n$/
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const PORT = /^(?:0|[1-9]\d{0,4})$/

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LONGEST_LINE).indexOf(LINE_FEED) + 1
  if (end === 0) return bytes.length < LONGEST_LINE ? INCOMPLETE : fault('too-long')
  const line = LINE.exec(bytes.toString('latin1', 0, end))
  if (line === null) return fault('invalid')
  const [, version, source = '', destination = '', port = '', destinationPort = ''] = line
  if (version === undefined) return { kind: 'header', bytes: end, client: undefined }
  const isAddress = version === '4' ? isIPv4 : isIPv6
  if (!isAddress(source) || !isAddress(destination)) return fault('invalid')
  if (!isPort(port) || !isPort(destinationPort)) return fault('invalid')
  return { kind: 'header', bytes: end, client: { address: source, port: Number(port) } }
}

function isIPv4(text: string): boolean {
  return IPV4.test(text)
}

/** A zone, as in `fe80::1%eth0`, has a meaning on one machine only. */
function isIPv6(text: string): boolean {
  return /^[\da-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`)
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 65_535
}

/** The first nibble is the version. LOCAL is a connection of the proxy's own, such as a health check. */
const LOCAL = 0x20
const PROXY = 0x21
const UNSPECIFIED = 0x00
const TCP4 = 0x11
const TCP6 = 0x21
/** The bytes of the two addresses with their ports, by family and transport: TCP and UDP over IPv4 and IPv6, and Unix. */
const ADDRESS_BYTES = new Map([
  [TCP4, 12],
  [0x12, 12],
  [TCP6, 36],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
])

/** @param header a whole header of version 2 */
function readBinary(header: Buffer): ProxyHeader {
  const command = header[SIGNATURE.length]
  const family = header[SIGNATURE.length + 1]!
  const own: ProxyHeader = { kind: 'header', bytes: header.length, client: undefined }
  // Nothing that follows means anything then, and it need not even be well-formed.
  if (command === LOCAL || (command === PROXY && family === UNSPECIFIED)) return own
  const addressBytes = ADDRESS_BYTES.get(family)
  if (command !== PROXY || addressBytes === undefined) return fault('invalid')
  const block = header.subarray(FIXED_BYTES)
  if (block.length < addressBytes || !hasValidExtras(header, FIXED_BYTES + addressBytes))
    return fault('invalid')
  if (family === TCP4) {
    const address = block.subarray(0, 4).join('.')
    return { ...own, client: { address, port: block.readUInt16BE(8) } }
  }
  if (family === TCP6) {
    const groups = Array.from({ length: 8 }, (_, i) => block.readUInt16BE(2 * i).toString(16))
    return { ...own, client: { address: groups.join(':'), port: block.readUInt16BE(32) } }
  }
  return own
}

/** PP2_TYPE_CRC32C */
const CHECKSUM = 0x03
/** The type of an extra field, and the length of its value. */
const EXTRA_BYTES = 3

/** Returns whether the fields from `start` to the end of a header are well-formed, and its checksum, if there is one, is right. */
function hasValidExtras(header: Buffer, start: number): boolean {
  for (let at = start; at < header.length; ) {
    const value = at + EXTRA_BYTES
    if (value > header.length) return false
    const length = header.readUInt16BE(at + 1)
    if (value + length > header.length) return false
    if (header[at] === CHECKSUM) {
      if (length !== 4) return false
      const zeroed = Buffer.from(header).fill(0, value, value + length)
      if (header.readUInt32BE(value) !== crc32c(zeroed)) return false
    }
    at = value + length
  }
  return true
}

/** The polynomial of Castagnoli, with its bits in reverse. That of zlib.crc32 is another one. */
const CASTAGNOLI = 0x82f63b78
let table: Uint32Array | undefined

/** Computes the checksum of RFC 4960, appendix B. */
export function crc32c(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let entry = byte
    for (let bit = 0; bit < 8; bit++) entry = entry & 1 ? (entry >>> 1) ^ CASTAGNOLI : entry >>> 1
    return entry
  })
  let sum = 0xffffffff
  for (const byte of bytes) sum = table[(sum ^ byte) & 0xff]! ^ (sum >>> 8)
  return (sum ^ 0xffffffff) >>> 0
}
