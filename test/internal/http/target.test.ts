import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOfTarget, originForm, pathOf, stripPrefix } from '../../../internal/http/target.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'

test('plain targets are safe, whatever their query contains', () => {
  const safe = [
    '/',
    '/?',
    '/a/b.c',
    '/a//b',
    '/a/',
    '/.well-known/x',
    '/...',
    '/a..b/c.',
    '/..a',
    '/%20%C3%A9',
    '/%252e%252e/',
    '/%25',
    "/a;b=1/(c)!$&'*+,=:@~",
    '/a;..b/c',
    '/?x=../..&y=%2f%5c%00%zz//',
    '/a?b?c',
    '/%2efoo',
    '/a|b^`{}"<>',
    '/x?a\\b',
  ]
  for (const target of safe) assert.equal(kindOfTarget(target), 'plain', target)
})

test('targets that two servers could read differently are not safe', () => {
  const unsafe = [
    '',
    '*',
    'a',
    'http://other/',
    'other:443',
    '//',
    '//other/x',
    '/../x',
    '/..',
    '/.',
    '/./x',
    '/a/..',
    '/a/../b',
    '/a/./b',
    '/a/..?x',
    '/%2e%2e/x',
    '/%2E%2E',
    '/.%2e/x',
    '/%2e./x',
    '/a/%2e',
    '/a/%2e?x',
    // Servers that read `;` as the start of parameters resolve these as dot segments.
    '/..;/x',
    '/a/..;v=1/b',
    '/a/.;/b',
    '/%2e%2e;/x',
    '/..%3b/x',
    // Decoded, they would have dot segments.
    '/..%2fb',
    '/a%2f..',
    '/a%2F%2e%2E%2fb',
    '/a/..%2Fb/',
    // Not UTF-8.
    '/%ff',
    '/a/%c3(',
    '/a%2Fb%5c',
    '/a%5cb',
    '/a%5Cb',
    '/a\\b',
    '/a%00b',
    '/a%',
    '/a%z1',
    '/a%1z',
    '/a%u0041',
    '/a#b',
    '/?#',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/a\0b',
    '/a\n',
    '/é',
    '/\u{1F600}',
    '/\x7f',
    '/\xff',
  ]
  for (const target of unsafe) assert.equal(kindOfTarget(target), 'unsafe', JSON.stringify(target))
})

test('an encoded slash is recognised in any case', () => {
  for (const target of ['/a%2fb', '/a%2Fb', '/%2F', '/a%2f', '/a%2f%2fb?x'])
    assert.equal(kindOfTarget(target), 'encoded-slash', target)
  assert.equal(kindOfTarget('/a?b%2fc'), 'plain')
})

test('judging a long hostile target takes linear time', () => {
  const pieces = ['/.', '%2e', '/%2e', '.', '%25', ';', '/..a', '%2f', '%2f.', '/..%2', '%', '?', '%2e%2e']
  for (const piece of pieces) {
    const times = [25_000, 100_000].map(length => {
      const target = `/${piece.repeat(length / piece.length)}x`
      return leastCpuMs(() => kindOfTarget(target))
    })
    // Four times the length. A pattern that starts over at each character would take sixteen times as long or longer.
    assert.ok(times[1]! < 50, `${piece}: ${times}`)
  }
})

test('a target with scheme and host becomes a path if Host agrees', () => {
  const cases = [
    ['http://h/a?b', 'h', '/a?b'],
    ['HTTP://H:80/', 'h:80', '/'],
    ['https://h', 'H', '/'],
    ['http://h?x', 'h', '/?x'],
    ['http://[::1]:8080/a', '[::1]:8080', '/a'],
    ['http://h//other/x', 'h', '//other/x'],
    ['http://h/a', 'other', undefined],
    ['http://h/a', undefined, undefined],
    ['http:///a', '', undefined],
    ['http://h:80/a', 'h', undefined],
    ['http://h.evil/a', 'h', undefined],
    ['http://h@evil/a', 'h', undefined],
    ['http://u@h/a', 'h', undefined],
    ['http://h\\@evil/', 'h', undefined],
    ['http://h#a', 'h', undefined],
    ['ftp://h/a', 'h', undefined],
    ['/a', 'h', undefined],
    ['*', 'h', undefined],
  ] as const
  for (const [target, host, path] of cases) assert.equal(originForm(target, host), path, `${target} ${host}`)
})

test('the path of a target is the part before its query', () => {
  for (const [target, path] of [
    ['/a?b', '/a'],
    ['/a', '/a'],
    ['/?', '/'],
    ['/a?b?c', '/a'],
  ] as const) {
    assert.equal(pathOf(target), path)
  }
})

test('a prefix is stripped in whole segments, and everything else stays byte for byte', () => {
  const cases = [
    ['/api/v1/x', '', '/api/v1/x'],
    ['/api/v1/x', '/api', '/v1/x'],
    ['/api/v1/x', '/api/v1', '/x'],
    ['/api/v1', '/api/v1', '/'],
    ['/api/v1/', '/api/v1', '/'],
    ['/api?x=/api&y=%2F', '/api', '/?x=/api&y=%2F'],
    ['/api?', '/api', '/?'],
    ['/api/a%20b//c?d=e%26', '/api', '/a%20b//c?d=e%26'],
    // The spelling differs from the document, but the router matches it.
    ['/%61pi/v1/x', '/api/v1', '/x'],
    ['/ap%69/%76%31', '/api/v1', '/'],
    ['/%61pi?q=/a/b', '/api', '/?q=/a/b'],
    ['/%61pi/v1/api/v1?q', '/api/v1', '/api/v1?q'],
    ['/caf%c3%a9/x', '/caf%C3%A9', '/x'],
  ] as const
  for (const [target, prefix, stripped] of cases) assert.equal(stripPrefix(target, prefix), stripped, target)
})
