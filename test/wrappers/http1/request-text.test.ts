import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamRequest } from '../../../internal/upstream.ts'
import { writeRequestHead } from '../../../wrappers/http1/request-text.ts'
import { FakeBody } from '../../support/bodies.ts'
import { testRequest } from '../../support/route.ts'

const BODY = new FakeBody()

const write = (values: Partial<UpstreamRequest>) => writeRequestHead(testRequest(values), '10.0.0.1:80')
const BEGIN = 'host: 10.0.0.1:80\r\nconnection: keep-alive\r\n'

test('a request is its request line, Host, Connection, and its own headers unchanged', () => {
  const headers = ['Accept', '*/*', 'x-A', '', 'Cookie', 'a=caf\xe9\xff\t;']
  assert.deepEqual(write({ target: '/a?b=c%20\xe9', headers }), {
    head: `GET /a?b=c%20\xe9 HTTP/1.1\r\n${BEGIN}Accept: */*\r\nx-A: \r\nCookie: a=caf\xe9\xff\t;\r\n\r\n`,
    bodyLength: 0,
  })
})

test('the Host of a request comes first, and only once', () => {
  for (const name of ['Host', 'host', 'HOST']) {
    assert.equal(
      write({ headers: ['A', '1', name, 'example.org', 'B', '2'] }).head,
      'GET / HTTP/1.1\r\nhost: example.org\r\nconnection: keep-alive\r\nA: 1\r\nB: 2\r\n\r\n',
    )
  }
})

test('a request declares the length of its body, or that it comes in chunks', () => {
  for (const [method, headers, body, line, bodyLength] of [
    ['POST', ['Content-Length', '5'], BODY, 'Content-Length: 5\r\n', 5],
    ['POST', ['content-length', '0'], BODY, 'content-length: 0\r\n', 0],
    ['POST', [], BODY, 'transfer-encoding: chunked\r\n', -1],
    ['GET', [], BODY, 'transfer-encoding: chunked\r\n', -1],
    ['POST', [], null, 'content-length: 0\r\n', 0],
    ['PUT', [], null, 'content-length: 0\r\n', 0],
    ['PATCH', [], null, 'content-length: 0\r\n', 0],
    ['QUERY', [], null, 'content-length: 0\r\n', 0],
    ['POST', ['Content-Length', '0'], null, 'Content-Length: 0\r\n', 0],
    ['GET', [], null, '', 0],
    ['DELETE', [], null, '', 0],
    ['HEAD', [], null, '', 0],
    ['GET', ['content-length', '0'], null, 'content-length: 0\r\n', 0],
  ] as const) {
    const written = write({ method, headers: [...headers], body })
    assert.deepEqual(
      written,
      { head: `${method} / HTTP/1.1\r\n${BEGIN}${line}\r\n`, bodyLength },
      `${method} ${headers}`,
    )
  }
})

test('a request with characters that would end one of its parts is refused', () => {
  const broken = ['a b', 'a\r\nb: c', 'a\r', 'a\n', 'a\0', 'a\x7f', 'a\u0100', 'a\u{1f600}', 'a\u010d\u010a']
  for (const text of ['', 'a:', 'a\xe9', 'a"', ...broken]) {
    assert.throws(() => write({ method: text }), TypeError, `method ${JSON.stringify(text)}`)
    // Twice, because the results for names are cached.
    for (let i = 0; i < 2; i++) {
      assert.throws(() => write({ headers: [text, 'v'] }), TypeError, `name ${JSON.stringify(text)}`)
    }
  }
  for (const text of ['\t', ...broken]) {
    assert.throws(() => write({ target: `/${text}` }), TypeError, `target ${JSON.stringify(text)}`)
  }
  for (const text of broken.slice(1)) {
    for (const name of ['x', 'host', 'content-length']) {
      assert.throws(() => write({ headers: [name, text] }), TypeError, `${name} ${JSON.stringify(text)}`)
    }
  }
})

test('a request that two readers could frame differently is refused', () => {
  for (const value of ['', 'x', '-1', '+1', '1.0', '0x1', '1, 1', ' 1', '1 ', '1'.repeat(16)]) {
    assert.throws(
      () => write({ headers: ['content-length', value], body: BODY }),
      /must be a single number/,
      value,
    )
  }
  for (const second of ['1', '2']) {
    const headers = ['content-length', '1', 'Content-Length', second]
    assert.throws(() => write({ headers, body: BODY }), /must be a single number/)
  }
  for (const body of [BODY, null]) {
    assert.throws(
      () => write({ headers: ['Transfer-Encoding', 'chunked'], body }),
      /must not include transfer-encoding/,
    )
  }
  assert.throws(() => write({ headers: ['content-length', '1'] }), /but there is no body/)
})

test('a request asks about its body only while its client waits, and TE is for this hop alone', () => {
  const head = (awaitsContinue: boolean) =>
    write({ method: 'POST', body: Object.assign(new FakeBody(), { awaitsContinue }) }).head
  assert.equal(
    head(true),
    `POST / HTTP/1.1\r\n${BEGIN}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n`,
  )
  assert.equal(head(false), `POST / HTTP/1.1\r\n${BEGIN}transfer-encoding: chunked\r\n\r\n`)
  assert.equal(
    write({ headers: ['te', 'trailers', 'tea', '1'] }).head,
    'GET / HTTP/1.1\r\nhost: 10.0.0.1:80\r\nconnection: keep-alive, te\r\nte: trailers\r\ntea: 1\r\n\r\n',
  )
})

test('the handshake of a WebSocket asks for the upgrade, and names TE as well if the client sent it', () => {
  const head = (...headers: string[]) => write({ headers, isWebSocket: true }).head
  const begin = 'GET / HTTP/1.1\r\nhost: 10.0.0.1:80\r\nconnection: Upgrade'
  assert.equal(head(), `${begin}\r\nupgrade: websocket\r\n\r\n`)
  assert.equal(head('te', 'trailers'), `${begin}, te\r\nte: trailers\r\nupgrade: websocket\r\n\r\n`)
})

test('thousands of names can be cached', () => {
  for (let i = 0; i < 3_000; i++)
    assert.match(write({ headers: [`x-name-${i}`, '1'] }).head, new RegExp(`x-name-${i}: 1`))
  assert.throws(() => write({ headers: ['x name', '1'] }), TypeError)
})

test('unknown methods are written unchanged', () => {
  for (const method of ['PURGE', 'M-SEARCH', 'get', "!#$%&'*+"])
    assert.ok(write({ method }).head.startsWith(`${method} / `))
})
