import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebTextDecoder, writeWebTrailers } from '../../../internal/grpc/web-trailers.ts'

const LINES = ['Grpc-Status', '0', 'x-checksum-bin', 'AAE']

test('trailers become the last frame of a body', () => {
  const frame = writeWebTrailers(LINES, false)
  const text = 'grpc-status: 0\r\nx-checksum-bin: AAE\r\n'
  assert.deepEqual([...frame.subarray(0, 5)], [0x80, 0, 0, 0, text.length])
  assert.equal(frame.toString('latin1', 5), text)
  assert.equal(writeWebTrailers(LINES, true).toString('latin1'), frame.toString('base64'))
})

function decode(chunks: readonly string[]): string | undefined {
  const decoder = new WebTextDecoder()
  let seen = ''
  for (const chunk of chunks) {
    const bytes = decoder.push(Buffer.from(chunk))
    if (bytes === undefined) return undefined
    seen += bytes.toString('latin1')
  }
  return decoder.isWhole ? seen : undefined
}

const PARTS = ['a', 'bc', 'def', 'ghij', '\0\xff\xfe']

test('base64 of several padded parts is decoded, whatever the chunks', () => {
  const text = PARTS.map(part => Buffer.from(part, 'latin1').toString('base64')).join('')
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const chunks = [text.slice(0, first), text.slice(first, second), text.slice(second)]
      assert.equal(decode(chunks), PARTS.join(''))
    }
  }
  assert.equal(decode([...text]), PARTS.join(''))
})

test('text that is not base64 is recognised', () => {
  const cases = [
    'AA=A',
    'A===',
    '====',
    'AAA\n',
    'AAAA\r\n',
    'AA-_',
    'AAAA AAAA',
    'AAA',
    'A',
    'AA==A',
    'AA=',
    '=AAA',
    'AAÄA',
  ]
  for (const text of cases) {
    assert.equal(decode([text]), undefined, JSON.stringify(text))
    assert.equal(decode([...text]), undefined, JSON.stringify(text))
  }
})

test('a megabyte of base64 is decoded at once, in parts of one byte too', () => {
  assert.equal(decode(['AAAA'.repeat(262_144)])?.length, 786_432)
  assert.equal(decode(['AA=='.repeat(262_144)])?.length, 262_144)
})
