import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrailerFilter } from '../../../internal/http/trailers.ts'

const filter = new TrailerFilter(['x-user-id', 'x-email'])
const fields = (...lines: string[]) => filter.fields(lines, undefined)

test('trailers pass with their spelling, order and number', () => {
  const lines = [
    'X-Sum',
    '1',
    'x-sum',
    '2',
    'Content-Digest',
    'sha-256=:x:',
    'Server-Timing',
    'db;dur=5',
    'X',
    '',
  ]
  assert.deepEqual(fields(...lines), lines)
  assert.equal(fields(), undefined)
})

for (const [what, names] of Object.entries({
  'frames a message': ['Content-Length', 'Transfer-Encoding', 'Trailer', 'TE', 'Host'],
  'is hop-by-hop': [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Upgrade',
    'HTTP2-Settings',
  ],
  'says how content is processed': ['Content-Type', 'Content-Encoding', 'Content-Range', 'Content-Location'],
  'carries credentials': ['Authorization', 'Cookie', 'Set-Cookie', 'WWW-Authenticate', 'Proxy-Authorization'],
  'controls a request': [
    'Cache-Control',
    'Pragma',
    'Expect',
    'Range',
    'If-Match',
    'If-None-Match',
    'Max-Forwards',
  ],
  'controls an answer': ['Location', 'Retry-After', 'Vary', 'Age', 'Date', 'Expires', 'Warning'],
  'opens an answer to scripts': ['Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials'],
  'is set by the gateway alone': [
    ...[
      'X-Request-Id',
      'X-User-Id',
      'X-Email',
      'X-Forwarded-For',
      'X-Forwarded-Port',
      'Forwarded',
      'X-Real-IP',
      'Client-Cert',
      'Client-Cert-Chain',
      'client_cert',
    ],
    ...['X-Waygate-Fallback', 'X-Waygate-Anything'],
    ...['X-Client-Cert', 'X-Client-Cert-Subject', 'X-Client-Cert-Verify'],
  ],
})) {
  test(`a field that ${what} is no trailer, in any spelling`, () => {
    for (const name of names) {
      for (const spelling of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_')]) {
        // Twice, because the results for names are cached.
        for (let i = 0; i < 2; i++) {
          assert.deepEqual(fields(spelling, '1', 'X-Sum', '2'), ['X-Sum', '2'], spelling)
          assert.equal(filter.names(`${spelling}, `, undefined), undefined, spelling)
        }
      }
    }
  })
}

test('the gateway’s own names are those that it was told, and x-user-id', () => {
  assert.deepEqual(new TrailerFilter().fields(['x-email', '1', 'X_User-ID', '2'], undefined), [
    'x-email',
    '1',
  ])
})

test('a field that Connection lists is hop-by-hop as a trailer, too', () => {
  const options = new Set(['x-hop'])
  assert.deepEqual(filter.fields(['X-Hop', '1', 'X-Sum', '2'], options), ['X-Sum', '2'])
  assert.deepEqual(filter.names('x-hop, x-sum', options), ['x-sum'])
})

test('a section of more than 64 fields is dropped as a whole', () => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => [`X-${i}`, '']).flat()
  assert.deepEqual(filter.fields(lines(64), undefined), lines(64))
  assert.equal(filter.fields(lines(65), undefined), undefined)
  assert.equal(filter.names(Array.from({ length: 65 }, (_, i) => `X-${i}`).join(), undefined), undefined)
})

test('only tokens are announced', () => {
  assert.deepEqual(filter.names(' X-Sum ,,a b, "q", x:y, X-B', undefined), ['X-Sum', 'X-B'])
})
