import { disguise } from '../support/node-readings.ts'
import type { Choice } from './choice.ts'

const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT']
const VALUES = ['', 'a', 'text/plain; q=1', '"q"', 'caf\xe9\xff', 'a\tb', ': :', 'chunked', '5']
const NAMES = [
  'Accept',
  'X-A',
  'x-b',
  'Cookie',
  'Content-Typ',
  'If-Match',
  'X-Request-Id',
  'Keep-Alive',
  'TE',
  'Trailer',
]
const CONNECTIONS = [
  'keep-alive',
  'Keep-Alive',
  'x-user-id',
  'content-length',
  'Upgrade, HTTP2-Settings',
  'te, host',
]
/** Headers that only the gateway may set, in various spellings. */
const FORGED = [
  'X-User-Id',
  'x-user-id',
  'X_User_Id',
  'x-user_id',
  'X-USER-ID',
  'X-Forwarded-For',
  'X-Forwarded-User',
  'X-Forwarded-Port',
  'Forwarded',
  'X-Real-IP',
  'Client-Cert',
]
/** Trailers that may pass, and such as must not, besides those that only the gateway may set. */
const TRAILERS = [
  ...['X-Sum', 'Content-Digest', 'Server-Timing', 'X-Sum', 'x-user-idx'],
  ...['Content-Length', 'Transfer-Encoding', 'Host', 'Authorization', 'Cookie', 'Content-Type', 'Connection'],
  ...['X-Request-Id', 'Content_Length', 'If-Match', 'Trailer', 'Expect'],
]
/** Sent by clients that want to switch to HTTP/2. */
const H2C = 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
const EXTENSIONS = [';a', ';a=b', ';a="q;\\"x"', ';a;b=c']
/** Most requests have the first one. The second row is malformed. */
const HOSTS = [
  ...[
    'h',
    'h',
    'h',
    'h',
    'h',
    'h',
    'h',
    'h',
    'h',
    'H',
    'h.',
    'h:80',
    'h_x.example:8080',
    '[::1]:80',
    '10.0.0.1',
    'h:',
  ],
  ...['', '.', 'h..', '.h', 'h:65536', 'h:x', 'u@h', 'a b', 'a, b', 'h%2e', '[h]', '[::1', 'h/x', 'caf\xe9'],
]
const PIECES = [
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer_Encoding: chunked\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length : 5\r\n',
  'Content_Length: 5\r\n',
  'Connection: content-length\r\n',
  'Connection: transfer-encoding\r\n',
  'Connection: close, x-canary\r\n',
  'Expect: 100-continue\r\n',
  'Expect: 200-ok\r\n',
  H2C,
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n',
  'Host: other.example\r\n',
  'X: a\r\n folded\r\n',
  'X: a\n',
  '0\r\n\r\n',
  '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n',
  'POST /smuggled HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1\r\n',
  'http://other.example',
  'http://h',
  '%0d%0a',
  '%2f..%2f',
  '/../',
  '//',
]

/**
 * Makes a request that is valid by RFC 9112 and uses whatever the RFC allows that a gateway may stumble over.
 *
 * @param canary is part of the target and the body of this request alone
 */
export function makeRequest(choice: Choice, canary: string): string {
  const method = choice.of(METHODS)
  const lines = choice.some(0, 4, () => `${choice.of(NAMES)}: ${choice.of(VALUES)}\r\n`)
  if (choice.chance(0.3)) lines.push(`${choice.of(FORGED)}: root\r\n`)
  if (choice.chance(0.2)) lines.push(`Connection: ${choice.of(CONNECTIONS)}\r\n`)
  if (choice.chance(0.05)) lines.push(H2C)
  const body = choice.chance(0.5) ? makeBody(choice, canary) : { line: '', bytes: '' }
  if (choice.chance(0.1)) lines.push('TE: trailers\r\nConnection: TE\r\n')
  if (body.line !== '' && choice.chance(0.15)) lines.push('Expect: 100-continue\r\n')
  const host = choice.chance(0.3) ? choice.of(HOSTS) : 'h'
  lines.splice(choice.below(lines.length + 1), 0, `Host: ${host}\r\n`, body.line)
  const path = choice.chance(0.3)
    ? disguise(choice, `/guarded/${canary}`)
    : `/${canary}${choice.of(['', '/x', '?q=1', '/a%20b', '/caf%e9', '//b', '/'])}`
  const target = choice.chance(0.1) ? `http://${host}${path}` : path
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body.bytes}`
}

function makeBody(choice: Choice, canary: string): { line: string; bytes: string } {
  const inner = choice.of([
    canary,
    `${canary}\r\n\r\n`,
    `GET /smuggled-${canary} HTTP/1.1\r\nHost: h\r\n\r\n`,
    `0\r\n\r\nGET /smuggled-${canary} HTTP/1.1\r\nHost: h\r\n\r\n`,
    choice.bytes(choice.below(40)),
  ])
  if (choice.chance(0.5)) return { line: `Content-Length: ${inner.length}\r\n`, bytes: inner }
  const at = choice.below(inner.length + 1)
  const chunks = [inner.slice(0, at), inner.slice(at)]
    .filter(piece => piece !== '')
    .map(
      piece =>
        `${piece.length.toString(16)}${choice.chance(0.2) ? choice.of(EXTENSIONS) : ''}\r\n${piece}\r\n`,
    )
  const trailers = choice.chance(0.4) ? choice.some(1, 3, () => makeTrailer(choice, canary)).join('') : ''
  return { line: 'Transfer-Encoding: chunked\r\n', bytes: `${chunks.join('')}0\r\n${trailers}\r\n` }
}

function makeTrailer(choice: Choice, canary: string): string {
  if (choice.chance(0.3)) return `${choice.of(FORGED)}: root\r\n`
  return `${choice.of(TRAILERS)}: ${choice.of([canary, ...VALUES])}\r\n`
}

/**
 * Inserts a piece of an attack somewhere into a request.
 *
 * @param canary is part of the targets of smuggled requests
 */
export function insertPiece(choice: Choice, text: string, canary: string): string {
  const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2)
  const at = ends.length > 0 && choice.chance(0.8) ? choice.of(ends) : choice.below(text.length + 1)
  return text.slice(0, at) + choice.of(PIECES).replace('/smuggled', `/smuggled-${canary}`) + text.slice(at)
}
