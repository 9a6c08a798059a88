import { DynamicTable, STATIC_TABLE, TableEntry } from '../../../internal/http2/hpack-table.ts'
import { HUFFMAN_CODES } from '../../../internal/http2/huffman.ts'
import type { Choice } from '../choice.ts'

type Field = readonly [name: string, value: string]

/** Heads that are valid, before hostile fields are added. */
const REQUESTS: readonly (readonly Field[])[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'example.com:80'],
    ['accept', '*/*'],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ],
  [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/task.v1.Tasks/Get'],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['user-agent', 'grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)'],
    ['grpc-timeout', '1S'],
  ],
  [
    [':authority', '[::1]:50051'],
    [':path', '/upload?a=b'],
    [':method', 'PUT'],
    [':scheme', 'https'],
    ['content-length', '12'],
    ['authorization', `Bearer ${'eyJhbGciOiJFUzI1NiJ9.'.repeat(8)}`],
  ],
  [
    [':method', 'OPTIONS'],
    [':scheme', 'http'],
    [':path', '*'],
    ['host', 'h'],
  ],
  [
    [':method', 'CONNECT'],
    [':authority', 'example.com:443'],
  ],
]

/** Fields that make a head malformed, or that readers treat differently. */
const HOSTILE: readonly Field[] = [
  [':method', 'get'],
  [':method', 'GET / HTTP/1.1\r\nHost: a'],
  [':method', ''],
  [':scheme', 'HTTP'],
  [':scheme', 'ftp'],
  [':path', ''],
  [':path', '*'],
  [':path', 'a'],
  [':path', '/a b'],
  [':path', '/a#b'],
  [':path', '/\xe4'],
  [':path', 'http://example.com/'],
  [':authority', ''],
  [':authority', 'me@example.com'],
  [':authority', 'a b'],
  [':authority', 'example.com/'],
  [':status', '200'],
  [':protocol', 'websocket'],
  [':', ''],
  [':x', 'y'],
  ['host', 'example.com:80'],
  ['host', 'other'],
  ['host', ''],
  ['connection', 'close'],
  ['keep-alive', 'timeout=5'],
  ['proxy-connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'h2c'],
  ['te', 'gzip'],
  ['te', 'Trailers'],
  ['content-length', '12'],
  ['content-length', '013'],
  ['content-length', '-1'],
  ['content-length', ''],
  ['content-length', '1, 1'],
  ['content-length', '9223372036854775807'],
  ['content-length', '9223372036854775808'],
  ['Upper', 'a'],
  ['', 'empty'],
  ['a b', 'c'],
  ['a\r\nb', 'c'],
  ['na\xefve', 'c'],
  ['x', 'a\r\nb: c'],
  ['x', '\0'],
  ['x', '\x7f'],
  ['x', ' a'],
  ['x', 'a\t'],
  ['x', '\x80\xff'],
  ['x', ''],
  ['x_y', 'under'],
  ['cookie', ''],
]

/** Fields that take 34 bytes of a table, so that they fill some of SIZES exactly. */
const SMALL: readonly Field[] = ['a', 'b', 'c', 'd'].map(name => [name, '1'])
const SIZES = [0, 31, 34, 68, 68, 102, 102, 300, 4096]

/** Makes the header blocks of one connection. Most are what a client could send. */
export class HeaderBlocks {
  readonly #choice: Choice
  readonly #heads: readonly (readonly Field[])[]
  /** Whether the connection is mostly about what is in the table and what was evicted. */
  readonly #isAboutTable: boolean
  /** As the other side has it, unless a block was mutated. */
  readonly #table = new DynamicTable(4096)

  constructor(choice: Choice, heads = REQUESTS) {
    this.#choice = choice
    this.#heads = heads
    this.#isAboutTable = choice.chance(0.3)
  }

  /** Returns the next block. */
  make(): Buffer {
    const choice = this.#choice
    const block = [...this.#sizeUpdates(), ...this.#fields().flatMap(field => this.#encode(field))]
    if (choice.chance(0.7)) return Buffer.from(block)
    for (let left = 1 + choice.below(3); left > 0; left--) mutateBytes(choice, block)
    return Buffer.from(block)
  }

  #fields(): Field[] {
    const choice = this.#choice
    if (this.#isAboutTable)
      return [...this.#heads[0]!.slice(0, 4), ...choice.some(0, 9, () => choice.of(SMALL))]
    const fields = [...choice.of(this.#heads)]
    while (choice.chance(0.3)) {
      const hostile: Field = choice.chance(0.8)
        ? choice.of(HOSTILE)
        : [`x-${choice.bytes(choice.below(4))}`, choice.bytes(choice.below(choice.of([3, 30, 300])))]
      const at = choice.below(fields.length + 1)
      fields.splice(at, choice.below(2), hostile)
    }
    if (choice.chance(0.05)) fields.splice(choice.below(fields.length + 1), 1)
    if (choice.chance(0.05)) fields.push(choice.of(fields) ?? ['x', 'y'])
    if (choice.chance(0.03)) fields.sort(() => (choice.chance(0.5) ? 1 : -1))
    return fields
  }

  #sizeUpdates(): number[] {
    const choice = this.#choice
    if (choice.chance(this.#isAboutTable ? 0.5 : 0.9)) return []
    return choice
      .some(1, choice.of([1, 2, 2, 4]), () => {
        const size = choice.chance(0.1) ? choice.of([4097, 65_536]) : choice.of(SIZES)
        this.#table.resize(Math.min(size, 4096))
        return integer(0x20, 5, size)
      })
      .flat()
  }

  #encode([name, value]: Field): number[] {
    const choice = this.#choice
    // An entry that may just have been evicted, by our own count.
    if (choice.chance(this.#isAboutTable ? 0.1 : 0.02))
      return integer(0x80, 7, STATIC_TABLE.length + 1 + choice.below(this.#table.length + 2))
    const index = this.#indexOf(entry => entry.name === name && entry.value === value)
    if (index !== 0 && choice.chance(0.8)) return integer(0x80, 7, index)
    const kind = this.#isAboutTable ? 0 : choice.below(3)
    const nameIndex = choice.chance(0.8) ? this.#indexOf(entry => entry.name === name) : 0
    if (kind === 0) this.#table.insert(new TableEntry(name, value, true, ''))
    const beginning = [
      () => integer(0x40, 6, nameIndex),
      () => integer(0, 4, nameIndex),
      () => integer(0x10, 4, nameIndex),
    ]
    return [...beginning[kind]!(), ...(nameIndex === 0 ? this.#text(name) : []), ...this.#text(value)]
  }

  #indexOf(isWanted: (entry: TableEntry) => boolean): number {
    for (let age = 0; age < this.#table.length; age++)
      if (isWanted(this.#table.at(age)!)) return STATIC_TABLE.length + 1 + age
    return STATIC_TABLE.findIndex(isWanted) + 1
  }

  #text(text: string): number[] {
    const choice = this.#choice
    const isHuffman = choice.chance(0.6)
    const bytes = isHuffman ? huffman(text) : [...Buffer.from(text, 'latin1')]
    const length = integer(isHuffman ? 0x80 : 0, 7, bytes.length)
    // Zeros that the length does not need.
    if (length.length > 1 && choice.chance(0.1)) {
      length[length.length - 1]! |= 0x80
      length.push(...choice.of([[0], [0x80, 0], [0x80, 0x80, 0x80, 0], [0x80, 0x80, 0x80, 0x80, 0]]))
    }
    return [...length, ...bytes]
  }
}

const BYTES = [0, 1, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbe, 0xbf, 0xc0, 0xff]

function mutateBytes(choice: Choice, bytes: number[]): void {
  const at = choice.below(bytes.length + 1)
  const byte = choice.chance(0.5) ? choice.of(BYTES) : choice.below(256)
  switch (choice.below(5)) {
    case 0:
      bytes.splice(at, 1, byte)
      return
    case 1:
      bytes.splice(at, 0, ...choice.some(1, 6, () => byte))
      return
    case 2:
      bytes.splice(at, 1 + choice.below(3))
      return
    case 3:
      if (at < bytes.length) bytes[at]! ^= 1 << choice.below(8)
      return
    case 4:
      bytes.length = at
  }
}

function integer(first: number, prefixBits: number, value: number): number[] {
  const most = (1 << prefixBits) - 1
  if (value < most) return [first | value]
  const octets = [first | most]
  let left = value - most
  for (; left >= 0x80; left >>>= 7) octets.push((left & 0x7f) | 0x80)
  return [...octets, left]
}

const CODES = new Map<string, string>()
let nextCode = 0
let lastBits = 0
for (const [bits, characters] of HUFFMAN_CODES) {
  nextCode <<= bits - lastBits
  lastBits = bits
  for (const character of characters) CODES.set(character, (nextCode++).toString(2).padStart(bits, '0'))
}

/** Encodes a latin1 text as RFC 7541 section 5.2 says. */
export function huffman(text: string): number[] {
  const bits = [...text].map(character => CODES.get(character)!).join('')
  return bits.match(/.{1,8}/g)?.map(eight => Number.parseInt(eight.padEnd(8, '1'), 2)) ?? []
}
