import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forwardResponseHeaders } from '../../internal/response-head.ts'

const lines = (...texts: string[]): Buffer[] => texts.map(text => Buffer.from(text, 'latin1'))

test('an answer keeps its lines, their order, their spelling and every byte', () => {
  const kept = [
    'Content-Type',
    'text/plain',
    'Set-Cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'X-Bytes',
    'caf\xe9\x80\xff',
    'X',
    '',
  ]
  assert.deepEqual(forwardResponseHeaders(lines(...kept)), kept)
  assert.deepEqual(forwardResponseHeaders(kept), kept)
})

test('fields of an answer that end at this hop are dropped, however spelled', () => {
  const dropped = [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Upgrade',
    // Ours to say.
    'X-Request-Id',
    'X-Waygate-Fallback',
  ]
  for (const name of dropped) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      assert.deepEqual(forwardResponseHeaders(lines(spelling, '1', 'ETag', 'x')), ['ETag', 'x'], spelling)
    }
  }
})

test('what Connection of an answer names is dropped with it', () => {
  const answer = lines('X-Hop', '1', 'Connection', 'close, x-hop', 'x-HOP', '2', 'ETag', 'x')
  assert.deepEqual(forwardResponseHeaders(answer), ['ETag', 'x'])
})

test('one chunked framing is taken off, and any other encoding makes the answer unreadable', () => {
  for (const value of ['chunked', 'Chunked']) {
    assert.deepEqual(forwardResponseHeaders(lines('Transfer-Encoding', value, 'ETag', 'x')), ['ETag', 'x'])
  }
  for (const value of [
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'identity',
    '',
    'xchunked',
  ]) {
    assert.equal(forwardResponseHeaders(lines('transfer-encoding', value)), undefined, value)
  }
  const twice = lines('Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked')
  assert.equal(forwardResponseHeaders(twice), undefined)
})
