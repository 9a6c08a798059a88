import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodePem, decodeText } from '../../../internal/text/decode-text.ts'

const MARK = '\ufeff'

test('text in UTF-8 is read as it is, without a byte order mark at its start', () => {
  for (const text of ['', 'a', 'ä€😀', 'a\r\nb\r\n', `a${MARK}`, '\ufffd']) {
    assert.equal(decodeText(Buffer.from(text)), text)
    assert.equal(decodeText(Buffer.from(MARK + text)), text)
  }
})

test('what is not UTF-8 is refused, and UTF-16 is called by its name', () => {
  const utf16 = Buffer.from(`${MARK}a`, 'utf16le')
  for (const [bytes, reason] of [
    [utf16, /^TypeError: is UTF-16; save it as UTF-8$/],
    [Buffer.from(utf16).swap16(), /^TypeError: is UTF-16; save it as UTF-8$/],
    [Buffer.from('a', 'utf16le'), /^TypeError: has a NUL character/],
    [Buffer.from('a\0b'), /^TypeError: has a NUL character/],
    [Buffer.from('ä', 'latin1'), /^TypeError: is not UTF-8 text$/],
    [Buffer.of(0xc0, 0x80), /^TypeError: is not UTF-8 text$/],
    [Buffer.of(0xed, 0xa0, 0x80), /^TypeError: is not UTF-8 text$/],
  ] as const) {
    assert.throws(() => decodeText(bytes), reason, bytes.toString('hex'))
  }
})

test('a PEM file may have a byte order mark and comments in any encoding, but is no UTF-16', () => {
  const pem = Buffer.from('Türktrust\n-----BEGIN CERTIFICATE-----\n', 'latin1')
  assert.equal(decodePem(pem), pem)
  assert.deepEqual(decodePem(Buffer.concat([Buffer.from(MARK), pem])), pem)
  assert.throws(() => decodePem(Buffer.from(`${MARK}-----BEGIN`, 'utf16le')), /is UTF-16/)
})
