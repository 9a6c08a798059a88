import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR, Http2Error } from '../../../internal/http2/frames.ts'
import { HpackDecoder } from '../../../internal/http2/hpack-decoder.ts'
import { huffman } from '../../fuzz/http2/make-header-block.ts'
import { EXAMPLES } from './rfc7541-examples.ts'

const createDecoder = (options: { maxTableBytes?: number; maxListBytes?: number; maxFields?: number } = {}) =>
  new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 65_536, maxFields: 256, ...options })

function decode(decoder: HpackDecoder, hex: string): string[] | undefined {
  // The block stands within other bytes, as in a frame.
  const bytes = Buffer.from(`ff${hex.replaceAll(' ', '')}ff`, 'hex')
  return decoder.decode(bytes, 1, bytes.length - 1)
}

/** Returns the dynamic table, the newest entry first. */
function tableOf(decoder: HpackDecoder): string[] {
  const lines: string[] = []
  try {
    for (let index = 62; ; index++) lines.push(...decode(decoder, (0x80 | index).toString(16))!)
  } catch {
    return lines
  }
}

function refuses(decoder: HpackDecoder, hex: string, message: RegExp): void {
  assert.throws(
    () => decode(decoder, hex),
    (error: unknown) =>
      error instanceof Http2Error &&
      error.code === ERROR.compressionError &&
      error.streamId === 0 &&
      message.test(error.message),
    hex,
  )
}

for (const [name, { tableBytes, blocks, lists, tables }] of Object.entries(EXAMPLES)) {
  test(`RFC 7541 ${name}`, () => {
    const decoder = createDecoder({ maxTableBytes: tableBytes })
    for (const [i, block] of blocks.entries()) {
      assert.deepEqual(decode(decoder, block), lists[i])
      assert.deepEqual(tableOf(decoder), tables[i])
    }
  })
}

test('an empty block is an empty list', () => assert.deepEqual(decode(createDecoder(), ''), []))

const add = (name: string, value: string) => `40${text(name)}${text(value)}`
const text = (value: string) => Buffer.from([value.length, ...Buffer.from(value, 'latin1')]).toString('hex')

test('every beginning of a block decodes to the fields that are whole in it, or is refused', () => {
  const block = EXAMPLES['C.6 answers with Huffman']!.blocks[0]!
  const list = EXAMPLES['C.6 answers with Huffman']!.lists[0]!
  for (let length = 0; length < block.length; length += 2) {
    const decoder = createDecoder()
    let lines: string[] | undefined
    try {
      lines = decode(decoder, block.slice(0, length))
    } catch (error) {
      assert.ok(error instanceof Http2Error && error.code === ERROR.compressionError)
      continue
    }
    assert.deepEqual(lines, list.slice(0, lines!.length))
  }
})

const malformed: readonly [what: string, hex: string, message: RegExp][] = [
  ['index 0', '80', /stands for nothing/],
  ['an index beyond an empty table', 'be', /stands for nothing/],
  ['the index of a name beyond an empty table', '7e0161', /stands for nothing/],
  ['a far index', 'ffffffff0f', /stands for nothing/],
  ['a number without an end', 'ffffffffffffffffffff', /integer that is too long/],
  ['a number with zeros without an end', 'ff80808080808000', /integer that is too long/],
  ['a number cut short', 'ff', /integer that is too long/],
  ['a name cut short', '400a6375', /ends within a field/],
  ['a value that is not there', '41', /ends within a field/],
  ['a value cut short', '410561', /ends within a field/],
  ['a value of 4 GiB', '417fffffffff0f', /ends within a field/],
  ['a Huffman text with EOS', '4184ffffffff', /not Huffman/],
  ['a Huffman text with EOS within', '4185ffffffff3f', /not Huffman/],
  ['a Huffman text with a whole byte of padding', '418207ff', /not Huffman/],
  ['a Huffman text padded with zeros', '418100', /not Huffman/],
  ['a Huffman text cut within a character', '4182ffea', /not Huffman/],
  ['a size behind a field', '8220', /behind a field/],
  ['three sizes', '202020', /too often/],
  ['a size above what was announced', '3fe21f', /larger than SETTINGS/],
]
for (const [what, hex, message] of malformed) {
  test(`refused: ${what}`, () => refuses(createDecoder(), hex, message))
}

test('a number may have zeros that it does not need, up to five octets', () => {
  const decoder = createDecoder()
  assert.deepEqual(decode(decoder, '0f8280808000 0161'), ['accept-language', 'a'])
  refuses(decoder, '0f828080808000 0161', /integer that is too long/)
})

test('the table is emptied by size 0, and takes entries again after the second size of a block', () => {
  const decoder = createDecoder()
  decode(decoder, add('a', '1'))
  assert.deepEqual(tableOf(decoder), ['a', '1'])
  assert.deepEqual(decode(decoder, `203fe11f${add('b', '2')}`), ['b', '2'])
  assert.deepEqual(tableOf(decoder), ['b', '2'])
  decode(decoder, `20${add('c', '3')}`)
  assert.deepEqual(tableOf(decoder), [])
})

test('entries that fill the table exactly stay', () => {
  const decoder = createDecoder({ maxTableBytes: 68 })
  decode(decoder, add('a', '1') + add('b', '2'))
  assert.deepEqual(tableOf(decoder), ['b', '2', 'a', '1'])
})

test('an entry that is larger than the table empties it', () => {
  const decoder = createDecoder({ maxTableBytes: 64 })
  decode(decoder, add('a', '1'))
  assert.deepEqual(decode(decoder, add('a', 'x'.repeat(40))), ['a', 'x'.repeat(40)])
  assert.deepEqual(tableOf(decoder), [])
})

test('a name is taken from an entry that the new one evicts', () => {
  const decoder = createDecoder({ maxTableBytes: 64 })
  decode(decoder, add('name', 'x'.repeat(20)))
  assert.deepEqual(decode(decoder, `7e${text('y'.repeat(20))}`), ['name', 'y'.repeat(20)])
  assert.deepEqual(tableOf(decoder), ['name', 'y'.repeat(20)])
})

test('the table stays right over thousands of entries and evictions', () => {
  const decoder = createDecoder({ maxTableBytes: 340 })
  for (let i = 1000; i < 4000; i++) {
    decode(decoder, add('a', `${i}`))
    const expected = []
    // 9 entries of 1 + 4 + 32 bytes.
    for (let age = 0; age < 9 && i - age >= 1000; age++) expected.push('a', `${i - age}`)
    if (i % 97 === 0 || i < 1012) assert.deepEqual(tableOf(decoder), expected)
  }
})

test('a list beyond a limit is undefined, and the table knows what it said', () => {
  for (const limit of [{ maxFields: 2 }, { maxListBytes: 3 * 34 - 1 }]) {
    const decoder = createDecoder(limit)
    assert.equal(decode(decoder, add('a', '1') + add('b', '2') + add('c', '3')), undefined)
    assert.deepEqual(decode(decoder, 'c0bf'), ['a', '1', 'b', '2'])
    assert.deepEqual(decode(decoder, 'be'), ['c', '3'])
    refuses(decoder, `${add('a', '1').repeat(3)}80`, /stands for nothing/)
  }
  const exact = createDecoder({ maxFields: 3, maxListBytes: 3 * 34 })
  assert.equal(decode(exact, add('a', '1') + add('b', '2') + add('c', '3'))!.length, 6)
})

test('a bomb of indexed fields is read without being kept', () => {
  const decoder = createDecoder({ maxListBytes: 16_384 })
  const value = 'x'.repeat(120)
  decode(decoder, add('bomb', value))
  assert.equal(decode(decoder, 'be'.repeat(30_000)), undefined)
  assert.deepEqual(decode(decoder, 'be'), ['bomb', value])
})

const NAME = 'a field name is not a token in lower case'
const CONTROL = 'a field value has a control character'
const BLANK = 'a field value begins or ends with a blank'

test('a field that is malformed in itself becomes the rule that it breaks, also from the table', () => {
  for (const [name, value, rule] of [
    ['Upper', '1', NAME],
    ['', '1', NAME],
    [':', '1', NAME],
    ['a b', '1', NAME],
    ['a:b', '1', NAME],
    ['::path', '1', NAME],
    ['na\xefve', '1', NAME],
    ['a\r\nb', '1', NAME],
    ['a', '1\r\nb: 2', CONTROL],
    ['a', '1\n', CONTROL],
    ['a', '\0', CONTROL],
    ['a', '\x7f', CONTROL],
    ['a', 'b\x1fc', CONTROL],
    ['a', ' b', BLANK],
    ['a', 'b ', BLANK],
    ['a', '\tb', BLANK],
    ['a', ' ', BLANK],
  ] as const) {
    const decoder = createDecoder()
    assert.deepEqual(decode(decoder, add(name, value)), ['', rule], JSON.stringify([name, value]))
    assert.deepEqual(decode(decoder, 'be'), ['', rule])
    // The name of the entry with another value.
    assert.deepEqual(decode(decoder, `0f2f${text('ok')}`), rule === NAME ? ['', NAME] : [name, 'ok'])
  }
  for (const value of ['', 'a\tb', 'a b', '\x80\xff', '!~']) {
    assert.deepEqual(decode(createDecoder(), add('x', value)), ['x', value])
  }
})

test('a long value that comes again is read alike, and another one of its length is not taken for it', () => {
  const token = 'Bearer '.padEnd(300, 'abc')
  const other = `${token.slice(0, -1)}!`
  const literal = (value: string, isHuffman: boolean) => {
    const bytes = isHuffman ? Buffer.from(huffman(value)) : Buffer.from(value, 'latin1')
    const left = bytes.length - 0x7f
    const length = [
      (isHuffman ? 0x80 : 0) | 0x7f,
      ...(left < 0x80 ? [left] : [(left & 0x7f) | 0x80, left >> 7]),
    ]
    return `1f08${Buffer.concat([Buffer.from(length), bytes]).toString('hex')}`
  }
  const decoder = createDecoder()
  for (const isHuffman of [true, false]) {
    for (const value of [token, token, other, token, `${token}\n`, `${token}\n`, ` ${token}`, token]) {
      const rule = value.endsWith('\n') ? CONTROL : BLANK
      const expected = value === token || value === other ? ['authorization', value] : ['', rule]
      assert.deepEqual(decode(decoder, literal(value, isHuffman)), expected)
    }
  }
  // The same bytes, as Huffman and as they are.
  const bytes = 'f8'.repeat(200)
  assert.deepEqual(decode(decoder, `1f087f49${bytes}`), ['authorization', '\xf8'.repeat(200)])
  assert.notDeepEqual(decode(decoder, `1f08ff49${bytes}`), ['authorization', '\xf8'.repeat(200)])
})
