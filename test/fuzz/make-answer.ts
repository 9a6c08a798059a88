import type { Choice } from './choice.ts'

/** Bytes that a node could send in answer to one request, as latin1. */
export interface MadeAnswer {
  /** The method of the request. */
  readonly method: string
  readonly bytes: string
}

const STATUSES = [200, 200, 200, 201, 204, 206, 299, 301, 304, 400, 404, 418, 500, 503, 999]
const INTERIM_STATUSES = [100, 102, 103, 104, 199]
const REASONS = ['', ' ', ' OK', ' Not Found', ' two  blanks ', ' caf\xe9', ' with\ttab', ' 200 HTTP/1.1']
const BLANKS = ['', ' ', ' ', ' ', '  ', '\t', ' \t ']
const NAMES = [
  'Content-Type',
  'date',
  'Set-Cookie',
  'ETag',
  'X-A',
  'x-hop',
  'VARY',
  '!#$%&',
  'a.b_c~d',
  'Trailer',
  'TE',
  'Upgrade',
  'Proxy-Authenticate',
  'proxy-connection',
  'X-Request-Id',
  'x-waygate-fallback',
  'Content-Lengths',
  'Transfer-Encodin',
  'Connectio',
]
const VALUES = [
  '',
  'a',
  '1',
  'text/plain; charset=utf-8',
  'a=1; Path=/',
  '"q"',
  'caf\xe9\x80\xff',
  'a\tb',
  ': :',
]
const CONNECTIONS = [
  'close',
  'keep-alive',
  'Keep-Alive',
  'CLOSE',
  'x-hop',
  'keep-alive, X-Hop',
  'close, te',
  'upgrade',
  ',, ,close',
  'keep-alive,close',
]
const KEEP_ALIVES = ['timeout=5', 'timeout=5, max=100', 'max=1', 'timeout=0', 'timeout=x']
const OTHER_ENCODINGS = ['gzip', 'gzip, chunked', 'chunked, gzip', 'identity', 'chunked, chunked', 'xchunked']
/** Trailers that may pass, and such as must not. */
const TRAILER_NAMES = [
  ...['X-Sum', 'Content-Digest', 'Server-Timing', 'x-hop', 'X-Sum'],
  ...['Set-Cookie', 'x-user-id', 'X_User_Id', 'Content-Type', 'X-Request-Id', 'Authorization', 'Connection'],
  ...['Access-Control-Allow-Origin', 'Location', 'content_encoding', 'Trailer'],
]
const EXTENSIONS = [';a', ';a=b', ';a="q;\\"x"', ';a;b=c', ';!=~', ';a=""', '  ', '\t ;a']

/**
 * Makes an answer that is valid by RFC 9112 and uses whatever the RFC allows that readers may stumble over. Sometimes
 * the bytes of another answer follow it.
 */
export function makeAnswer(choice: Choice): MadeAnswer {
  const method = choice.of(['GET', 'GET', 'GET', 'GET', 'POST', 'HEAD'])
  const interim = choice.chance(0.2) ? choice.some(1, 3, () => makeInterim(choice)).join('') : ''
  const surplus = choice.chance(0.1) ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno' : ''
  return { method, bytes: interim + makeFinal(choice) + surplus }
}

function makeInterim(choice: Choice): string {
  const lines = choice.chance(0.3) ? choice.some(1, 2, () => makeLine(choice)) : []
  return `HTTP/1.1 ${choice.of(INTERIM_STATUSES)}${choice.of(REASONS)}\r\n${lines.join('')}\r\n`
}

function makeFinal(choice: Choice): string {
  const version = choice.chance(0.15) ? '1.0' : '1.1'
  const lines = choice.some(0, 6, () => makeLine(choice))
  if (choice.chance(0.01)) lines.push(...choice.some(30, 80, () => makeLine(choice)))
  if (choice.chance(0.3)) lines.push(lineOf(choice, 'Connection', choice.of(CONNECTIONS)))
  if (choice.chance(0.05)) lines.push(lineOf(choice, 'connection', choice.of(CONNECTIONS)))
  if (choice.chance(0.1)) lines.push(lineOf(choice, 'Keep-Alive', choice.of(KEEP_ALIVES)))
  const [framing, body] = makeBody(choice, version)
  lines.splice(choice.below(lines.length + 1), 0, ...framing)
  return `HTTP/${version} ${choice.of(STATUSES)}${choice.of(REASONS)}\r\n${lines.join('')}\r\n${body}`
}

/** @returns the headers about the framing, and the framed body */
function makeBody(choice: Choice, version: string): [lines: string[], body: string] {
  const kind = choice.below(20)
  if (kind < 8) {
    const body = makeBytes(choice)
    const zeros = choice.chance(0.05) ? '0' : ''
    return [[lineOf(choice, spell(choice, 'Content-Length'), `${zeros}${body.length}`)], body]
  }
  if (kind < 16 && (version === '1.1' || choice.chance(0.1))) {
    const value = choice.of(['chunked', 'chunked', 'Chunked', 'CHUNKED'])
    return [[lineOf(choice, spell(choice, 'Transfer-Encoding'), value)], makeChunks(choice)]
  }
  if (kind === 19 && choice.chance(0.3)) {
    return [[lineOf(choice, 'Transfer-Encoding', choice.of(OTHER_ENCODINGS))], makeChunks(choice)]
  }
  return [[], makeBytes(choice)]
}

function makeChunks(choice: Choice): string {
  const extension = () => (choice.chance(0.15) ? choice.of(EXTENSIONS) : '')
  const chunks = choice.some(0, 4, () => {
    const bytes = makeBytes(choice) || 'x'
    const size = bytes.length.toString(16).padStart(choice.chance(0.1) ? 1 + choice.below(10) : 1, '0')
    return `${choice.chance(0.5) ? size : size.toUpperCase()}${extension()}\r\n${bytes}\r\n`
  })
  const trailers = choice.chance(0.3) ? choice.some(1, 3, () => makeTrailer(choice)) : []
  if (choice.chance(0.01)) trailers.push(...choice.some(60, 70, () => makeTrailer(choice)))
  const last = choice.of(['0', '0', '0', '00', '00000'])
  return `${chunks.join('')}${last}${extension()}\r\n${trailers.join('')}\r\n`
}

function makeTrailer(choice: Choice): string {
  return choice.chance(0.3) ? makeLine(choice) : lineOf(choice, choice.of(TRAILER_NAMES), choice.of(VALUES))
}

function makeLine(choice: Choice): string {
  const value = choice.chance(0.02) ? 'long '.repeat(choice.below(1_000)).trim() : choice.of(VALUES)
  return lineOf(choice, choice.of(NAMES), value)
}

function lineOf(choice: Choice, name: string, value: string): string {
  return `${name}:${choice.of(BLANKS)}${value}${choice.chance(0.1) ? choice.of(BLANKS) : ''}\r\n`
}

function spell(choice: Choice, name: string): string {
  return choice.of([name, name, name.toLowerCase(), name.toUpperCase()])
}

function makeBytes(choice: Choice): string {
  switch (choice.below(6)) {
    case 0:
      return ''
    case 1:
      return 'hello'
    case 2:
      return '\r\n\r\n0\r\n\r\n'.slice(choice.below(6))
    case 3:
      return 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'
    default:
      return choice.bytes(choice.below(60))
  }
}
