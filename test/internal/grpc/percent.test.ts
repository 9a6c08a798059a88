import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeGrpcMessage, encodeGrpcMessage } from '../../../internal/grpc/percent.ts'

const CASES = [
  ['', ''],
  ['no such task', 'no such task'],
  ['100%', '100%25'],
  ['line\r\nbreak\t', 'line%0D%0Abreak%09'],
  ['größer als 5 €', 'gr%C3%B6%C3%9Fer als 5 %E2%82%AC'],
  ['😀', '%F0%9F%98%80'],
  ['~\x7f', '~%7F'],
] as const

test('grpc-message is percent-encoded UTF-8, printable ASCII as it is', () => {
  for (const [text, written] of CASES) {
    assert.equal(encodeGrpcMessage(text), written)
    assert.equal(decodeGrpcMessage(written), text)
  }
})

test('every character survives', () => {
  let text = ''
  for (let code = 0; code < 0x3000; code++) text += String.fromCharCode(code)
  const written = encodeGrpcMessage(text)
  assert.match(written, /^[\x20-\x7e]*$/)
  assert.equal(decodeGrpcMessage(written), text)
})

test('half of a surrogate pair becomes U+FFFD', () => {
  assert.equal(decodeGrpcMessage(encodeGrpcMessage('a\ud800b')), 'a\ufffdb')
})

test('a grpc-message with mistakes is read as far as it goes', () => {
  const cases = [
    ['50% off', '50% off'],
    ['%', '%'],
    ['%4', '%4'],
    ['%zz%20', '%zz '],
    ['%ff', '\ufffd'],
    ['%c3%a4%c3', 'ä\ufffd'],
    // UTF-8 that was not encoded at all, as latin1.
    ['gr\xc3\xb6\xc3\x9fer', 'größer'],
    ['%C3\xa4', 'ä'],
  ] as const
  for (const [value, text] of cases) assert.equal(decodeGrpcMessage(value), text)
})
