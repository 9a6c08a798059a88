import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginsAsHttp, readAnswerHead } from '../../../wrappers/http1/answer-head.ts'
import { headOf, refusal, withLines } from './head-of.ts'

test('the status is read whatever the reason says', () => {
  for (const [line, status] of [
    ['HTTP/1.1 200 OK', 200],
    ['HTTP/1.1 200 ', 200],
    ['HTTP/1.1 200', 200],
    ['HTTP/1.0 404 Not Found', 404],
    ['HTTP/1.1 999 \tcaf\xe9 500', 999],
    ['HTTP/1.1 100 Continue', 100],
  ] as const) {
    assert.equal(headOf([line]).status, status, line)
  }
})

test('a malformed status line is refused', () => {
  for (const line of [
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'http/1.1 200 OK',
    'RTSP/1.0 200 OK',
    'HTTP/1.1\t200 OK',
    ' HTTP/1.1 200 OK',
    '',
  ]) {
    refusal('not HTTP/1', line)
  }
  for (const status of [
    '',
    '2',
    '20',
    '2000',
    '099',
    '000',
    '+20',
    '2 0',
    '20x',
    ' 200',
    '200\tOK',
    '200OK',
  ]) {
    refusal('the status is not a three-digit number', `HTTP/1.1 ${status}`)
  }
  for (const reason of ['a\0b', '\x7f', 'a\rb', 'a\nb', '\x1b[0m']) {
    refusal('control character', `HTTP/1.1 200 ${reason}`)
  }
})

test('a head may follow another and precede further bytes', () => {
  const interim = 'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n'
  const text = `${interim}HTTP/1.1 201 Created\r\nA: 1\r\n\r\nB: 2\r\n`
  const head = readAnswerHead(text, interim.length, text.indexOf('\r\n\r\nB') + 2, 'GET')
  assert.deepEqual([head.status, head.headers], [201, ['A', '1']])
})

test('an answer keeps its headers, their order, their spelling and every byte', () => {
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
    "!#$%&'*+-.^_`|~09azAZ",
    'a\tb: c',
  ]
  const lines = Array.from({ length: kept.length / 2 }, (_, i) => `${kept[i * 2]}: ${kept[i * 2 + 1]}`)
  assert.deepEqual(withLines(...lines).headers, kept)
})

test('whether an answer names URLs or paths of the node is known after the same pass', () => {
  for (const line of ['Location: /', 'LOCATION: /', 'content-location: /', 'Refresh: 0', 'Set-Cookie: a=b']) {
    const { hasReferences, headers } = withLines('A: 1', line, 'B: 2')
    assert.deepEqual([hasReferences, headers.length], [true, 6], line)
  }
  assert.equal(withLines('Content-Type: text/plain', 'X-Location: /', 'Cookie: a=b').hasReferences, false)
  assert.equal(withLines().hasReferences, false)
})

test('blanks around a value are not part of it', () => {
  assert.deepEqual(withLines('A:b', 'C: \t d e\t ', 'F:', 'G: \t').headers, [
    'A',
    'b',
    'C',
    'd e',
    'F',
    '',
    'G',
    '',
  ])
})

test('a malformed field line is refused', () => {
  refusal('no colon', 'HTTP/1.1 200 OK', 'no colon')
  refusal('no colon', 'HTTP/1.1 200 OK', 'none here', 'A: b')
  for (const line of [
    'A : b',
    ' A: b',
    '\tA: b',
    ': b',
    'A\0: b',
    'A B: c',
    'caf\xe9: 1',
    'A(: b',
    '"A": b',
  ]) {
    refusal('not a token', 'HTTP/1.1 200 OK', line)
    // Refused again, although the spelling was seen before.
    refusal('not a token', 'HTTP/1.1 200 OK', line)
  }
  for (const value of ['a\0', 'a\rb', 'a\nb', '\x0b', '\x7f', 'a\r\rb']) {
    refusal('control character', 'HTTP/1.1 200 OK', `A: ${value}`)
  }
  refusal('not a token', 'HTTP/1.1 200 OK', 'A: b', ' folded: c')
  refusal('no colon', 'HTTP/1.1 200 OK', 'A: b', ' folded')
})

test('hop-by-hop headers of an answer are dropped, whatever their spelling', () => {
  const dropped = [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Upgrade',
    // Set by the gateway alone.
    'X-Request-Id',
    'X-Waygate-Fallback',
  ]
  for (const name of dropped) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      assert.deepEqual(withLines(`${spelling}: 1`, 'ETag: x').headers, ['ETag', 'x'], spelling)
    }
  }
})

test('headers that Connection names are dropped with it', () => {
  assert.deepEqual(withLines('X-Hop: 1', 'Connection: close, x-hop', 'x-HOP: 2', 'ETag: x').headers, [
    'ETag',
    'x',
  ])
  assert.deepEqual(withLines('A: 1', 'connection: a', 'B: 1', 'Connection: ,b ,', 'C: 1').headers, ['C', '1'])
  // Close and keep-alive are options and not headers.
  assert.deepEqual(withLines('Connection: close', 'Close: 1').headers, ['Close', '1'])
})

test('thousands of spellings can be cached', () => {
  for (let i = 0; i < 3_000; i++) assert.deepEqual(withLines(`X-${i}: 1`).headers, [`X-${i}`, '1'])
  assert.deepEqual(withLines('cOnNeCtIoN: x-2999', 'X-2999: 1').headers, [])
  refusal('not a token', 'HTTP/1.1 200 OK', 'A B: 1')
})

test('other protocols are recognised by their first bytes', () => {
  for (const text of ['', 'H', 'HTTP/1.', 'HTTP/1.1', 'HTTP/1.0 ', 'HTTP/1.1 200 OK'])
    assert.ok(beginsAsHttp(text, 0), text)
  for (const text of ['h', 'S', '\r\n', 'HTTP/2', 'HTTP/1.2', 'HTTP/1.1\t', 'HTTP/11'])
    assert.ok(!beginsAsHttp(text, 0), text)
  assert.ok(beginsAsHttp('xHTTP', 1))
})
