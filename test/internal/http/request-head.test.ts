import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

const read = createRequestHeadReader(['x-user-id', 'x-user-roles'])

test('header lines keep their order and spelling, duplicates included', () => {
  const lines = ['Accept', 'a', 'Cookie', 'x=1', 'aCCept', 'b', 'X-Empty', '', 'X-Bytes', 'caf\xe9']
  assert.deepEqual(read(lines).headers, lines)
})

test('hop-by-hop fields and fields about proxies in front of us are dropped, however spelled', () => {
  const dropped = [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Expect',
    'HTTP2-Settings',
    'Host',
    'Content-Length',
    'X-Request-Id',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X-Forwarded-',
    'X-Forwarded-User',
    'X-Forwarded-Client-Cert',
    'Forwarded',
    'X-Real-IP',
    'Client-Cert',
    'Client-Cert-Chain',
  ]
  for (const name of dropped) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_')]) {
      if (spelling !== name && spelling.toLowerCase() === 'content_length') continue
      const head = read([spelling, '1', 'Accept', '*/*'])
      assert.deepEqual([head.headers, head.proxyLines], [['Accept', '*/*'], undefined], spelling)
    }
  }
})

test('of a trusted proxy, fields that the gateway writes are set apart, and other X-Forwarded-* pass', () => {
  const apart = [
    ...['X-Forwarded-For', '1.1.1.1', 'x-forwarded-for', '2.2.2.2', 'X-Forwarded-Proto', 'https'],
    ...['X-Forwarded-Host', 'a', 'X-Forwarded-Port', '1', 'X-Forwarded-Prefix', '/p', 'X-Real-IP', '3.3.3.3'],
    ...['Forwarded', 'for=1.1.1.1', 'forwarded', 'for=2.2.2.2'],
  ]
  const passing = [
    ...['X-Forwarded-User', 'alice', 'x-forwarded-client-cert', 'Hash=abc', 'X-Forwarded-', ''],
    ...['Client-Cert', ':MII:', 'CLIENT-CERT-CHAIN', ':MII:', 'Accept', '*/*'],
  ]
  const head = read([...apart, ...passing], true)
  assert.deepEqual([head.headers, head.proxyLines], [passing, apart])
  for (const name of [...apart, ...passing].filter((text, i) => i % 2 === 0 && text.includes('-'))) {
    for (const spelling of [name.replaceAll('-', '_'), name.replace('-', '_')]) {
      const { headers, proxyLines } = read([spelling, '1'], true)
      assert.deepEqual([headers, proxyLines], [[], undefined], spelling)
    }
  }
})

test('an identity header passes from a trusted proxy as little as from a client', () => {
  const reader = createRequestHeadReader(['x-user-id', 'x-forwarded-user'])
  for (const name of ['X-User-Id', 'x_user_id', 'X-Forwarded-User', 'x_forwarded_user', 'x-forwarded_user']) {
    const { headers, proxyLines } = reader([name, 'root'], true)
    assert.deepEqual([headers, proxyLines], [[], undefined], name)
  }
})

test('copies of identity headers are dropped, also when spelled with underscores', () => {
  const spellings = [
    'x-user-id',
    'X-User-Id',
    'X-USER-ID',
    'x_user_id',
    'X_User-Id',
    'x-user_roles',
    'X_USER_ROLES',
  ]
  for (const name of spellings) assert.deepEqual(read([name, 'root']).headers, [], name)
  for (const name of ['x-user-idx', 'x-user', 'xx-user-id', 'x_user']) {
    assert.deepEqual(read([name, 'v']).headers, [name, 'v'], name)
  }
})

test('a spelling with underscores of a header that we act on is dropped', () => {
  const head = read([
    'transfer_encoding',
    'chunked',
    'content_length',
    '5',
    'x_request_id',
    'abc',
    'authoriz_ation',
    'x',
  ])
  assert.equal(head.chunked, false)
  assert.equal(head.contentLength, undefined)
  assert.equal(head.requestId, undefined)
  assert.deepEqual(head.headers, ['authoriz_ation', 'x'])
})

test('the fields that Connection names are dropped, in one line or several, in any order', () => {
  const cases = [
    ['Connection', 'x-a, X-B', 'X-A', '1', 'x-b', '2', 'X-C', '3'],
    ['X-A', '1', 'Connection', 'x-a', 'Connection', 'close, x-b', 'x-b', '2', 'X-C', '3'],
    ['x-b', '2', 'CONNECTION', ' , x-b ,, Keep-Alive ', 'X-C', '3'],
  ]
  for (const lines of cases) assert.deepEqual(read(lines).headers, ['X-C', '3'], lines.join('|'))
  for (const value of ['close', 'keep-alive', 'Keep-Alive', 'CLOSE', '', ',']) {
    assert.deepEqual(read(['Connection', value, 'X-C', '3']).headers, ['X-C', '3'], value)
  }
})

test('the fields that the gateway acts on are read in the same pass', () => {
  const head = read([
    'Host',
    'api.example.com',
    'Authorization',
    'Bearer t',
    'X-Request-Id',
    'abc',
    'Content-Length',
    '5',
    'Content-Type',
    'text/plain',
  ])
  assert.deepEqual(head, {
    headers: ['Authorization', 'Bearer t', 'Content-Type', 'text/plain'],
    host: 'api.example.com',
    hostCount: 1,
    authorization: 'Bearer t',
    authorizationCount: 1,
    requestId: 'abc',
    contentLength: '5',
    contentType: 'text/plain',
    chunked: false,
    unknownEncoding: false,
    asksForUpgrade: false,
    acceptsTrailers: false,
    trailer: undefined,
    connectionOptions: undefined,
    proxyLines: undefined,
    traceLines: undefined,
  })
  assert.equal(read(['transfer-encoding', 'chunked']).chunked, true)
  assert.equal(read(['content-type', 'a/b', 'Content-Type', 'c/d']).contentType, 'a/b, c/d')
})

test('what a client says about trailers is read, and what Connection lists', () => {
  for (const [value, accepts] of [
    ['trailers', true],
    ['Trailers', true],
    ['gzip;q=0.5,\ttrailers , deflate', true],
    ['', false],
    ['gzip', false],
    ['xtrailers', false],
    ['trailers2', false],
    ['trailers;q=0.5', false],
  ] as const)
    assert.equal(read(['TE', value]).acceptsTrailers, accepts, value)
  assert.equal(read(['TE', 'trailers', 'te', 'gzip']).acceptsTrailers, true)
  assert.equal(read(['Trailer', 'X-A', 'trailer', 'X-B, X-C']).trailer, 'X-A, X-B, X-C')
  assert.deepEqual([...read(['Connection', 'TE, X-Hop, close']).connectionOptions!], ['te', 'x-hop'])
})

test('more than one Host, Authorization or request id is reported', () => {
  const head = read([
    'Host',
    'a',
    'host',
    'b',
    'Authorization',
    'x',
    'AUTHORIZATION',
    'y',
    'x-request-id',
    '1',
    'X-Request-ID',
    '2',
  ])
  assert.equal(head.hostCount, 2)
  assert.equal(head.host, 'a')
  assert.equal(head.authorizationCount, 2)
  assert.equal(head.authorization, 'x')
  assert.equal(head.requestId, '1, 2')
})

test('invented names are treated correctly, however many there are', () => {
  const reader = createRequestHeadReader(['x-user-id'])
  for (let i = 0; i < 5_000; i++) assert.equal(reader([`x-${i}`, '1']).headers.length, 2)
  assert.deepEqual(reader(['X-uSeR-iD', 'root', 'x-4999', '1']).headers, ['x-4999', '1'])
})

test('names of object properties are ordinary header names', () => {
  const lines = ['constructor', '1', '__proto__', '2', 'toString', '3']
  assert.deepEqual(read(lines).headers, lines)
})

test('any encoding but a single chunked is reported', () => {
  for (const value of ['chunked', 'Chunked', 'CHUNKED']) {
    assert.equal(read(['Transfer-Encoding', value]).unknownEncoding, false, value)
  }
  for (const value of [
    '',
    'gzip',
    'identity',
    'gzip, chunked',
    'chunked, chunked',
    'xchunked',
    'chunked;q=1',
  ]) {
    assert.equal(read(['transfer-encoding', value]).unknownEncoding, true, value)
  }
  assert.equal(read(['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked']).unknownEncoding, true)
})

test('a hostile head of 100 KB is read quickly', () => {
  const KB_100 = 100_000
  const heads: Readonly<Record<string, string[]>> = {
    'a list of options': ['Connection', 'a,'.repeat(KB_100 / 2)],
    'a list of blanks': ['Connection', ' ,\t'.repeat(KB_100 / 3)],
    'many options and many fields': [
      'Connection',
      Array.from({ length: KB_100 / 10 }, (_, i) => `x-${i}`).join(),
      ...Array.from({ length: KB_100 / 10 }, (_, i) => [`X-${i}`, '']).flat(),
    ],
    'many lists of addresses': Array.from({ length: KB_100 / 20 }, () => [
      'X-Forwarded-For',
      '1.1.1.1',
    ]).flat(),
    'many ids': Array.from({ length: KB_100 / 20 }, () => ['X-Request-Id', 'a']).flat(),
    'a long name': ['x_'.repeat(KB_100 / 2), ''],
  }
  for (const [what, lines] of Object.entries(heads)) {
    const least = leastCpuMs(() => createRequestHeadReader(['x-user-id'])(lines))
    assert.ok(least < 50, `${what}: ${least} ms`)
  }
})

test('what could be taken for a word of the gateway about a certificate is dropped, whoever sends it', () => {
  const lines = [
    'X-Client-Cert-Verified',
    '1',
    'x_client_cert_issuer',
    'CN=a',
    'x-client-cert',
    'a',
    'x-client',
    'b',
  ]
  for (const isProxied of [false, true]) assert.deepEqual(read(lines, isProxied).headers, ['x-client', 'b'])
})
