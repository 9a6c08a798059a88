import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { crc32c, type HeaderFault, readProxyHeader } from '../../../internal/http/proxy-header.ts'
import {
  binaryHeader,
  extra,
  LINE,
  SIGNATURE,
  TCP4_BLOCK,
  TCP6_BLOCK,
  withChecksum,
} from '../../support/proxy-headers.ts'

const LOCAL = 0x20
const PROXY = 0x21
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
const IPV4 = { address: '192.0.2.7', port: 56_324 }
const IPV6 = { address: '2001:db8:0:0:0:0:0:7', port: 56_324 }

/** Every form of a header, and the client that it tells of. */
const HEADERS: Readonly<Record<string, readonly [string | Buffer, typeof IPV4 | undefined]>> = {
  'the example of the specification': [LINE, IPV4],
  'the highest ports and addresses': [
    'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
    { address: '255.255.255.255', port: 65_535 },
  ],
  'port 0': ['PROXY TCP4 10.0.0.1 10.0.0.2 0 0\r\n', { address: '10.0.0.1', port: 0 }],
  TCP6: ['PROXY TCP6 2001:db8::7 ::1 56324 443\r\n', { address: '2001:db8::7', port: 56_324 }],
  'TCP6 at its longest': [
    `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'FFFF:'.repeat(7)}FFFF 65535 65535\r\n`,
    { address: `${'ffff:'.repeat(7)}ffff`, port: 65_535 },
  ],
  'UNKNOWN, short': ['PROXY UNKNOWN\r\n', undefined],
  'UNKNOWN, the longest line': [
    `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    undefined,
  ],
  'UNKNOWN with anything': ['PROXY UNKNOWN \xff \0 nonsense\r\n', undefined],
  'version 2, TCP over IPv4': [binaryHeader(PROXY, 0x11, TCP4_BLOCK), IPV4],
  'version 2, TCP over IPv6': [binaryHeader(PROXY, 0x21, TCP6_BLOCK), IPV6],
  'version 2, UDP over IPv4': [binaryHeader(PROXY, 0x12, TCP4_BLOCK), undefined],
  'version 2, UDP over IPv6': [binaryHeader(PROXY, 0x22, TCP6_BLOCK), undefined],
  'version 2, Unix stream': [binaryHeader(PROXY, 0x31, Buffer.alloc(216, 'x')), undefined],
  'version 2, Unix datagram': [binaryHeader(PROXY, 0x32, Buffer.alloc(216, 'x')), undefined],
  'version 2, unspecified': [binaryHeader(PROXY, 0x00), undefined],
  'version 2, unspecified with anything': [binaryHeader(PROXY, 0x00, Buffer.from('xyz')), undefined],
  'version 2, LOCAL': [binaryHeader(LOCAL, 0x00), undefined],
  'version 2, LOCAL with addresses': [binaryHeader(LOCAL, 0x11, TCP4_BLOCK), undefined],
  'version 2, LOCAL with anything': [binaryHeader(LOCAL, 0xff, Buffer.from([3, 0])), undefined],
  'version 2 with fields': [
    binaryHeader(
      PROXY,
      0x11,
      Buffer.concat([
        TCP4_BLOCK,
        extra(0x01, Buffer.from('h2')),
        extra(0x02, Buffer.from('shop.example')),
        extra(0x04, Buffer.alloc(0)),
        extra(0x20, Buffer.from([7, 0, 0, 0, 0])),
        extra(0xea, Buffer.alloc(300)),
      ]),
    ),
    IPV4,
  ],
  'version 2 with a checksum': [withChecksum(PROXY, 0x11, TCP4_BLOCK), IPV4],
  'version 2 with a checksum behind another field': [
    withChecksum(PROXY, 0x21, Buffer.concat([TCP6_BLOCK, extra(0x05, Buffer.from('id'))])),
    IPV6,
  ],
  'one that HAProxy 2.6 sent, with a checksum and what it knows of TLS': [
    Buffer.from(
      '0d0a0d0a000d0a515549540a2111001e7f0000017f000001bf42494d030004ec12fd000500002000050000000000',
      'hex',
    ),
    { address: '127.0.0.1', port: 48_962 },
  ],
  'version 2, the longest': [
    binaryHeader(PROXY, 0x11, Buffer.concat([TCP4_BLOCK, extra(4, Buffer.alloc(4_096 - 15))])),
    IPV4,
  ],
}

const bytesOf = (text: string | Buffer) => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text)

for (const [name, [text, client]] of Object.entries(HEADERS)) {
  test(`a header is read however much of it has arrived: ${name}`, () => {
    const header = bytesOf(text)
    const whole = { kind: 'header', bytes: header.length, client }
    for (let length = 0; length < header.length; length++)
      assert.deepEqual(readProxyHeader(header.subarray(0, length)), { kind: 'incomplete' }, `${length} bytes`)
    assert.deepEqual(readProxyHeader(header), whole)
    assert.deepEqual(readProxyHeader(Buffer.concat([header, REQUEST])), whole)
    // A second header belongs to the client.
    assert.deepEqual(readProxyHeader(Buffer.concat([header, header])), whole)
  })
}

/** What is refused, and after how many bytes at the earliest that is known. */
const FAULTS: Readonly<Record<string, readonly [HeaderFault, string | Buffer]>> = {
  'a request': ['missing', REQUEST],
  'a TLS handshake': ['missing', Buffer.from('16030102000100', 'hex')],
  'the preface of HTTP/2': ['missing', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'another word': ['missing', 'PROXYTCP4 192.0.2.7 192.0.2.8 1 2\r\n'],
  'lower case': ['missing', 'proxy TCP4 192.0.2.7 192.0.2.8 1 2\r\n'],
  'a blank in front': ['missing', ` ${LINE}`],
  'empty lines': ['missing', '\r\n\r\n\r\n'],
  'an almost right signature': ['missing', Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from('\r')])],
  'no CR': ['invalid', LINE.replace('\r', '')],
  'a lone CR': ['invalid', LINE.replace('\r', '\r ')],
  'a line end within': ['invalid', LINE.replace('TCP4 ', 'TCP4\r\n')],
  'two blanks': ['invalid', LINE.replace('TCP4 ', 'TCP4  ')],
  'a blank at the end': ['invalid', LINE.replace('\r', ' \r')],
  'a tab': ['invalid', LINE.replace('TCP4 ', 'TCP4\t')],
  'a transport of its own': ['invalid', LINE.replace('TCP4', 'UDP4')],
  'lower case of the family': ['invalid', LINE.replace('TCP4', 'tcp4')],
  'a word that only begins with UNKNOWN': ['invalid', 'PROXY UNKNOWNS\r\n'],
  'IPv6 as TCP4': ['invalid', 'PROXY TCP4 2001:db8::7 2001:db8::8 1 2\r\n'],
  'IPv4 as TCP6': ['invalid', LINE.replace('TCP4', 'TCP6')],
  'two families': ['invalid', 'PROXY TCP4 192.0.2.7 2001:db8::8 1 2\r\n'],
  'a name': ['invalid', 'PROXY TCP4 localhost 192.0.2.8 1 2\r\n'],
  'a zero in front of a number': ['invalid', 'PROXY TCP4 192.0.02.7 192.0.2.8 1 2\r\n'],
  'a short form of an address': ['invalid', 'PROXY TCP4 192.7 192.0.2.8 1 2\r\n'],
  'a number above 255': ['invalid', 'PROXY TCP4 192.0.2.256 192.0.2.8 1 2\r\n'],
  'a zone': ['invalid', 'PROXY TCP6 fe80::1%lo ::1 1 2\r\n'],
  brackets: ['invalid', 'PROXY TCP6 [::1] ::1 1 2\r\n'],
  'two double colons': ['invalid', 'PROXY TCP6 1::2::3 ::1 1 2\r\n'],
  'a port above 65535': ['invalid', LINE.replace('443', '65536')],
  'a zero in front of a port': ['invalid', LINE.replace('443', '0443')],
  'a sign': ['invalid', LINE.replace('443', '+443')],
  'a hexadecimal port': ['invalid', LINE.replace('443', '0x1')],
  'an empty port': ['invalid', LINE.replace('443', '')],
  'no ports': ['invalid', 'PROXY TCP4 192.0.2.7 192.0.2.8\r\n'],
  'one word more': ['invalid', LINE.replace('\r', ' 1\r')],
  'nothing behind TCP4': ['invalid', 'PROXY TCP4\r\n'],
  'an empty line of version 1': ['invalid', 'PROXY \r\n'],
  'a line without an end': ['too-long', `PROXY UNKNOWN ${'x'.repeat(93)}`],
  'a line of 108 bytes': ['too-long', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  'version 1 in binary': ['invalid', binaryHeader(0x11, 0x11, TCP4_BLOCK)],
  'version 3': ['invalid', binaryHeader(0x31, 0x11, TCP4_BLOCK)],
  'an unknown command': ['invalid', binaryHeader(0x22, 0x11, TCP4_BLOCK)],
  'an unknown family': ['invalid', binaryHeader(PROXY, 0x41, TCP4_BLOCK)],
  'an unknown transport': ['invalid', binaryHeader(PROXY, 0x13, TCP4_BLOCK)],
  'a family without a transport': ['invalid', binaryHeader(PROXY, 0x10, TCP4_BLOCK)],
  'a block shorter than IPv4 needs': ['invalid', binaryHeader(PROXY, 0x11, TCP4_BLOCK.subarray(1))],
  'a block shorter than IPv6 needs': ['invalid', binaryHeader(PROXY, 0x21, TCP4_BLOCK)],
  'a block shorter than Unix needs': ['invalid', binaryHeader(PROXY, 0x31, Buffer.alloc(215))],
  'half a field': ['invalid', binaryHeader(PROXY, 0x11, Buffer.concat([TCP4_BLOCK, Buffer.from([4, 0])]))],
  'a field that is longer than the header': [
    'invalid',
    binaryHeader(PROXY, 0x11, Buffer.concat([TCP4_BLOCK, Buffer.from([4, 0, 2, 0])])),
  ],
  'a checksum of another length': [
    'invalid',
    binaryHeader(PROXY, 0x11, Buffer.concat([TCP4_BLOCK, extra(3, Buffer.alloc(2))])),
  ],
  'a wrong checksum': ['invalid', withChecksum(PROXY, 0x11, TCP4_BLOCK).fill(0xff, 16, 17)],
  'a wrong checksum of a Unix address': [
    'invalid',
    withChecksum(PROXY, 0x31, Buffer.alloc(216)).fill(0xff, 16, 17),
  ],
  'a block above 4 KiB': ['too-long', binaryHeader(PROXY, 0x11, Buffer.alloc(4_097))],
  'a block of 64 KiB, before it has arrived': [
    'too-long',
    binaryHeader(PROXY, 0x11, Buffer.alloc(65_535)).subarray(0, 16),
  ],
}

for (const [name, [fault, text]] of Object.entries(FAULTS)) {
  test(`what breaks the rules is refused, and at no earlier byte taken for a header: ${name}`, () => {
    const bytes = bytesOf(text)
    const verdict = { kind: 'fault', fault }
    assert.deepEqual(readProxyHeader(bytes), verdict)
    assert.deepEqual(readProxyHeader(Buffer.concat([bytes, REQUEST])), verdict)
    let known = false
    for (let length = 0; length < bytes.length; length++) {
      const early = readProxyHeader(bytes.subarray(0, length))
      known ||= early.kind !== 'incomplete'
      assert.deepEqual(early, known ? verdict : { kind: 'incomplete' }, `${length} bytes`)
    }
  })
}

test('what is no header is known by its first byte that differs', () => {
  assert.equal(readProxyHeader(Buffer.from('G')).kind, 'fault')
  assert.equal(readProxyHeader(Buffer.from('PRI')).kind, 'fault')
  assert.equal(readProxyHeader(Buffer.from('\r\n\r\nG')).kind, 'fault')
})

test('an address of a line is one for Node, too', () => {
  const texts = [
    ...[
      '1.2.3.4',
      '0.0.0.0',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.4.',
      '.1.2.3.4',
      '01.2.3.4',
      '1.2.3.300',
      '1..2.3',
    ],
    ...['::', '::1', '1::', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::'],
    ...[
      '::ffff:1.2.3.4',
      '::1.2.3.04',
      '::1.2.3',
      '1:2:3:4:5:6:1.2.3.4',
      '1:2:3:4:5:6:7:1.2.3.4',
      ':::',
      ':1',
    ],
    ...[
      '12345::',
      'g::',
      '1::2::3',
      '::1%1',
      '::1%25lo',
      '[::1]',
      '::1/64',
      '0x1.2.3.4',
      '1.2.3.4/8',
      '256',
      '',
    ],
  ]
  for (const text of texts) {
    const isRead = (word: string) =>
      readProxyHeader(Buffer.from(`PROXY ${word} ${text} ${text} 1 2\r\n`)).kind === 'header'
    assert.equal(isRead('TCP4'), isIP(text) === 4, text)
    assert.equal(isRead('TCP6'), isIP(text) === 6 && !text.includes('%'), text)
  }
})

test('the checksum is the one of RFC 4960: that of the digits is the published one', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  // RFC 3720, appendix B.4.
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
})
