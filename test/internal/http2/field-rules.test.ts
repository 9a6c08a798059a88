import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkTrailerFields,
  readRequestFields,
  readResponseFields,
} from '../../../internal/http2/field-rules.ts'
import { ERROR, Http2Error } from '../../../internal/http2/frames.ts'

const HEAD = [':method', 'GET', ':scheme', 'http', ':path', '/a?b', ':authority', 'host:80']

function refuses(read: (lines: string[]) => unknown, lines: string[], rule: RegExp): void {
  assert.throws(
    () => read(lines),
    (error: unknown) =>
      error instanceof Http2Error && error.code === ERROR.protocolError && rule.test(error.message),
    JSON.stringify(lines),
  )
}

/** The head of a request with one of its pseudo-fields changed; undefined removes it. */
function changed(name: string, value: string | undefined): string[] {
  const lines = [...HEAD]
  const at = lines.indexOf(name)
  if (value === undefined) lines.splice(at, 2)
  else lines[at + 1] = value
  return lines
}

test('the head of a request is read, with host first and its pseudo-fields apart', () => {
  assert.deepEqual(readRequestFields([...HEAD, 'te', 'Trailers', 'content-length', '12', 'x-a', '']), {
    method: 'GET',
    scheme: 'http',
    path: '/a?b',
    authority: 'host:80',
    lines: ['host', 'host:80', 'te', 'Trailers', 'content-length', '12', 'x-a', ''],
    contentLength: 12,
  })
})

test('the lines that the decoder gave are not changed', () => {
  const lines = Object.freeze([...HEAD, 'cookie', 'a=1', 'host', 'host:80', 'cookie', 'b=2'])
  readRequestFields(lines)
})

test('crumbs of cookies are joined where the first one stood', () => {
  const { lines } = readRequestFields([
    ...HEAD,
    'cookie',
    'a=1',
    'x',
    'y',
    'cookie',
    'b=2; c=3',
    'cookie',
    'd=4',
  ])
  assert.deepEqual(lines.slice(2), ['cookie', 'a=1; b=2; c=3; d=4', 'x', 'y'])
})

test('host stands for :authority, and may repeat it', () => {
  for (const lines of [
    [...changed(':authority', undefined), 'host', 'host:80'],
    [...HEAD, 'host', 'host:80'],
    [...HEAD, 'host', 'HOST'],
    [...HEAD, 'host', 'host.:80'],
  ]) {
    const { authority, lines: read } = readRequestFields(lines)
    assert.deepEqual([authority, ...read], ['host:80', 'host', 'host:80'])
  }
})

for (const [what, lines, rule] of [
  ['no :method', changed(':method', undefined), /:method/],
  ['a method in lower case', changed(':method', 'get'), /:method/],
  ['a method with a blank', changed(':method', 'GET /'), /:method/],
  ['an empty method', changed(':method', ''), /:method/],
  ['no :scheme', changed(':scheme', undefined), /:scheme/],
  ['an unknown scheme', changed(':scheme', 'ftp'), /:scheme/],
  ['a scheme with more behind it', changed(':scheme', 'http://evil/?'), /:scheme/],
  ['no :path', changed(':path', undefined), /:path/],
  ['an empty path', changed(':path', ''), /:path/],
  ['a path without a slash', changed(':path', 'a'), /:path/],
  ['an absolute target', changed(':path', 'http://host/a'), /:path/],
  ['a path with a space', changed(':path', '/a HTTP/1.1'), /:path/],
  ['a path with a fragment', changed(':path', '/a#b'), /:path/],
  ['a path beyond ASCII', changed(':path', '/\xe9'), /:path/],
  ['the path * of a GET', changed(':path', '*'), /:path/],
  ['a path with a tab', changed(':path', '/a\tb'), /:path/],
  ['no authority at all', changed(':authority', undefined), /:authority/],
  ['an empty authority', changed(':authority', ''), /:authority/],
  ['an empty authority beside a host', [...changed(':authority', ''), 'host', 'a'], /:authority/],
  ['an authority with user info', changed(':authority', 'me@host'), /:authority/],
  ['an authority with a path', changed(':authority', 'host/a'), /:authority/],
  ['an authority with a port beyond 65535', changed(':authority', 'host:65536'), /:authority/],
  ['another host', [...HEAD, 'host', 'other'], /host and :authority differ/],
  ['another port', [...HEAD, 'host', 'host:81'], /host and :authority differ/],
  ['a host that is none', [...HEAD, 'host', 'a b'], /host and :authority differ/],
  ['two hosts', [...HEAD, 'host', 'host:80', 'host', 'host:80'], /host occurs more than once/],
  ['two methods', [':method', 'GET', ...HEAD], /:method occurs more than once/],
  ['two schemes', [':scheme', 'http', ...HEAD], /:scheme occurs more than once/],
  ['two paths', [':path', '/a?b', ...HEAD], /:path occurs more than once/],
  ['two authorities', [':authority', 'host:80', ...HEAD], /:authority occurs more than once/],
  ['a status', [':status', '200', ...HEAD], /unknown pseudo-field/],
  ['an extended CONNECT', [':protocol', 'websocket', ...HEAD], /unknown pseudo-field/],
  ['an unknown pseudo-field', [...HEAD, ':x', 'y'], /unknown pseudo-field/],
  ['a pseudo-field behind others', ['x', 'y', ...HEAD], /after other fields/],
  ['a second path behind others', [...HEAD, 'x', 'y', ':path', '/'], /after other fields/],
  ['connection', [...HEAD, 'connection', 'close'], /connection is a field of HTTP\/1/],
  ['keep-alive', [...HEAD, 'keep-alive', 'timeout=5'], /keep-alive is a field of HTTP\/1/],
  ['proxy-connection', [...HEAD, 'proxy-connection', 'close'], /proxy-connection is a field of HTTP\/1/],
  ['transfer-encoding', [...HEAD, 'transfer-encoding', 'chunked'], /transfer-encoding is a field of HTTP\/1/],
  [
    'an empty transfer-encoding',
    [...HEAD, 'transfer-encoding', ''],
    /transfer-encoding is a field of HTTP\/1/,
  ],
  ['upgrade', [...HEAD, 'upgrade', 'websocket'], /upgrade is a field of HTTP\/1/],
  ['te', [...HEAD, 'te', 'gzip'], /te is not trailers/],
  ['te with more', [...HEAD, 'te', 'trailers, gzip'], /te is not trailers/],
  [
    'two lengths',
    [...HEAD, 'content-length', '1', 'content-length', '1'],
    /content-length occurs more than once/,
  ],
  ['a length with a sign', [...HEAD, 'content-length', '+1'], /content-length is not a number/],
  ['a list of lengths', [...HEAD, 'content-length', '1, 1'], /content-length is not a number/],
  ['an empty length', [...HEAD, 'content-length', ''], /content-length is not a number/],
  ['a length in hexadecimal', [...HEAD, 'content-length', '0x1'], /content-length is not a number/],
  ['a length beyond counting', [...HEAD, 'content-length', '9'.repeat(16)], /content-length is not a number/],
  ['what the decoder found', [...HEAD, '', 'a field value has a control character'], /control character/],
  ['what the decoder found first', ['', 'a field name is not a token in lower case', ...HEAD], /token/],
  ['a CONNECT with a path', changed(':method', 'CONNECT'), /CONNECT/],
  ['a CONNECT without authority', [':method', 'CONNECT', 'host', 'h'], /CONNECT/],
  ['nothing', [], /:method/],
] as const) {
  test(`a request is refused: ${what}`, () => refuses(readRequestFields, [...lines], rule))
}

test('targets that HTTP/1 answers with 400 come through, to be answered so', () => {
  assert.equal(
    readRequestFields([':method', 'OPTIONS', ':scheme', 'http', ':path', '*', 'host', 'h']).path,
    '*',
  )
  assert.equal(readRequestFields([':method', 'CONNECT', ':authority', 'h:443']).path, 'h:443')
  assert.equal(readRequestFields(changed(':method', 'TRACE')).method, 'TRACE')
  for (const path of ['//a', '/../a', '/%00', '/a\\b', '/%zz'])
    assert.equal(readRequestFields(changed(':path', path)).path, path)
})

test('the head of an answer is read', () => {
  assert.deepEqual(
    readResponseFields([':status', '200', 'content-length', '0', 'set-cookie', 'a', 'set-cookie', 'b']),
    {
      status: 200,
      lines: ['content-length', '0', 'set-cookie', 'a', 'set-cookie', 'b'],
      contentLength: 0,
    },
  )
  assert.deepEqual(readResponseFields([':status', '103', 'link', '</a>']), {
    status: 103,
    lines: ['link', '</a>'],
    contentLength: -1,
  })
})

for (const [what, lines, rule] of [
  ['no status', ['x', 'y'], /:status/],
  ['nothing', [], /:status/],
  ['a status after other fields', ['x', 'y', ':status', '200'], /:status/],
  ['two statuses', [':status', '200', ':status', '200'], /after other fields/],
  ['a method', [':status', '200', ':method', 'GET'], /after other fields/],
  ['a status of two digits', [':status', '20'], /three-digit/],
  ['a status of four digits', [':status', '2000'], /three-digit/],
  ['a status below 100', [':status', '099'], /three-digit/],
  ['a status with a sign', [':status', '+20'], /three-digit/],
  ['an empty status', [':status', ''], /three-digit/],
  ['101', [':status', '101'], /101/],
  ['an interim answer with a length', [':status', '103', 'content-length', '1'], /has no body/],
  ['a 204 with a length', [':status', '204', 'content-length', '1'], /has no body/],
  ['connection', [':status', '200', 'connection', 'close'], /connection is a field of HTTP\/1/],
  ['transfer-encoding', [':status', '200', 'transfer-encoding', 'chunked'], /transfer-encoding/],
  ['two lengths', [':status', '200', 'content-length', '1', 'content-length', '2'], /more than once/],
  ['what the decoder found', [':status', '200', '', 'a field value begins or ends with a blank'], /blank/],
] as const) {
  test(`an answer is refused: ${what}`, () => refuses(readResponseFields, [...lines], rule))
}

test('trailers are fields without pseudo-fields', () => {
  checkTrailerFields([])
  checkTrailerFields(['grpc-status', '0', 'grpc-message', '', 'x-checksum', 'abc'])
  for (const [lines, rule] of [
    [[':status', '200'], /in trailers/],
    [['a', 'b', ':path', '/'], /in trailers/],
    [['connection', 'close'], /HTTP\/1/],
    [['transfer-encoding', 'chunked'], /HTTP\/1/],
    [['te', 'gzip'], /te is not/],
    [['content-length', ''], /a length or a host/],
    [['x-checksum', 'abc', 'content-length', '5'], /a length or a host/],
    [['host', 'other'], /a length or a host/],
    [['', 'a field value has a control character'], /control/],
  ] as const) {
    refuses(checkTrailerFields, [...lines], rule)
  }
})
