import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChunkedBody } from '../../../wrappers/http1/chunked-body.ts'
import { InvalidAnswer } from '../../../wrappers/transport/answer-rules.ts'

/** Reads pieces one after the other. @returns the body and the index after its end; -1 while it goes on */
function read(...pieces: string[]): { body: string; end: number; trailers: readonly string[] | undefined } {
  const reader = new ChunkedBody()
  let body = ''
  let before = 0
  for (const piece of pieces) {
    const buffer = Buffer.from(piece, 'latin1')
    const end = reader.read(buffer, 0, buffer.length, (from, to) => {
      assert.ok(from < to, 'no piece is empty')
      body += buffer.toString('latin1', from, to)
    })
    if (end !== -1) return { body, end: before + end, trailers: reader.trailers }
    before += piece.length
  }
  return { body, end: -1, trailers: reader.trailers }
}

/** Asserts that a text is refused in one piece and byte by byte. */
function refused(text: string, message: string): void {
  for (const pieces of [[text], [...text]]) {
    assert.throws(
      () => read(...pieces),
      error => error instanceof InvalidAnswer && error.message.includes(message),
      JSON.stringify(text.slice(0, 100)),
    )
  }
}

const WHOLE = [
  '5\r\nhello\r\n',
  '00a;x=y\r\n0123456789\r\n',
  'B;a;b="c;\\"d\\\\"\r\nwith\r\n0\r\n\r\n\r\n',
  '4\r\n\r\n\r\n\r\n',
  '0;last\r\nX: 1\r\ny:\t\r\n\r\n',
].join('')
const TRAILERS = ['X', '1', 'y', '']
const BODY = 'hello0123456789with\r\n0\r\n\r\n\r\n\r\n'

test('a body is the same wherever its bytes are cut', () => {
  const wanted = { body: BODY, end: WHOLE.length, trailers: TRAILERS }
  assert.deepEqual(read(WHOLE), wanted)
  for (let cut = 0; cut <= WHOLE.length; cut++) {
    assert.deepEqual(read(WHOLE.slice(0, cut), WHOLE.slice(cut)), wanted, `cut at ${cut}`)
  }
  assert.deepEqual(read(...WHOLE), wanted)
})

test('bytes after a body are ignored', () => {
  for (const surplus of ['\r\n', '0\r\n\r\n', '\0', 'HTTP/1.1 200 OK\r\n\r\n']) {
    assert.deepEqual(read(WHOLE + surplus), { body: BODY, end: WHOLE.length, trailers: TRAILERS }, surplus)
  }
})

test('a body goes on until its last line is whole', () => {
  for (let cut = 0; cut < WHOLE.length; cut++) assert.equal(read(WHOLE.slice(0, cut)).end, -1, `${cut} bytes`)
})

test('a body may begin anywhere in a buffer', () => {
  const buffer = Buffer.from('head2\r\nab\r\n0\r\n\r\nnext')
  const pieces: string[] = []
  const end = new ChunkedBody().read(buffer, 4, buffer.length, (from, to) =>
    pieces.push(buffer.toString('latin1', from, to)),
  )
  assert.deepEqual([pieces, buffer.toString('latin1', end)], [['ab'], 'next'])
})

test('a size is hexadecimal digits, as many as a number holds exactly', () => {
  assert.equal(read(`${'0'.repeat(12)}2\r\nab\r\n0\r\n\r\n`).body, 'ab')
  assert.equal(read(`${'0'.repeat(13)}\r\n\r\n`).end, 17)
  assert.equal(read(`1a\r\n${'x'.repeat(26)}\r\n1A\r\n${'y'.repeat(26)}\r\n0\r\n\r\n`).body.length, 52)
  // The largest size, 52 bits, of which only the first bytes come.
  assert.deepEqual(read('fffffffffffff\r\nabc'), { body: 'abc', end: -1, trailers: undefined })
  for (const size of ['1'.repeat(14), '0'.repeat(14), 'f'.repeat(17)]) refused(`${size}\r\n`, 'too large')
  for (const size of ['', ';a', ' 1', '-1', '+1', 'x', 'g', '\r', '\n', '\0', '\t1'])
    refused(`${size}\r\n`, 'no size')
  for (const size of ['0x1', '1g', '1,', '1.0', '1\0', '1\n', '1\x80', '1:', '1@', '1G', '1`'])
    refused(`${size}\r\n`, 'not a number')
})

test('blanks behind a size are skipped, as some servers pad it', () => {
  for (const blanks of [' ', '\t', '    ', ' \t ', ' ;a', '\t ;a=b;c'])
    assert.equal(read(`1${blanks}\r\nx\r\n0${blanks}\r\n\r\n`).body, 'x', JSON.stringify(blanks))
  for (const size of ['1 1', '1 x', '1 ;', '1 ;a ', '1\t\x0b', '1 \n', '1 =b'])
    refused(`${size}\r\n`, 'malformed')
  refused(`1${' '.repeat(4_097)}\r\n`, 'too long')
})

test('a chunk ends where its size says, with CRLF', () => {
  for (const text of [
    '1\r\nab\r\n',
    '3\r\nab\r\n0\r\n\r\n',
    '2\r\nab\n0\r\n\r\n',
    '2\r\nab0\r\n\r\n',
    '2\r\nab\r0\r\n\r\n',
    '1\rx',
  ])
    refused(text, 'does not end where')
})

test('extensions must follow the grammar', () => {
  for (const extension of [
    ';a',
    ';a=b',
    ';a;b',
    ';a="b"',
    ';a="";c',
    ';a="\\"\\\\\t;=\x80\xff"',
    ";!#$%&'*+-.^_`|~=1",
  ])
    assert.deepEqual(read(`1${extension}\r\nx\r\n0${extension}\r\n\r\n`).body, 'x', extension)
  for (const extension of [
    ';',
    ';;',
    ';=b',
    ';a=',
    '; a',
    ';a ',
    ';a =b',
    ';a= b',
    ';a="',
    ';a="b',
    ';a="b"c',
    ';a="\\"',
    ';a="\0"',
    ';a=\x80',
    ';a\n',
    ';a\nb',
    ';a="\n"',
    ';a="\\\0"',
  ])
    refused(`1${extension}\r\nx\r\n`, 'malformed')
})

test('extensions may be 4 KB long', () => {
  assert.equal(read(`1;${'a'.repeat(4_095)}\r\nx\r\n0\r\n\r\n`).body, 'x')
  // The limit applies to each chunk.
  const chunk = `1;${'a'.repeat(4_000)}\r\nx\r\n`
  assert.equal(read(`${chunk}${chunk}0\r\n\r\n`).body, 'xx')
  refused(`1;${'a'.repeat(4_096)}\r\nx\r\n`, 'too long')
  refused(`1;${'a'.repeat(5_000)}`, 'too long')
})

test('trailers are read as field lines, and none of them reaches the body', () => {
  assert.deepEqual(read('1\r\nx\r\n0\r\nA:\tb \r\na: \xff\r\n\r\n').trailers, ['A', 'b', 'a', '\xff'])
  assert.equal(read('1\r\nx\r\n0\r\n\r\n').trailers, undefined)
  for (const trailers of ['', 'A:b\r\n', 'A: b\r\nc: \xff\t\r\n', 'X:\r\n'.repeat(100)])
    assert.deepEqual(read(`1\r\nx\r\n0\r\n${trailers}\r\n`).body, 'x', trailers)
  for (const [trailers, message] of [
    ['no colon\r\n', 'no colon'],
    ['A : b\r\n', 'not a token'],
    [' A: b\r\n', 'not a token'],
    ['A: b\r\n c: d\r\n', 'not a token'],
    [': b\r\n', 'not a token'],
    ['A: b\0\r\n', 'control character'],
    ['A: b\nC: d\r\n', 'control character'],
    ['A: b\rC: d\r\n', 'control character'],
  ] as const)
    refused(`0\r\n${trailers}\r\n`, message)
})

test('a trailer about framing or routing is refused', () => {
  for (const name of ['Content-Length', 'transfer-encoding', 'HOST'])
    refused(`0\r\n${name}: 1\r\n\r\n`, 'must not be a trailer')
})

test('all trailers together may be 16 KB long', () => {
  const longest = 16_384 - 'A: \r\n\r\n'.length
  assert.equal(read(`0\r\nA: ${'x'.repeat(longest)}\r\n\r\n`).body, '')
  refused(`0\r\nA: ${'x'.repeat(longest + 1)}\r\n\r\n`, 'too long')
  refused(`0\r\n${'A: b\r\n'.repeat(4_000)}`, 'too long')
})
