import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameWriter } from '../../../internal/http2/frame-writer.ts'
import { HpackEncoder } from '../../../internal/http2/hpack-encoder.ts'
import { Choice } from '../../fuzz/choice.ts'
import { blockOf, createDecoder, decodeBlock } from './header-blocks.ts'

const mayIndexAll = () => true

function createEncoder(mayIndex: (name: string) => boolean = mayIndexAll, tableBytes = 4096): HpackEncoder {
  const encoder = new HpackEncoder({ mayIndex })
  encoder.setMaxTableBytes(tableBytes)
  return encoder
}

const hexOf = (encoder: HpackEncoder, ...lines: string[]) => blockOf(encoder, lines).toString('hex')
const hexText = (text: string) => Buffer.from([text.length, ...Buffer.from(text, 'latin1')]).toString('hex')

test('fields of the static table are one octet', () => {
  assert.equal(hexOf(createEncoder(), ':method', 'POST', ':scheme', 'https', ':path', '/'), '838784')
  assert.equal(hexOf(createEncoder(), ':status', '200', 'Accept-Encoding', 'gzip, deflate'), '8890')
})

test('a field is added to the table when it comes for the second time, and is then an index', () => {
  const encoder = createEncoder()
  assert.equal(hexOf(encoder, 'x-a', '1'), `00${hexText('x-a')}${hexText('1')}`)
  assert.equal(hexOf(encoder, 'x-a', '1'), `40${hexText('x-a')}${hexText('1')}`)
  assert.equal(hexOf(encoder, 'x-a', '1'), 'be')
  assert.equal(hexOf(encoder, 'X-A', '1'), 'be')
  assert.equal(hexOf(encoder, 'x-a', '2'), `00${hexText('x-a')}${hexText('2')}`)
  for (let i = 0; i < 2; i++) hexOf(encoder, ':path', '/b')
  assert.equal(hexOf(encoder, 'x-a', '1', ':path', '/b'), 'bfbe')
})

test('a name that may not enter the table does not, and is taken from the static table', () => {
  const encoder = createEncoder(name => name !== 'x-b' && name !== 'etag')
  for (let i = 0; i < 3; i++) assert.equal(hexOf(encoder, 'X-B', '1'), `00${hexText('x-b')}${hexText('1')}`)
  for (let i = 0; i < 3; i++) assert.equal(hexOf(encoder, 'ETag', 'v'), `0f13${hexText('v')}`)
})

test('credentials and long values are marked as never to be indexed', () => {
  const encoder = createEncoder()
  for (let i = 0; i < 3; i++) {
    assert.equal(hexOf(encoder, 'Authorization', 'a'), `1f08${hexText('a')}`)
    assert.equal(hexOf(encoder, 'cookie', 'a=b'), `1f11${hexText('a=b')}`)
    assert.equal(hexOf(encoder, 'set-cookie', 'a=b'), `1f28${hexText('a=b')}`)
    assert.equal(hexOf(encoder, 'proxy-authorization', 'a'), `1f22${hexText('a')}`)
    assert.match(hexOf(encoder, 'x-long', 'y'.repeat(201)), /^1006782d6c6f6e677f4a(?:79){201}$/)
  }
  hexOf(encoder, 'x-long', 'y'.repeat(200))
  assert.match(hexOf(encoder, 'x-long', 'y'.repeat(200)), /^40/)
  assert.equal(hexOf(encoder, 'x-long', 'y'.repeat(200)), 'be')
})

test('nothing enters the table before the other side has said how large it is', () => {
  const encoder = new HpackEncoder({ mayIndex: mayIndexAll })
  for (let i = 0; i < 3; i++) assert.match(hexOf(encoder, 'x-a', '1'), /^00/)
  encoder.setMaxTableBytes(4096)
  assert.match(hexOf(encoder, 'x-a', '1'), /^40/)
  assert.equal(hexOf(encoder, 'x-a', '1'), 'be')
})

test('a table of size 0 is obeyed from the first block on, and told', () => {
  const encoder = createEncoder(mayIndexAll, 0)
  assert.equal(hexOf(encoder, ':method', 'GET'), '2082')
  for (let i = 0; i < 3; i++) assert.match(hexOf(encoder, 'x-a', '1'), /^00/)
})

test('the size of the table is told when it changes, and the smallest one in between', () => {
  const encoder = createEncoder()
  const sizes = (hex: string) => assert.equal(hexOf(encoder, ':method', 'GET'), `${hex}82`)
  sizes('')
  encoder.setMaxTableBytes(100)
  sizes('3f45')
  sizes('')
  encoder.setMaxTableBytes(0)
  encoder.setMaxTableBytes(200)
  encoder.setMaxTableBytes(150)
  sizes('203f77')
  encoder.setMaxTableBytes(150)
  sizes('')
  // More than the default is of no use.
  encoder.setMaxTableBytes(2 ** 32 - 1)
  sizes('3fe11f')
  encoder.setMaxTableBytes(0)
  encoder.setMaxTableBytes(4096)
  sizes('203fe11f')
})

test('blanks around a value are not written', () => {
  assert.equal(hexOf(createEncoder(), 'a', ' \tb c\t '), `00${hexText('a')}${hexText('b c')}`)
  assert.equal(hexOf(createEncoder(), 'a', ' '), `00${hexText('a')}00`)
})

test('what is not allowed in HTTP is not written, and nothing of its block', () => {
  const encoder = createEncoder()
  const decoder = createDecoder()
  const encode = (...lines: string[]) => decodeBlock(decoder, blockOf(encoder, lines))
  for (let i = 0; i < 3; i++) encode('x-a', '1')
  for (const [name, value] of [
    ['a b', '1'],
    ['', '1'],
    [':', '1'],
    ['a:', '1'],
    ['a\r\nb', '1'],
    ['n\xe4me', '1'],
    ['name', 'a\r\nb: 1'],
    ['name', 'a\0'],
    ['name', 'a\x7f'],
    // Its lower byte is a line feed.
    ['name', 'a\u010a'],
    ['name', '\u{1f600}'],
  ] as const) {
    const writer = new FrameWriter()
    writer.windowUpdate(1, 1)
    for (let i = 0; i < 3; i++) {
      assert.throws(
        () => encoder.encode(['x-b', name, 'x-b', name.length.toString(), name, value], writer, 1, false),
        TypeError,
      )
    }
    assert.equal(writer.length, 13)
    // The table is the same on both sides again.
    for (let i = 0; i < 4; i++) {
      assert.deepEqual(encode('x-a', '1', 'x-b', '3', ':path', '/'), ['x-a', '1', 'x-b', '3', ':path', '/'])
    }
  }
})

test('a size that was told in a dropped block is told again', () => {
  for (const bytes of [0, 100]) {
    const encoder = createEncoder()
    const decoder = createDecoder()
    for (let i = 0; i < 3; i++) decodeBlock(decoder, blockOf(encoder, ['x-a', '1']))
    encoder.setMaxTableBytes(bytes)
    assert.throws(() => blockOf(encoder, ['a', '\n']), TypeError)
    assert.equal(hexOf(encoder, ':method', 'GET'), bytes === 0 ? '2082' : '203f4582')
    assert.equal(hexOf(encoder, ':method', 'GET'), '82')
  }
})

test('what was encoded decodes to the same, over many blocks, tables and evictions', () => {
  const choice = new Choice(7541)
  const names = [
    ':path',
    'x-a',
    'x-b',
    'User-Agent',
    'content-type',
    'te',
    'authorization',
    'grpc-timeout',
    'etag',
  ]
  const values = Array.from(
    { length: 80 },
    (_, i) => choice.of(['', 'a b', '\xe9\xff', 'x'.repeat(i * 3)]) + i,
  )
  for (let connection = 0; connection < 40; connection++) {
    const encoder = new HpackEncoder({ mayIndex: name => name !== 'x-b' })
    const decoder = createDecoder()
    for (let block = 0; block < 100; block++) {
      while (choice.chance(0.05)) encoder.setMaxTableBytes(choice.of([0, 40, 100, 300, 1000, 4096, 65_536]))
      const lines = choice.some(0, 12, () => [choice.of(names), choice.of(values)]).flat()
      const bytes = blockOf(encoder, lines)
      // The strings are others than before, as they are when they come from a socket.
      const expected = lines.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
      assert.deepEqual(decodeBlock(decoder, bytes), expected)
    }
  }
})

test('a block of 100 KB is written and read', () => {
  const encoder = createEncoder()
  const lines = Array.from({ length: 100 }, (_, i) => [`x-${i}`, String(i % 10).repeat(1000)]).flat()
  const decoder = createDecoder()
  for (let i = 0; i < 3; i++) assert.deepEqual(decodeBlock(decoder, blockOf(encoder, lines)), lines)
})
