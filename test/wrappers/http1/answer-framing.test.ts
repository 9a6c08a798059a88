import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headOf, refusal, withLines } from './head-of.ts'

test('a Content-Length frames the body even when Connection names it', () => {
  const head = withLines('Connection: content-length', 'Content-Length: 5')
  assert.deepEqual([head.headers, head.framing, head.length], [[], 'length', 5])
})

test('a single chunked encoding is decoded, and any other encoding is refused', () => {
  for (const value of ['chunked', 'Chunked', 'CHUNKED', '\tchunked', 'chunked  ']) {
    const head = withLines(`Transfer-Encoding:${value}`, 'ETag: x')
    assert.deepEqual([head.headers, head.framing], [['ETag', 'x'], 'chunked'], value)
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
    refusal('unsupported transfer-encoding', 'HTTP/1.1 200 OK', `transfer-encoding: ${value}`)
  }
  refusal('transfer-encoding', 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')
  refusal('transfer-encoding', 'HTTP/1.0 200 OK', 'Transfer-Encoding: chunked')
})

test('an encoding followed by a tab is refused', () => {
  for (const blanks of ['\t', ' \t', '\t ', '  \t  ']) {
    refusal('unsupported transfer-encoding', 'HTTP/1.1 200 OK', `Transfer-Encoding: chunked${blanks}`)
  }
})

test('a length is a single, exact number in digits', () => {
  for (const [value, length] of [
    ['5', 5],
    ['005', 5],
    ['5\t', 5],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ] as const) {
    const head = withLines(`Content-Length:${value}`)
    assert.deepEqual([head.framing, head.length], ['length', length])
    assert.deepEqual(head.headers, ['Content-Length', value.trim()])
  }
  for (const value of [
    '',
    '-1',
    '+1',
    '1.0',
    '0x1',
    '1e1',
    '1 1',
    '1,1',
    '1, 1',
    'x',
    '9007199254740992',
    '1'.repeat(17),
  ])
    refusal('not a number', 'HTTP/1.1 200 OK', `Content-Length: ${value}`)
  refusal('more than one', 'HTTP/1.1 200 OK', 'Content-Length: 1', 'content-length: 1')
  refusal('more than one', 'HTTP/1.1 200 OK', 'Content-Length: 0', 'Content-Length: 1')
})

test('a length and an encoding are refused in either order', () => {
  const lines = ['Content-Length: 1', 'Transfer-Encoding: chunked']
  refusal('both content-length and transfer-encoding', 'HTTP/1.1 200 OK', ...lines)
  refusal('both content-length and transfer-encoding', 'HTTP/1.1 200 OK', ...lines.reverse())
})

test('the head determines where the body ends; otherwise it ends with the connection', () => {
  const length = ['Content-Length: 5']
  const chunked = ['Transfer-Encoding: chunked']
  for (const [status, method, lines, framing, bytes] of [
    [200, 'GET', length, 'length', 5],
    [200, 'GET', ['Content-Length: 0'], 'none', 0],
    [200, 'GET', chunked, 'chunked', 0],
    [200, 'GET', [], 'close', 0],
    [200, 'HEAD', length, 'none', 0],
    [200, 'HEAD', chunked, 'none', 0],
    [200, 'HEAD', [], 'none', 0],
    [204, 'GET', length, 'none', 0],
    [204, 'GET', [], 'none', 0],
    [304, 'GET', length, 'none', 0],
    [304, 'GET', chunked, 'none', 0],
    [103, 'GET', [], 'none', 0],
    [500, 'POST', length, 'length', 5],
  ] as const) {
    const head = headOf([`HTTP/1.1 ${status}`, ...lines], method)
    assert.deepEqual([head.framing, head.length], [framing, bytes], `${status} ${method} ${lines}`)
    assert.equal(head.persistent, framing !== 'close')
  }
})

test('an interim answer that declares a body is refused', () => {
  for (const status of [100, 103, 104, 199]) {
    refusal('has a body', `HTTP/1.1 ${status} Soon`, 'Content-Length: 5')
    refusal('has a body', `HTTP/1.1 ${status} Soon`, 'Transfer-Encoding: chunked')
    assert.equal(headOf([`HTTP/1.1 ${status}`, 'Content-Length: 0']).status, status)
  }
})

test('version and Connection determine whether a connection is kept, and close wins', () => {
  for (const [version, connections, persistent] of [
    ['1.1', [], true],
    ['1.1', ['keep-alive'], true],
    ['1.1', ['close'], false],
    ['1.1', ['Close'], false],
    ['1.1', ['x, close'], false],
    ['1.1', ['closed'], true],
    ['1.1', ['close', 'keep-alive'], false],
    ['1.1', ['upgrade'], true],
    ['1.0', [], false],
    ['1.0', ['keep-alive'], true],
    ['1.0', ['Keep-Alive, x'], true],
    ['1.0', ['keep-alive, close'], false],
    ['1.0', ['keep-alive', 'close'], false],
    ['1.0', ['close', 'keep-alive'], false],
  ] as const) {
    const lines = connections.map(value => `Connection: ${value}`)
    const head = headOf([`HTTP/${version} 200 OK`, 'Content-Length: 0', ...lines])
    assert.equal(head.persistent, persistent, `${version} ${connections.join(' / ')}`)
  }
})

test('Proxy-Connection can close a connection, but not keep one', () => {
  for (const [version, value, persistent] of [
    ['1.1', 'close', false],
    ['1.1', 'x, Close', false],
    ['1.1', 'keep-alive', true],
    ['1.0', 'keep-alive', false],
  ] as const) {
    const head = headOf([`HTTP/${version} 200 OK`, 'Content-Length: 0', `Proxy-Connection: ${value}`])
    assert.deepEqual(
      [head.persistent, head.headers],
      [persistent, ['Content-Length', '0']],
      `${version} ${value}`,
    )
  }
})

test('Keep-Alive says how long the node keeps the connection', () => {
  for (const [value, keepAliveMs] of [
    ['timeout=5', 5_000],
    ['timeout=5, max=100', 5_000],
    ['max=100, Timeout=7', 7_000],
    ['max=1 timeout=2', 2_000],
    ['timeout=0', 0],
    ['timeout=', undefined],
    ['timeout=x', undefined],
    ['timeout=5x', undefined],
    ['xtimeout=5', undefined],
    ['timeout=1234567890', undefined],
    ['max=100', undefined],
  ] as const) {
    assert.equal(withLines(`Keep-Alive: ${value}`).keepAliveMs, keepAliveMs, value)
  }
  assert.equal(withLines().keepAliveMs, undefined)
})
